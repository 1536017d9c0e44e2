// Rounding to integers, and the element bodies on it.
#pragma once
#include "math.h"

/// Ops whose gradient is zero: one kernel each, name(out, x).
#define WG_ROUNDING(F, X) \
  F(X, Ceil, ceil)        \
  F(X, Round, round)      \
  F(X, Trunc, trunc)      \
  F(X, Frac, frac)

/// Any dtype in, bool out.
#define WG_PREDICATES(F, X) \
  F(X, IsNan, isnan)        \
  F(X, IsInf, isinf)        \
  F(X, IsFinite, isfinite)  \
  F(X, IsPosInf, isposinf)  \
  F(X, IsNegInf, isneginf)  \
  F(X, SignBit, signbit)

namespace wg {
inline namespace WG_ISA {
namespace math {

/// The nearest integer, halves to even; the sign of zero is kept.
template <class V>
WG_HD V roundEven(V x) {
  using T = ElementOf<V>;
  if constexpr (!kIsFloat<T>) {
    return x;
  } else {
    // Adding 2^mantissa leaves no bits behind the point; the processor rounds halves to even.
    const V whole(T(uint64_t{1} << Format<T>::kMantissa)), a = abs(x);
    return select(a < whole, copySign((a + whole) - whole, x), x);
  }
}

template <class V>
WG_HD V trunc(V x) {
  if constexpr (!kIsFloat<ElementOf<V>>) return x;
  else return copySign(floor(abs(x)), x);
}

}  // namespace math

namespace op {

struct Ceil {
  static constexpr bool kIntegers = true;
  template <class V>
  WG_HD static V value(V x) {
    if constexpr (!kIsFloat<ElementOf<V>>) return x;
    else return -floor(-x);
  }
};
struct Round {
  static constexpr bool kIntegers = true;
  template <class V>
  WG_HD static V value(V x) {
    return math::roundEven(x);
  }
};
struct Trunc {
  static constexpr bool kIntegers = true;
  template <class V>
  WG_HD static V value(V x) {
    return math::trunc(x);
  }
};
struct Frac {
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return x - math::trunc(x);
  }
};

// Predicates of one element, in a loop that compilers vectorise; integers are finite.
struct IsNan {
  template <class T>
  WG_HD static bool mask(T x) {
    return x != x;
  }
};
struct IsInf {
  template <class T>
  WG_HD static bool mask(T x) {
    if constexpr (kIsFloat<T>) return abs(x) == Format<T>::kInf;
    else return false;
  }
};
struct IsFinite {
  template <class T>
  WG_HD static bool mask(T x) {
    if constexpr (kIsFloat<T>) return abs(x) < Format<T>::kInf;
    else return true;
  }
};
struct IsPosInf {
  template <class T>
  WG_HD static bool mask(T x) {
    if constexpr (kIsFloat<T>) return x == Format<T>::kInf;
    else return false;
  }
};
struct IsNegInf {
  template <class T>
  WG_HD static bool mask(T x) {
    if constexpr (kIsFloat<T>) return x == -Format<T>::kInf;
    else return false;
  }
};
struct SignBit {
  template <class T>
  WG_HD static bool mask(T x) {
    if constexpr (kIsFloat<T>) return (bitsOf(x) & Format<T>::kSign) != 0;
    else return x < T(0);
  }
};

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
