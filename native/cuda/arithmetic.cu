// Division with whole quotients, bits, and functions of two floats, from the bodies in native/ops/division.h,
// bitwise.h and planar.h.
#include "../ops/rows/arithmetic.h"

#include "bodies.h"
#include "prototype.h"
#include "wg/error.h"

WG_CUDA_PROTOTYPES(WG_ARITHMETIC_ROWS)

namespace wg::cuda {
namespace {

/// 1 where x is positive, 0 where it is negative or NaN, `atZero` at 0.
struct Heaviside {
  template <class V>
  WG_HD static V value(V x, V atZero) {
    using T = ElementOf<V>;
    const V zero(T(0));
    return select(x == zero, atZero, select(x > zero, V(T(1)), zero));
  }
};

/// Raises the cell where a divisor is 0.
template <class T>
WG_KERNEL(kElementwiseThreads)
findZero(const void* b, DType dtype, const WG_GRID_CONSTANT Offsets<1, uint64_t> places, ErrorCell* error) {
  const uint64_t step = uint64_t{gridDim.x} * blockDim.x;
  for (uint64_t i = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < places.total; i += step)
    if (loadAny<T>(b, dtype, places(i)[0], false) == T(0)) raise(error, 0);
}

/// After findZero: when it has found one, an op in place leaves its target as it was.
template <class Op, class T>
struct WholeDivision {
  const ErrorCell* error;
  WG_DEV T operator()(T a, T b) const { return error->set != 0 ? a : Op::value(a, b); }
};

/// Looks at each stored divisor once: repeated axes count as one element.
template <class T>
ErrorCell* checkDivisors(Stream& s, const char* name, View b) {
  ErrorCell* error = errorCell(s, Code::argument, "%s: division of an integer by zero", name);
  if (!error) return nullptr;
  for (int i = 0; i < b.rank; i++)
    if (b.stride[i] == 0) b.shape[i] = 1;
  const View* const views[] = {&b};
  const auto axes = axesOf(views, Reorder::yes);
  constexpr int64_t kMostBlocks = 4096;
  const int64_t blocks = minOf(ceilDiv<int64_t>(axes.total, kElementwiseThreads), kMostBlocks);
  launch(s, findZero<T>, dim3(static_cast<unsigned>(blocks)), dim3(kElementwiseThreads), 0, b.data, b.dtype,
         axes.template offsets<uint64_t>(), error);
  return error;
}

template <class Op>
void divide(Stream& s, const char* name, const View& out, const Operand& a, const Operand& b) {
  const DType dtype = computeOf(out.dtype);
  if (dtype == DType::f32 || dtype == DType::f64) {
    return withFloat(s, dtype, name, [&]<class T>() { runBinary<BinaryBody<Op, T>>(s, out, a, b); });
  }
  withInteger(s, dtype, name, [&]<class T>() {
    if (numel(out) == 0) return;
    if (b.isNumber && b.number != 0) return runBinary<PlainBody<Op, T>>(s, out, a, b);
    if (b.isNumber) return fail(s, Code::argument, "%s: division of an integer by zero", name);
    if (const ErrorCell* error = checkDivisors<T>(s, name, b.view))
      runBinary(s, out, a, b, WholeDivision<Op, T>{error});
  });
}

}  // namespace

#define WG_DIVISION_KERNEL(X, Struct, name)                                  \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b) { \
    divide<op::Struct>(s, #name, out, a, b);                                 \
  }
WG_DIVISION(WG_DIVISION_KERNEL, )
#undef WG_DIVISION_KERNEL

#define WG_PLANAR_KERNEL(X, Struct, name)                                              \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b) {           \
    withFloat(s, computeOf(out.dtype), #name,                                          \
              [&]<class T>() { runBinary<BinaryBody<op::Struct, T>>(s, out, a, b); }); \
  }
WG_PLANAR(WG_PLANAR_KERNEL, )
#undef WG_PLANAR_KERNEL

#define WG_BITWISE_KERNEL(X, Struct, name)                                              \
  void name(Stream& s, const Out& out, const Operand& a, const Operand& b) {            \
    withInteger(s, computeOf(out.dtype), #name,                                         \
                [&]<class T>() { runBinary<PlainBody<op::Struct, T>>(s, out, a, b); }); \
  }
WG_BITWISE(WG_BITWISE_KERNEL, )
#undef WG_BITWISE_KERNEL

void heaviside(Stream& s, const Out& out, const Operand& x, const Operand& atZero) {
  withNumber(s, computeOf(out.dtype), "heaviside",
             [&]<class T>() { runBinary<BinaryBody<Heaviside, T>>(s, out, x, atZero); });
}

}  // namespace wg::cuda
