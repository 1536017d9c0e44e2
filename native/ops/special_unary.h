// Unary element bodies on special functions.
#pragma once
#include "bessel.h"
#include "unary.h"

/// F(X, struct below, kernel name); as WG_UNARY in unary.h.
#define WG_SPECIAL(F, X) \
  F(X, Erfc, erfc)       \
  F(X, Erfinv, erfinv)   \
  F(X, Lgamma, lgamma)   \
  F(X, Digamma, digamma) \
  F(X, Sinc, sinc)       \
  F(X, BesselI0, i0)     \
  F(X, BesselI0e, i0e)   \
  F(X, BesselI1, i1)     \
  F(X, BesselI1e, i1e)

namespace wg {
inline namespace WG_ISA {
namespace op {

struct Erfc {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::erfc(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return dy * (math::exp(-(x * x)) * V(ElementOf<V>(-1.1283791670955126)));  // -2 / sqrt(pi)
  }
};
struct Erfinv {
  static constexpr Saves kSaves = Saves::output;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::erfinv(x);
  }
  template <class V>
  WG_HD static V grad(V y, V dy) {
    return dy * (math::exp(y * y) * V(ElementOf<V>(0.88622692545275801)));  // sqrt(pi) / 2
  }
};
struct Lgamma {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::lgamma(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return dy * math::digamma(x);
  }
};
struct Digamma {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::digamma(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return dy * math::polygamma(x, 1, 1.0);
  }
};
// sin(pi x) / (pi x)
struct Sinc {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    using T = ElementOf<V>;
    V s, c;
    math::sineCosinePi(x, s, c);
    return select(x == V(T(0)), V(T(1)), s / (x * V(T(3.1415926535897931))));
  }
  // (cos(pi x) - sinc(x)) / x, by its power series where that cancels.
  template <class V>
  WG_HD static V grad(V x, V dy) {
    using T = ElementOf<V>;
    V s, c;
    math::sineCosinePi(x, s, c);
    const V u = x * V(T(3.1415926535897931)), z = u * u;
    const V series =
        u * math::polynomial(z, T(-0.33333333333333333), T(0.033333333333333333), T(-0.0011904761904761905),
                             T(2.2045855379188713e-5), T(-2.5052108385441719e-7), T(1.9270852604185938e-9),
                             T(-1.0706029224547743e-11), T(4.4983316069528332e-14),
                             T(-1.4797143443923793e-16), T(3.9145882126782522e-19));
    const V slope = select(abs(x) < V(T(0.5)), series * V(T(3.1415926535897931)), (c - s / u) / x);
    return dy * slope;
  }
};

struct BesselI0 {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::besselI0<false>(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return dy * math::besselI1<false>(x);
  }
};
// e^-|x| I0(x)
struct BesselI0e {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::besselI0<true>(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    return dy * (math::besselI1<true>(x) - Sign::value(x) * math::besselI0<true>(x));
  }
};
struct BesselI1 {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::besselI1<false>(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    using T = ElementOf<V>;
    const V slope = math::besselI0<false>(x) - math::besselI1<false>(x) / x;
    return dy * select(x == V(T(0)), V(T(0.5)), slope);
  }
};
// e^-|x| I1(x)
struct BesselI1e {
  static constexpr Saves kSaves = Saves::input;
  static constexpr bool kIntegers = false;
  template <class V>
  WG_HD static V value(V x) {
    return math::besselI1<true>(x);
  }
  template <class V>
  WG_HD static V grad(V x, V dy) {
    using T = ElementOf<V>;
    const V y = math::besselI1<true>(x);
    const V slope = math::besselI0<true>(x) - y / x - Sign::value(x) * y;
    return dy * select(x == V(T(0)), V(T(0.5)), slope);
  }
};

/// With numbers: polygamma(x; n, n!) for n >= 1, and logit(x; eps), clamped to [eps, 1 - eps] unless eps < 0.
struct Polygamma {
  template <class V>
  WG_HD static V value(V x, double n, double factorial) {
    return math::polygamma(x, static_cast<int64_t>(n), factorial);
  }
  template <class V>
  WG_HD static V grad(V x, V dy, double n, double factorial) {
    return dy * math::polygamma(x, static_cast<int64_t>(n) + 1, factorial * (n + 1.0));
  }
};
struct Logit {
  template <class V>
  WG_HD static V value(V x, double eps, double) {
    using T = ElementOf<V>;
    const V one(T(1)), low(static_cast<T>(eps)), high(static_cast<T>(1.0 - eps));
    const V p = eps < 0.0 ? x : select(x < low, low, select(x > high, high, x));
    // Around 1/2 the odds are near 1: their distance from it, 2p - 1 over 1 - p, keeps its digits.
    const V odds = p / (one - p), far = math::log(odds), near = math::log1p((p + p - one) / (one - p));
    return select((odds > V(T(0.5))) & (odds < V(T(2))), near, far);
  }
  template <class V>
  WG_HD static V grad(V x, V dy, double eps, double) {
    using T = ElementOf<V>;
    const V one(T(1));
    const V low(eps < 0.0 ? T(0) : static_cast<T>(eps)), high(eps < 0.0 ? T(1) : static_cast<T>(1.0 - eps));
    const V outside(eps < 0.0 ? Format<T>::kNaN : T(0));
    return select((x < low) | (x > high), outside, dy / (x * (one - x)));
  }
};

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
