// Bodies of elementwise kernels from the element bodies in native/ops, and the checks and dtypes their ops
// share.
#pragma once
#include "elementwise.h"

namespace wg::cuda {

/// True for bodies so long that a thread takes one element: unrolled they would fill the registers.
template <class Op>
inline constexpr bool kIsLong = false;

/// What bodies compute on: floats as they are, integers so that nothing is undefined.
template <class T>
WG_DEV auto valueOf(T x) {
  if constexpr (kIsFloat<T>) return x;
  else return Whole<T>(x);
}
WG_DEV float elementOf(float x) { return x; }
WG_DEV double elementOf(double x) { return x; }
template <class T>
WG_DEV T elementOf(Whole<T> x) {
  return x.value;
}

template <class Op, class T>
struct ValueBody {
  static constexpr bool kLong = kIsLong<Op>;
  WG_DEV T operator()(T x) const { return elementOf(Op::value(valueOf(x))); }
};
template <class Op, class T>
struct GradBody {
  static constexpr bool kLong = kIsLong<Op>;
  WG_DEV T operator()(T saved, T dy) const { return Op::grad(saved, dy); }
};
/// With two numbers.
template <class Op, class T>
struct ValueWithBody {
  static constexpr bool kLong = kIsLong<Op>;
  double p, q;
  WG_DEV T operator()(T x) const { return Op::value(x, p, q); }
};
template <class Op, class T>
struct GradWithBody {
  static constexpr bool kLong = kIsLong<Op>;
  double p, q;
  WG_DEV T operator()(T x, T dy) const { return Op::grad(x, dy, p, q); }
};
template <class Op, class T>
struct BinaryBody {
  static constexpr bool kLong = kIsLong<Op>;
  WG_DEV T operator()(T a, T b) const { return elementOf(Op::value(valueOf(a), valueOf(b))); }
};
/// Of bodies on plain integers.
template <class Op, class T>
struct PlainBody {
  WG_DEV T operator()(T a, T b) const { return Op::value(a, b); }
};
template <class Op, class T>
struct MaskBody {
  WG_DEV uint8_t operator()(T a, T b) const { return static_cast<uint8_t>(Op::mask(a, b)); }
};
template <class Op, class T>
struct PredicateBody {
  WG_DEV uint8_t operator()(T x) const { return static_cast<uint8_t>(Op::mask(x)); }
};

/// f.template operator()<T>() for the dtypes Op takes.
template <class Op, class F>
void withTypesOf(Stream& s, DType dtype, const char* name, F f) {
  if constexpr (Op::kIntegers) withNumber(s, dtype, name, f);
  else withFloat(s, dtype, name, f);
}

template <class Op>
void runValue(Stream& s, const char* name, const View& out, const View& x) {
  const DType dtype = computeOf(out.dtype);
  withTypesOf<Op>(s, dtype, name, [&]<class T>() {
    const Source inputs[] = {sourceOf(x, dtype)};
    runElementwise(s, ValueBody<Op, T>{}, out, dtype, inputs);
  });
}

template <class Op>
void runGrad(Stream& s, const char* name, const View& dx, const View& saved, const View& dy) {
  const DType dtype = computeOf(dx.dtype);
  withFloat(s, dtype, name, [&]<class T>() {
    const Source inputs[] = {sourceOf(saved, dtype), sourceOf(dy, dtype)};
    runElementwise(s, GradBody<Op, T>{}, dx, dtype, inputs);
  });
}

template <class Op>
void runValueWith(Stream& s, const char* name, const View& out, const View& x, double p, double q) {
  const DType dtype = computeOf(out.dtype);
  withFloat(s, dtype, name, [&]<class T>() {
    const Source inputs[] = {sourceOf(x, dtype)};
    runElementwise(s, ValueWithBody<Op, T>{p, q}, out, dtype, inputs);
  });
}

template <class Op>
void runGradWith(Stream& s, const char* name, const View& dx, const View& x, const View& dy, double p,
                 double q) {
  const DType dtype = computeOf(dx.dtype);
  withFloat(s, dtype, name, [&]<class T>() {
    const Source inputs[] = {sourceOf(x, dtype), sourceOf(dy, dtype)};
    runElementwise(s, GradWithBody<Op, T>{p, q}, dx, dtype, inputs);
  });
}

/// A body of two operands, in the dtype out is computed in.
template <class Body>
void runBinary(Stream& s, const View& out, const Operand& a, const Operand& b, const Body& body = {}) {
  const DType dtype = computeOf(out.dtype);
  const Source inputs[] = {sourceOf(a, dtype), sourceOf(b, dtype)};
  runElementwise(s, body, out, dtype, inputs);
}

/// A kernel without a gradient.
#define WG_VALUE_KERNEL(X, Struct, name) \
  void name(Stream& s, const Out& out, const In& x) { runValue<op::Struct>(s, #name, out, x); }
#define WG_UNARY_KERNELS(X, Struct, name)                                                       \
  void name(Stream& s, const Out& out, const In& x) { runValue<op::Struct>(s, #name, out, x); } \
  void name##Grad(Stream& s, const Out& dx, const In& saved, const In& dy) {                    \
    runGrad<op::Struct>(s, #name "Grad", dx, saved, dy);                                        \
  }
/// With two numbers.
#define WG_UNARY_WITH_KERNELS(X, Struct, name)                                                             \
  void name(Stream& s, const Out& out, const In& x, const double& p, const double& q) {                    \
    runValueWith<op::Struct>(s, #name, out, x, p, q);                                                      \
  }                                                                                                        \
  void name##Grad(Stream& s, const Out& dx, const In& x, const In& dy, const double& p, const double& q) { \
    runGradWith<op::Struct>(s, #name "Grad", dx, x, dy, p, q);                                             \
  }

}  // namespace wg::cuda
