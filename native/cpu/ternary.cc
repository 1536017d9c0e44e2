// Kernels of three operands, from the bodies in native/ops/ternary.h.
#include "../ops/rows/arithmetic.h"

#include "operands.h"

WG_PROTOTYPES(WG_ARITHMETIC_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

template <class T, class F>
void forEachRegister(void* out, const void* a, const void* b, const void* c, int64_t n, F f) {
  using V = Vec<T>;
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  const T* z = static_cast<const T*>(c);
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes)
    store(o + i, f(simd::load<V>(x + i), simd::load<V>(y + i), simd::load<V>(z + i)));
  if (i < n) {
    const V result =
        f(simd::loadPart<V>(x + i, n - i), simd::loadPart<V>(y + i, n - i), simd::loadPart<V>(z + i, n - i));
    storePart(o + i, result, n - i);
  }
}

template <class Op, class T>
void plainBody(void* out, const void* a, const void* b, const void* c, int64_t n) {
  using V = Vec<T>;
  forEachRegister<T>(out, a, b, c, n, [](V x, V y, V z) { return Op::value(x, y, z); });
}
template <class Op, class T>
void scaledBody(void* out, const void* a, const void* b, const void* c, int64_t n, const double* numbers) {
  using V = Vec<T>;
  const V scale(fromDouble<T>(numbers[0]));
  forEachRegister<T>(out, a, b, c, n, [scale](V x, V y, V z) { return Op::value(x, y, z, scale); });
}

template <class Op, class F>
void choose(Stream& s, DType dtype, const char* name, F f) {
  if constexpr (Op::kIntegers) withNumber(s, dtype, name, f);
  else withFloat(s, dtype, name, f);
}

template <class Op>
void run(Stream& s, const char* name, const View& out, const Operand& a, const Operand& b, const Operand& c) {
  const DType dtype = computeOf(out.dtype);
  const Source inputs[] = {sourceOf(a, dtype), sourceOf(b, dtype), sourceOf(c, dtype)};
  Body body = nullptr;
  choose<Op>(s, dtype, name, [&body]<class T>() { body = plainBody<Op, T>; });
  if (body != nullptr) runElementwise(s, out, inputs, 3, body, dtype);
}

template <class Op>
void runScaled(Stream& s, const char* name, const View& out, const Operand& a, const Operand& b,
               const Operand& c, double scale) {
  const DType dtype = computeOf(out.dtype);
  const Source inputs[] = {sourceOf(a, dtype), sourceOf(b, dtype), sourceOf(c, dtype)};
  BodyWith body = nullptr;
  choose<Op>(s, dtype, name, [&body]<class T>() { body = scaledBody<Op, T>; });
  const double numbers[kMaxNumbers] = {scale};
  if (body != nullptr) runElementwise(s, out, inputs, 3, body, numbers, dtype);
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

}  // namespace WG_ISA
}  // namespace wg::cpu
