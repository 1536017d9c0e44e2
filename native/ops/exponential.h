// wg::math: exponentials and logarithms of other bases or near 1, and the hyperbolic functions on them.
// Measured over their whole range: float32 within 3 ULP, float64 within 3 (hyperbolic inverses 4).
#pragma once
#include "power.h"

namespace wg {
inline namespace WG_ISA {
namespace math {

/// f(x), for float32 carried in double.
template <class V, class F>
WG_HD V inDouble(V x, F f) {
  if constexpr (sizeof(ElementOf<V>) == 4) return throughDouble(x, x, [&f](auto a, auto) { return f(a); });
  else return f(x);
}

/// (e^x - 1) / 4, which overflows a little later than e^x.
template <class V>
WG_HD V expm1Quarter(V x) {
  using T = ElementOf<V>;
  const V high(sizeof(T) == 4 ? T(89.5) : T(710.6)), low(T(-40));
  V n;
  const V fraction = expFraction(maxNum(low, minNum(high, x)), V(T(0)), n);
  const V quarter = scaleByPowerOf2(V(T(0.25)), n);
  return fraction * quarter + (quarter - V(T(0.25)));
}

template <class V>
WG_HD V expm1(V x) {
  using T = ElementOf<V>;
  const V result = expm1Quarter(x) * V(T(4));
  return select(abs(x) < V(Format<T>::kMinNormal * T(16)), x, result);
}

template <class V>
WG_HD V exp2(V x) {
  using T = ElementOf<V>;
  const V high(sizeof(T) == 4 ? T(130) : T(1030)), low(sizeof(T) == 4 ? T(-155) : T(-1080));
  const V bounded = maxNum(low, minNum(high, x));
  const V n = roundSmall(bounded);
  const V fraction = expm1Small((bounded - n) * V(T(0.69314718055994531)));
  return scaleByPowerOf2(fraction + V(T(1)), n);
}

template <class V>
WG_HD V log1p(V x) {
  using T = ElementOf<V>;
  const V one(T(1)), zero(T(0)), u = one + x;
  // What rounding 1 + x lost, to first order: log(u + lost) = log(u) + lost / u.
  const V lost = select(x > one, one - (u - x), x - (u - one));
  const auto regular = (u > zero) & (u < V(Format<T>::kInf));
  return select(x == zero, x, log(u) + select(regular, lost / u, zero));
}

/// log(x) times a constant given in two parts.
template <class V>
WG_HD V logScaled(V x, double high, double low) {
  return inDouble(x, [high, low](auto a) {
    using D = decltype(a);
    if constexpr (sizeof(ElementOf<V>) == 4) {
      return log(a) * D(high);
    } else {
      using F = Format<double>;
      D l, lLow, p, pLow;
      logInTwo(a, l, lLow);
      exactProduct(l, D(high), p, pLow);
      D result = p + (pLow + (l * D(low) + lLow * D(high)));
      result = select(a == D(F::kInf), a, result);
      result = select(a == D(0.0), D(-F::kInf), result);
      return select(a >= D(0.0), result, select(a == a, D(F::kNaN), a));
    }
  });
}
template <class V>
WG_HD V log2(V x) {
  return logScaled(x, 1.4426950408889634, 2.0355273740931033e-17);
}
template <class V>
WG_HD V log10(V x) {
  return logScaled(x, 0.43429448190325182, 1.0983196502167651e-17);
}

template <class V>
WG_HD V sinh(V x) {
  using T = ElementOf<V>;
  // With E = e^|x| - 1: (E + E / (E + 1)) / 2.
  const V q = expm1Quarter(abs(x));
  const V result = (q + q / (q * V(T(4)) + V(T(1)))) * V(T(2));
  return select(abs(x) < V(Format<T>::kMinNormal * T(16)), x, copySign(result, x));
}

template <class V>
WG_HD V cosh(V x) {
  using T = ElementOf<V>;
  const V high(sizeof(T) == 4 ? T(91) : T(720));
  V n;
  const V fraction = expFraction(minNum(high, abs(x)), V(T(0)), n);
  const V half = scaleByPowerOf2(fraction + V(T(1)), n - V(T(1)));
  return half + V(T(0.25)) / half;
}

template <class V>
WG_HD V asinh(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D a = abs(v), square = a * a, one(1.0);
    const auto large = a > D(0x1p100);
    const D y = log1p(select(large, a, a + square / (one + sqrt(square + one))));
    return copySign(y + select(large, D(0.69314718055994531), D(0.0)), v);
  });
}

template <class V>
WG_HD V acosh(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D one(1.0), t = v - one;
    const auto large = v > D(0x1p100);
    const D y = log1p(select(large, v, t + sqrt(t * (v + one))));
    return select(v < one, D(Format<double>::kNaN), y + select(large, D(0.69314718055994531), D(0.0)));
  });
}

template <class V>
WG_HD V atanh(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D a = abs(v);
    return copySign(log1p((a + a) / (D(1.0) - a)) * D(0.5), v);
  });
}

}  // namespace math
}  // namespace WG_ISA
}  // namespace wg
