// Binary arithmetic, from the bodies in native/ops/binary.h.
#include "../ops/rows/elementwise.h"

#include "elementwise.h"
#include "simd/vec.h"

WG_PROTOTYPES(WG_ELEMENTWISE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

template <class Op, class T>
void binaryBody(void* out, const void* a, const void* b, const void*, int64_t n) {
  using V = Vec<T>;
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes)
    store(o + i, Op::value(simd::load<V>(x + i), simd::load<V>(y + i)));
  if (i < n)
    storePart(o + i, Op::value(simd::loadPart<V>(x + i, n - i), simd::loadPart<V>(y + i, n - i)), n - i);
}

template <class Op>
void run(Stream& s, const char* name, const View& out, const Operand& a, const Operand& b) {
  const Source inputs[] = {sourceOf(a, out.dtype), sourceOf(b, out.dtype)};
  if (!require(s, inputs[0].dtype == out.dtype && inputs[1].dtype == out.dtype,
               "binary: operands differ in dtype"))
    return;
  Body body = nullptr;
  const auto choose = [&body]<class T>() { body = binaryBody<Op, T>; };
  // Only the order of two bools makes sense: maximum is or, minimum is and.
  if constexpr (__is_same(Op, op::Maximum) || __is_same(Op, op::Minimum)) withAny(s, out.dtype, name, choose);
  else withNumber(s, out.dtype, name, choose);
  if (body != nullptr) runElementwise(s, out, inputs, 2, body);
}

}  // namespace

#define WG_BINARY_KERNEL(X, Struct, name)                                    \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b) { \
    run<op::Struct>(s, #name, out, a, b);                                    \
  }
#define WG_ALL_BUT_POW(F, X) \
  F(X, Add, add) F(X, Sub, sub) F(X, Mul, mul) F(X, Div, div) F(X, Maximum, maximum) F(X, Minimum, minimum)
WG_ALL_BUT_POW(WG_BINARY_KERNEL, )
#undef WG_ALL_BUT_POW
#undef WG_BINARY_KERNEL

void pow(Stream& s, const Out& out, const Operand& a, const Operand& b) {
  // x^2 is x x, exactly rounded, at a twentieth of the price.
  if (b.isNumber && b.number == 2.0 && !a.isNumber) run<op::Mul>(s, "pow", out, a, a);
  else run<op::Pow>(s, "pow", out, a, b);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
