// Comparisons and `where`: plain loops that compilers vectorise.
#include "../ops/rows/elementwise.h"

#include "elementwise.h"

WG_PROTOTYPES(WG_ELEMENTWISE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class Op, class T>
void compareBody(void* out, const void* a, const void* b, const void*, int64_t n) {
  uint8_t* o = static_cast<uint8_t*>(out);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; i++) o[i] = static_cast<uint8_t>(Op::mask(x[i], y[i]));
}

/// The dtype a comparison is made in: one that holds both operands, where a number is weak.
DType comparedIn(const Operand& a, const Operand& b) {
  if (a.isNumber && b.isNumber) return DType::f64;
  if (!a.isNumber && !b.isNumber) return commonCompute(a.view.dtype, b.view.dtype);
  const DType dtype = commonCompute(a.isNumber ? b.view.dtype : a.view.dtype, DType::boolean);
  const double number = a.isNumber ? a.number : b.number;
  const bool whole = number - number == 0 && __builtin_floor(number) == number;
  return whole || dtype == DType::f32 || dtype == DType::f64 ? dtype : DType::f32;
}

template <class Op>
void run(Stream& s, const char* name, const View& out, const Operand& a, const Operand& b) {
  const DType dtype = comparedIn(a, b);
  const Source inputs[] = {sourceOf(a, dtype), sourceOf(b, dtype)};
  if (!require(s, out.dtype == DType::boolean, "comparison: the output is not bool")) return;
  Body body = nullptr;
  withAny(s, dtype, name, [&body]<class T>() { body = compareBody<Op, T>; });
  if (body != nullptr) runElementwise(s, out, inputs, 2, body);
}

/// Chooses between bit patterns, so one instantiation per item size does for all dtypes.
template <class T>
void whereBody(void* out, const void* condition, const void* a, const void* b, int64_t n) {
  T* o = static_cast<T*>(out);
  const uint8_t* c = static_cast<const uint8_t*>(condition);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; i++) {
    const T keep = x[i], other = y[i];
    o[i] = c[i] != 0 ? keep : other;
  }
}

}  // namespace

#define WG_COMPARE_KERNEL(X, Struct, name)                                   \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b) { \
    run<op::Struct>(s, #name, out, a, b);                                    \
  }
WG_COMPARE(WG_COMPARE_KERNEL, )
#undef WG_COMPARE_KERNEL

void where(Stream& s, const Out& out, const In& condition, const Operand& a, const Operand& b) {
  if (!require(s, condition.dtype == DType::boolean || condition.dtype == DType::u8,
               "where: the condition is not bool"))
    return;
  // Choices of the output's own dtype are moved as they are.
  const bool bits = (a.isNumber || a.view.dtype == out.dtype) && (b.isNumber || b.view.dtype == out.dtype);
  const DType dtype = bits ? out.dtype : computeOf(out.dtype);
  const Source inputs[] = {sourceOf(condition), sourceOf(a, dtype), sourceOf(b, dtype)};
  const int64_t item = itemBytes(dtype);
  runElementwise(s, out, inputs, 3,
                 item == 4   ? whereBody<uint32_t>
                 : item == 8 ? whereBody<uint64_t>
                 : item == 2 ? whereBody<uint16_t>
                             : whereBody<uint8_t>,
                 dtype);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
