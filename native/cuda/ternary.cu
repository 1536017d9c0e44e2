// Kernels of three operands, from the bodies in native/ops/ternary.h.
#include "../ops/rows/arithmetic.h"

#include "bodies.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_ARITHMETIC_ROWS)

namespace wg::cuda {
namespace {

template <class Op, class T>
struct Plain {
  WG_DEV T operator()(T a, T b, T c) const {
    return elementOf(Op::value(valueOf(a), valueOf(b), valueOf(c)));
  }
};
template <class Op, class T>
struct Scaled {
  T scale;
  WG_DEV T operator()(T a, T b, T c) const {
    return elementOf(Op::value(valueOf(a), valueOf(b), valueOf(c), valueOf(scale)));
  }
};

template <class Op>
void run(Stream& s, const char* name, const View& out, const Operand& a, const Operand& b, const Operand& c) {
  const DType dtype = computeOf(out.dtype);
  const Source inputs[] = {sourceOf(a, dtype), sourceOf(b, dtype), sourceOf(c, dtype)};
  withTypesOf<Op>(s, dtype, name, [&]<class T>() { runElementwise(s, Plain<Op, T>{}, out, dtype, inputs); });
}

template <class Op>
void runScaled(Stream& s, const char* name, const View& out, const Operand& a, const Operand& b,
               const Operand& c, double scale) {
  const DType dtype = computeOf(out.dtype);
  const Source inputs[] = {sourceOf(a, dtype), sourceOf(b, dtype), sourceOf(c, dtype)};
  withTypesOf<Op>(s, dtype, name, [&]<class T>() {
    runElementwise(s, Scaled<Op, T>{fromDouble<T>(scale)}, out, dtype, inputs);
  });
}

}  // namespace

#define WG_TERNARY_KERNEL(X, Struct, name)                                                     \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b, const Operand& c) { \
    run<op::Struct>(s, #name, out, a, b, c);                                                   \
  }
WG_TERNARY(WG_TERNARY_KERNEL, )
#undef WG_TERNARY_KERNEL

#define WG_SCALED_KERNEL(X, Struct, name)                                                    \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b, const Operand& c, \
            const double& scale) {                                                           \
    runScaled<op::Struct>(s, #name, out, a, b, c, scale);                                    \
  }
WG_TERNARY_SCALED(WG_SCALED_KERNEL, )
#undef WG_SCALED_KERNEL

}  // namespace wg::cuda
