// Binary element bodies, and comparisons, which give a mask.
#pragma once
#include "power.h"

/// F(X, struct below, kernel name). Same dtype in and out (after promotion in
/// TypeScript; a number takes the other operand's dtype).
#define WG_BINARY(F, X)  \
  F(X, Add, add)         \
  F(X, Sub, sub)         \
  F(X, Mul, mul)         \
  F(X, Div, div)         \
  F(X, Maximum, maximum) \
  F(X, Minimum, minimum) \
  F(X, Fmax, fmax)       \
  F(X, Fmin, fmin)       \
  F(X, Pow, pow)

/// Two operands of one dtype, a bool result.
#define WG_COMPARE(F, X)       \
  F(X, Eq, eq)                 \
  F(X, Ne, ne)                 \
  F(X, Lt, lt)                 \
  F(X, Le, le)                 \
  F(X, Gt, gt)                 \
  F(X, Ge, ge)                 \
  F(X, LogicalAnd, logicalAnd) \
  F(X, LogicalOr, logicalOr)   \
  F(X, LogicalXor, logicalXor)

namespace wg {
inline namespace WG_ISA {
namespace op {

struct Add {
  template <class V>
  WG_HD static V value(V a, V b) {
    return a + b;
  }
};
struct Sub {
  template <class V>
  WG_HD static V value(V a, V b) {
    return a - b;
  }
};
struct Mul {
  template <class V>
  WG_HD static V value(V a, V b) {
    return a * b;
  }
};
struct Div {
  template <class V>
  WG_HD static V value(V a, V b) {
    return a / b;
  }
};
// NaN wins over any number, as in PyTorch: a NaN in `a` fails both comparisons' negations, one in `b` falls
// through.
struct Maximum {
  template <class V>
  WG_HD static V value(V a, V b) {
    return select((a > b) | (a != a), a, b);
  }
};
struct Minimum {
  template <class V>
  WG_HD static V value(V a, V b) {
    return select((a < b) | (a != a), a, b);
  }
};
// NaN loses to any number: one in `a` fails the comparison, one in `b` gives `a`.
struct Fmax {
  template <class V>
  WG_HD static V value(V a, V b) {
    return select((a >= b) | (b != b), a, b);
  }
};
struct Fmin {
  template <class V>
  WG_HD static V value(V a, V b) {
    return select((a <= b) | (b != b), a, b);
  }
};
struct Pow {
  template <class V>
  WG_HD static V value(V a, V b) {
    return math::pow(a, b);
  }
};

#define WG_COMPARISON(Name, op)        \
  struct Name {                        \
    template <class V>                 \
    WG_HD static auto mask(V a, V b) { \
      return a op b;                   \
    }                                  \
  };
WG_COMPARISON(Eq, ==)
WG_COMPARISON(Ne, !=)
WG_COMPARISON(Lt, <)
WG_COMPARISON(Le, <=)
WG_COMPARISON(Gt, >)
WG_COMPARISON(Ge, >=)
#undef WG_COMPARISON

// Anything but 0 is true, NaN included.
#define WG_CONNECTIVE(Name, op)         \
  struct Name {                         \
    template <class V>                  \
    WG_HD static auto mask(V a, V b) {  \
      const V zero(ElementOf<V>(0));    \
      return (a != zero) op(b != zero); \
    }                                   \
  };
WG_CONNECTIVE(LogicalAnd, &)
WG_CONNECTIVE(LogicalOr, |)
WG_CONNECTIVE(LogicalXor, ^)
#undef WG_CONNECTIVE

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
