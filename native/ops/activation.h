// Element bodies of activations: value(x) and grad(x, dy) from the input, with up to two numbers.
#pragma once
#include "exponential.h"
#include "special.h"
#include "unary.h"

/// F(X, struct below, kernel name); as WG_UNARY in unary.h.
#define WG_ACTIVATIONS(F, X)     \
  F(X, Gelu, gelu)               \
  F(X, GeluTanh, geluTanh)       \
  F(X, Silu, silu)               \
  F(X, Mish, mish)               \
  F(X, Selu, selu)               \
  F(X, Softsign, softsign)       \
  F(X, Tanhshrink, tanhshrink)   \
  F(X, Hardsigmoid, hardsigmoid) \
  F(X, Hardswish, hardswish)     \
  F(X, LogSigmoid, logSigmoid)

/// With two numbers p and q: name(out, x, p, q) and nameGrad(dx, x, dy, p, q).
#define WG_ACTIVATIONS_WITH(F, X) \
  F(X, LeakyRelu, leakyRelu)      \
  F(X, Elu, elu)                  \
  F(X, Softplus, softplus)        \
  F(X, Softshrink, softshrink)    \
  F(X, Hardshrink, hardshrink)    \
  F(X, Hardtanh, hardtanh)        \
  F(X, Threshold, threshold)

/// Half of the input gates the other: name(out, a, gate) = a act(gate) and nameGrad(dgate, a, gate, dy).
#define WG_GATES(F, X) \
  F(X, Sigmoid, glu)   \
  F(X, Silu, swiglu)   \
  F(X, Gelu, geglu)

namespace wg {
inline namespace WG_ISA {
namespace op {

#define WG_ACTIVATION                           \
  static constexpr Saves kSaves = Saves::input; \
  static constexpr bool kIntegers = false

struct Gelu {
  WG_ACTIVATION;
  // x Phi(x); the tail of Phi keeps its digits.
  template <class V>
  WG_HD static V value(V x) {
    V e;
    return x * math::normalCdf(x, e);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    V e;
    const V phi = math::normalCdf(x, e);
    return dy * (phi + x * e * V(ElementOf<V>(0.39894228040143268)));  // 1 / sqrt(2 pi)
  }
};
struct GeluTanh {
  WG_ACTIVATION;
  // x (1 + tanh u) / 2 = x sigmoid(2u), u = sqrt(2 / pi) (x + 0.044715 x³)
  template <class V>
  WG_HD static V value(V x) {
    using T = ElementOf<V>;
    return x * math::sigmoid(x * (V(T(1.5957691216057308)) + x * x * V(T(0.071354816272600249))));
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    using T = ElementOf<V>;
    // Beyond 40 the sigmoid is 0 or 1, and x³ may overflow.
    const V a = maxNum(V(T(-40)), minNum(V(T(40)), x)), z = a * a;
    const V s = math::sigmoid(a * (V(T(1.5957691216057308)) + z * V(T(0.071354816272600249))));
    const V slope = V(T(1.5957691216057308)) + z * V(T(0.21406444881780074));
    return dy * (s + a * s * (V(T(1)) - s) * slope);
  }
};
struct Silu {
  WG_ACTIVATION;
  template <class V>
  WG_HD static V value(V x) {
    return x * math::sigmoid(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    const V one(ElementOf<V>(1)), s = math::sigmoid(x);
    return dy * (s * (one + x * (one - s)));
  }
};
struct Mish {
  WG_ACTIVATION;
  // tanh(log(1 + e)) = n / (n + 2) with e = exp(x), n = e (e + 2); 1 beyond the bound.
  template <class V>
  WG_HD static V value(V x) {
    using T = ElementOf<V>;
    const V two(T(2)), e = math::exp(minNum(V(T(40)), x)), n = e * (e + two);
    return x * (n / (n + two));
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    using T = ElementOf<V>;
    const V one(T(1)), two(T(2)), a = minNum(V(T(40)), x), e = math::exp(a), n = e * (e + two), d = n + two;
    return dy * (n / d + a * (e / d) * (V(T(4)) * ((one + e) / d)));
  }
};
struct Selu {
  WG_ACTIVATION;
  template <class V>
  WG_HD static V value(V x) {
    using T = ElementOf<V>;
    return select(x <= V(T(0)), math::expm1(x) * V(T(1.7580993408473766)), x * V(T(1.0507009873554805)));
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    using T = ElementOf<V>;
    return dy * select(x <= V(T(0)), math::exp(x) * V(T(1.7580993408473766)), V(T(1.0507009873554805)));
  }
};
struct Softsign {
  WG_ACTIVATION;
  template <class V>
  WG_HD static V value(V x) {
    return x / (V(ElementOf<V>(1)) + abs(x));
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    const V d = V(ElementOf<V>(1)) + abs(x);
    return dy / d / d;
  }
};
struct Tanhshrink {
  WG_ACTIVATION;
  // x - tanh(x), which cancels near 0.
  template <class V>
  WG_HD static V value(V x) {
    // In float32 the polynomial that serves tanh is too short for what is left of it.
    const V small = math::inDouble(x, [](auto v) { return -(v * math::tanhSmall(v * v)); });
    return select(abs(x) < V(ElementOf<V>(0.625)), small, x - math::tanh(x));
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    const V t = math::tanh(x);
    return dy * (t * t);
  }
};
struct Hardsigmoid {
  WG_ACTIVATION;
  template <class V>
  WG_HD static V value(V x) {
    using T = ElementOf<V>;
    const V zero(T(0)), six(T(6)), u = x + V(T(3));
    return select(u < zero, zero, select(u > six, six, u)) / six;
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    using T = ElementOf<V>;
    return select(abs(x) >= V(T(3)), V(T(0)), dy / V(T(6)));
  }
};
struct Hardswish {
  WG_ACTIVATION;
  template <class V>
  WG_HD static V value(V x) {
    return x * Hardsigmoid::value(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    using T = ElementOf<V>;
    const V three(T(3));
    const V middle = dy * (x / three + V(T(0.5)));
    return select(x <= -three, V(T(0)), select(x >= three, dy, middle));
  }
};
struct LogSigmoid {
  WG_ACTIVATION;
  template <class V>
  WG_HD static V value(V x) {
    const V zero(ElementOf<V>(0));
    return select(x < zero, x, zero) - math::log1p(math::exp(-abs(x)));
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return dy * math::sigmoid(-x);
  }
};
#undef WG_ACTIVATION

struct LeakyRelu {
  template <class V>
  WG_HD static V value(V x, double slope, double) {
    using T = ElementOf<V>;
    return select(x > V(T(0)), x, x * V(static_cast<T>(slope)));
  }
  template <class V>
  WG_HD static V grad(V x, V dy, double slope, double) {
    using T = ElementOf<V>;
    return select(x > V(T(0)), dy, dy * V(static_cast<T>(slope)));
  }
};
// x above 0, else alpha (e^(scale x) - 1); CELU is scale = 1 / alpha.
struct Elu {
  template <class V>
  WG_HD static V value(V x, double alpha, double scale) {
    using T = ElementOf<V>;
    return select(x > V(T(0)), x, math::expm1(x * V(static_cast<T>(scale))) * V(static_cast<T>(alpha)));
  }
  template <class V>
  WG_HD static V grad(V x, V dy, double alpha, double scale) {
    using T = ElementOf<V>;
    const V slope = math::exp(x * V(static_cast<T>(scale))) * V(static_cast<T>(alpha * scale));
    return select(x > V(T(0)), dy, dy * slope);
  }
};
// log(1 + e^(beta x)) / beta, and x itself where beta x > threshold.
struct Softplus {
  template <class V>
  WG_HD static V value(V x, double beta, double threshold) {
    using T = ElementOf<V>;
    const V u = x * V(static_cast<T>(beta)), zero(T(0));
    const V soft = select(u > zero, u, zero) + math::log1p(math::exp(-abs(u)));
    return select(u > V(static_cast<T>(threshold)), x, soft / V(static_cast<T>(beta)));
  }
  template <class V>
  WG_HD static V grad(V x, V dy, double beta, double threshold) {
    using T = ElementOf<V>;
    const V u = x * V(static_cast<T>(beta));
    return select(u > V(static_cast<T>(threshold)), dy, dy * math::sigmoid(u));
  }
};
struct Softshrink {
  template <class V>
  WG_HD static V value(V x, double lambda, double) {
    using T = ElementOf<V>;
    const V l(static_cast<T>(lambda)), inside = select(x == x, V(T(0)), x);
    return select(x > l, x - l, select(x < -l, x + l, inside));
  }
  template <class V>
  WG_HD static V grad(V x, V dy, double lambda, double) {
    using T = ElementOf<V>;
    return select(abs(x) <= V(static_cast<T>(lambda)), V(T(0)), dy);
  }
};
struct Hardshrink {
  template <class V>
  WG_HD static V value(V x, double lambda, double) {
    using T = ElementOf<V>;
    return select(abs(x) <= V(static_cast<T>(lambda)), V(T(0)), x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy, double lambda, double) {
    return Softshrink::grad(x, dy, lambda, 0.0);
  }
};
struct Hardtanh {
  template <class V>
  WG_HD static V value(V x, double least, double most) {
    using T = ElementOf<V>;
    const V low(static_cast<T>(least)), high(static_cast<T>(most));
    return select(x < low, low, select(x > high, high, x));
  }
  template <class V>
  WG_HD static V grad(V x, V dy, double least, double most) {
    using T = ElementOf<V>;
    return select((x <= V(static_cast<T>(least))) | (x >= V(static_cast<T>(most))), V(T(0)), dy);
  }
};
struct Threshold {
  template <class V>
  WG_HD static V value(V x, double threshold, double replacement) {
    using T = ElementOf<V>;
    return select(x <= V(static_cast<T>(threshold)), V(static_cast<T>(replacement)), x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy, double threshold, double) {
    using T = ElementOf<V>;
    return select(x <= V(static_cast<T>(threshold)), V(T(0)), dy);
  }
};

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
