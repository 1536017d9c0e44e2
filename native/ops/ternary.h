// Bodies of three operands.
#pragma once
#include "binary.h"

/// F(X, struct below, kernel name).
#define WG_TERNARY(F, X) \
  F(X, Lerp, lerp)       \
  F(X, Clamp, clamp)
/// The same with a number: value(a, b, c, scale).
#define WG_TERNARY_SCALED(F, X) \
  F(X, Addcmul, addcmul)        \
  F(X, Addcdiv, addcdiv)

namespace wg {
inline namespace WG_ISA {
namespace op {

/// From the nearer end, so that both ends are exact.
struct Lerp {
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V a, V b, V weight) {
    using T = ElementOf<V>;
    const V gap = b - a;
    return select(abs(weight) < V(T(0.5)), a + weight * gap, b - gap * (V(T(1)) - weight));
  }
};
/// NaN in any of the three wins; where low is above high, high does.
struct Clamp {
  static constexpr bool kIntegers = true;
  template <class V>
  WG_HD static V value(V x, V low, V high) {
    return Minimum::value(Maximum::value(x, low), high);
  }
};
struct Addcmul {
  static constexpr bool kIntegers = true;
  template <class V>
  WG_HD static V value(V a, V b, V c, V scale) {
    return a + scale * b * c;
  }
};
struct Addcdiv {
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V a, V b, V c, V scale) {
    return a + scale * b / c;
  }
};

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
