// Comparisons and `where`.
#include "../ops/rows/elementwise.h"

#include "bodies.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_ELEMENTWISE_ROWS)

namespace wg::cuda {
namespace {

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
  if (!require(s, out.dtype == DType::boolean, "comparison: the output is not bool")) return;
  const DType dtype = comparedIn(a, b);
  withAny(s, dtype, name, [&]<class T>() {
    const Source inputs[] = {sourceOf(a, dtype), sourceOf(b, dtype)};
    runElementwise(s, MaskBody<Op, T>{}, out, out.dtype, inputs);
  });
}

/// Chooses between bit patterns, so one body per item size does for all dtypes.
template <class T>
struct Choose {
  WG_DEV T operator()(uint8_t condition, T a, T b) const { return condition != 0 ? a : b; }
};

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
  // Choices of the output's own dtype are moved as they are; others are made in its compute type.
  const bool bits = (a.isNumber || a.view.dtype == out.dtype) && (b.isNumber || b.view.dtype == out.dtype);
  const DType dtype = bits ? out.dtype : computeOf(out.dtype);
  const Source inputs[] = {sourceOf(condition, condition.dtype), sourceOf(a, dtype), sourceOf(b, dtype)};
  if (!bits) {
    return withAny(s, dtype, "where", [&]<class T>() { runElementwise(s, Choose<T>{}, out, dtype, inputs); });
  }
  switch (itemBytes(dtype)) {
    case 1:
      runElementwise(s, Choose<uint8_t>{}, out, dtype, inputs);
      break;
    case 2:
      runElementwise(s, Choose<uint16_t>{}, out, dtype, inputs);
      break;
    case 4:
      runElementwise(s, Choose<float>{}, out, dtype, inputs);
      break;
    default:
      runElementwise(s, Choose<double>{}, out, dtype, inputs);
  }
}

}  // namespace wg::cuda
