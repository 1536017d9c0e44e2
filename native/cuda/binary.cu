// Binary arithmetic, from the bodies in native/ops/binary.h. The output's dtype says what is computed in;
// operands of others are converted as they are read.
#include "../ops/rows/elementwise.h"

#include "bodies.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_ELEMENTWISE_ROWS)

namespace wg::cuda {
namespace {

template <class Op>
void run(Stream& s, const char* name, const View& out, const Operand& a, const Operand& b) {
  const DType dtype = computeOf(out.dtype);
  const auto body = [&]<class T>() { runBinary<BinaryBody<Op, T>>(s, out, a, b); };
  // Only the order of two bools makes sense: maximum is or, minimum is and.
  if constexpr (__is_same(Op, op::Maximum) || __is_same(Op, op::Minimum)) withAny(s, dtype, name, body);
  else withNumber(s, dtype, name, body);
}

}  // namespace

#define WG_BINARY_KERNEL(X, Struct, name)                                    \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b) { \
    run<op::Struct>(s, #name, out, a, b);                                    \
  }
#define WG_ALL_BUT_POW(F, X) \
  F(X, Add, add)             \
  F(X, Sub, sub)             \
  F(X, Mul, mul)             \
  F(X, Div, div) F(X, Maximum, maximum) F(X, Minimum, minimum) F(X, Fmax, fmax) F(X, Fmin, fmin)
WG_ALL_BUT_POW(WG_BINARY_KERNEL, )
#undef WG_ALL_BUT_POW
#undef WG_BINARY_KERNEL

template <>
inline constexpr bool kIsLong<op::Pow> = true;

void pow(Stream& s, const Out& out, const Operand& a, const Operand& b) {
  // x^2 is x x, exactly rounded, at a twentieth of the price.
  if (b.isNumber && b.number == 2.0 && !a.isNumber) run<op::Mul>(s, "pow", out, a, a);
  else run<op::Pow>(s, "pow", out, a, b);
}

}  // namespace wg::cuda
