// Rounding, predicates and the replacement of what is not finite, from native/ops/rounding.h.
#include "../ops/rows/elementary.h"

#include "unary.h"

WG_PROTOTYPES(WG_ELEMENTARY_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class Op, class T>
void predicateBody(void* out, const void* a, const void*, const void*, int64_t n) {
  uint8_t* o = static_cast<uint8_t*>(out);
  const T* x = static_cast<const T*>(a);
  for (int64_t i = 0; i < n; i++) o[i] = static_cast<uint8_t>(Op::mask(x[i]));
}

template <class Op>
void runPredicate(Stream& s, const char* name, const View& out, const View& x) {
  if (!require(s, out.dtype == DType::boolean, "predicate: the output is not bool")) return;
  const DType dtype = computeOf(x.dtype);
  Body body = nullptr;
  withAny(s, dtype, name, [&body]<class T>() { body = predicateBody<Op, T>; });
  const Source inputs[] = {sourceOf(x, dtype)};
  if (body != nullptr) runElementwise(s, out, inputs, 1, body);
}

template <class T>
void nanToNumBody(void* out, const void* a, const void*, const void*, int64_t n, const double* numbers) {
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T nan = static_cast<T>(numbers[0]), most = static_cast<T>(numbers[1]),
          least = static_cast<T>(numbers[2]);
  constexpr T kInf = Format<T>::kInf;
  for (int64_t i = 0; i < n; i++) {
    const T v = x[i];
    o[i] = v != v ? nan : v == kInf ? most : v == -kInf ? least : v;
  }
}

}  // namespace

WG_ROUNDING(WG_VALUE_KERNEL, )

#define WG_PREDICATE_KERNEL(X, Struct, name) \
  void name(Stream& s, const Out& out, const In& x) { runPredicate<op::Struct>(s, #name, out, x); }
WG_PREDICATES(WG_PREDICATE_KERNEL, )
#undef WG_PREDICATE_KERNEL

void nanToNum(Stream& s, const Out& out, const In& x, const double& nan, const double& posinf,
              const double& neginf) {
  const DType dtype = computeOf(out.dtype);
  BodyWith body = nullptr;
  withFloat(s, dtype, "nanToNum", [&body]<class T>() { body = nanToNumBody<T>; });
  const Source inputs[] = {sourceOf(x, dtype)};
  const double numbers[kMaxNumbers] = {nan, posinf, neginf};
  if (body != nullptr) runElementwise(s, out, inputs, 1, body, numbers, dtype);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
