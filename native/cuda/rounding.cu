// Rounding, predicates and the replacement of what is not finite, from native/ops/rounding.h.
#include "../ops/rows/elementary.h"

#include "bodies.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_ELEMENTARY_ROWS)

namespace wg::cuda {
namespace {

template <class Op>
void runPredicate(Stream& s, const char* name, const View& out, const View& x) {
  if (!require(s, out.dtype == DType::boolean, "predicate: the output is not bool")) return;
  const DType dtype = computeOf(x.dtype);
  withAny(s, dtype, name, [&]<class T>() {
    const Source inputs[] = {sourceOf(x, dtype)};
    runElementwise(s, PredicateBody<Op, T>{}, out, out.dtype, inputs);
  });
}

template <class T>
struct NanToNum {
  T nan, most, least;
  WG_DEV T operator()(T x) const {
    constexpr T kInf = Format<T>::kInf;
    return x != x ? nan : x == kInf ? most : x == -kInf ? least : x;
  }
};

}  // namespace

WG_ROUNDING(WG_VALUE_KERNEL, )

#define WG_PREDICATE_KERNEL(X, Struct, name) \
  void name(Stream& s, const Out& out, const In& x) { runPredicate<op::Struct>(s, #name, out, x); }
WG_PREDICATES(WG_PREDICATE_KERNEL, )
#undef WG_PREDICATE_KERNEL

void nanToNum(Stream& s, const Out& out, const In& x, const double& nan, const double& posinf,
              const double& neginf) {
  const DType dtype = computeOf(out.dtype);
  withFloat(s, dtype, "nanToNum", [&]<class T>() {
    const Source inputs[] = {sourceOf(x, dtype)};
    const NanToNum<T> body{static_cast<T>(nan), static_cast<T>(posinf), static_cast<T>(neginf)};
    runElementwise(s, body, out, dtype, inputs);
  });
}

}  // namespace wg::cuda
