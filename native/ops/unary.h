// Unary element bodies: value(x), and grad(saved, dy) where `saved` is what kSaves names.
#pragma once
#include "math.h"
#include "trig.h"

/// Every unary op: F(X, struct below, kernel name). Adding one is a line here, its struct, and its entry in
/// lib/ops/unary.ts.
#define WG_UNARY(F, X)         \
  F(X, Neg, neg)               \
  F(X, Abs, abs)               \
  F(X, Sign, sign)             \
  F(X, Exp, exp)               \
  F(X, Log, log)               \
  F(X, Sqrt, sqrt)             \
  F(X, Square, square)         \
  F(X, Reciprocal, reciprocal) \
  F(X, Rsqrt, rsqrt)           \
  F(X, Sin, sin)               \
  F(X, Cos, cos)               \
  F(X, Tanh, tanh)             \
  F(X, Sigmoid, sigmoid)       \
  F(X, Relu, relu)             \
  F(X, Erf, erf)               \
  F(X, Floor, floor)

namespace wg {
inline namespace WG_ISA {

/// Which end of the forward op the gradient kernel gets.
enum class Saves : int32_t { input, output };

namespace op {

struct Neg {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = true;
  template <class V>
  WG_HD static V value(V x) {
    return -x;
  }
  template <class V>
  WG_HD static V grad(V, V dy) {
    return -dy;
  }
};
struct Abs {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = true;
  template <class V>
  WG_HD static V value(V x) {
    return abs(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy);
};
struct Sign {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = true;
  // -1, 0 or 1, and NaN of NaN.
  template <class V>
  WG_HD static V value(V x) {
    using T = ElementOf<V>;
    const V zero(T(0));
    return select(x > zero, V(T(1)), select(x < zero, zero - V(T(1)), x));
  }
  template <class V>
  WG_HD static V grad(V, V dy) {
    return dy * V(ElementOf<V>(0));
  }
};
template <class V>
WG_HD V Abs::grad(V x, V dy) {
  return dy * Sign::value(x);
}
struct Exp {
  static constexpr Saves kSaves = Saves::output;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::exp(x);
  }
  template <class V>
  WG_HD static V grad(V y, V dy) {
    return y * dy;
  }
};
struct Log {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::log(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return dy / x;
  }
};
struct Sqrt {
  static constexpr Saves kSaves = Saves::output;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return sqrt(x);
  }
  template <class V>
  WG_HD static V grad(V y, V dy) {
    return dy / (y + y);
  }
};
struct Square {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = true;
  template <class V>
  WG_HD static V value(V x) {
    return x * x;
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return (x + x) * dy;
  }
};
struct Reciprocal {
  static constexpr Saves kSaves = Saves::output;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return V(ElementOf<V>(1)) / x;
  }
  template <class V>
  WG_HD static V grad(V y, V dy) {
    return -(y * y) * dy;
  }
};
struct Rsqrt {
  static constexpr Saves kSaves = Saves::output;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return V(ElementOf<V>(1)) / sqrt(x);
  }
  template <class V>
  WG_HD static V grad(V y, V dy) {
    return y * y * y * dy * V(ElementOf<V>(-0.5));
  }
};
struct Sin {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::sin(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return math::cos(x) * dy;
  }
};
struct Cos {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::cos(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return -math::sin(x) * dy;
  }
};
struct Tanh {
  static constexpr Saves kSaves = Saves::output;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::tanh(x);
  }
  template <class V>
  WG_HD static V grad(V y, V dy) {
    return (V(ElementOf<V>(1)) - y * y) * dy;
  }
};
struct Sigmoid {
  static constexpr Saves kSaves = Saves::output;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::sigmoid(x);
  }
  template <class V>
  WG_HD static V grad(V y, V dy) {
    return (V(ElementOf<V>(1)) - y) * y * dy;
  }
};
struct Relu {
  static constexpr Saves kSaves = Saves::output;
  static constexpr bool kIntegers = true;
  // NaN passes: it is not <= 0.
  template <class V>
  WG_HD static V value(V x) {
    const V zero(ElementOf<V>(0));
    return select(x <= zero, zero, x);
  }
  template <class V>
  WG_HD static V grad(V y, V dy) {
    const V zero(ElementOf<V>(0));
    return select(y <= zero, zero, dy);
  }
};
struct Erf {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::erf(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return V(ElementOf<V>(1.1283791670955126)) * math::exp(-(x * x)) * dy;  // 2 / sqrt(pi)
  }
};
struct Floor {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = true;
  template <class V>
  WG_HD static V value(V x) {
    return floor(x);
  }
  template <class V>
  WG_HD static V grad(V, V dy) {
    return dy * V(ElementOf<V>(0));
  }
};

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
