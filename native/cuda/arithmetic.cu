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

/// Raises the cell where an integer would be divided by zero.
template <class Op, class T>
struct WholeDivision {
  ErrorCell* error;
  WG_DEV T operator()(T a, T b) const {
    if (b == T(0)) raise(error, 0);
    return Op::value(a, b);
  }
};

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
    ErrorCell* error = errorCell(s, Code::argument, "%s: division of an integer by zero", name);
    if (!error) return;
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
