// wg::math: the functions of element bodies, each one polynomial for every ISA and device, over scalars and
// registers. Coefficients were fitted with Lawson-weighted least squares in 50 digits; the comment by each
// gives the fit's error. test/ops/accuracy.test.ts measures them over the whole range of float32, denormals,
// infinities and signed zeros included: exp stays within 1 ULP, log, tanh and sigmoid within 2, sin, cos,
// expm1 and log1p within 3.
#pragma once
#include "scalar.h"

namespace wg {
inline namespace WG_ISA {
namespace math {

/// c0 + c1 x + c2 x² …
template <class V>
WG_HD V polynomial(V, ElementOf<V> last) {
  return V(last);
}
template <class V, class... C>
WG_HD V polynomial(V x, ElementOf<V> first, C... rest) {
  return polynomial(x, rest...) * x + V(first);
}

template <class V>
WG_HD V copySign(V magnitude, V sign) {
  using F = Format<ElementOf<V>>;
  const BitsOf<V> mask(F::kSign);
  return fromBits<V>((bitsOf(magnitude) & BitsOf<V>(~F::kSign)) | (bitsOf(sign) & mask));
}

/// Nearest integer, for |x| below 2^(mantissa - 1).
template <class V>
WG_HD V roundSmall(V x) {
  const V magic(Format<ElementOf<V>>::kRounder);
  return (x + magic) - magic;
}

/// 2^n of an integer n of which the result is a normal number: n + kRounder ends in n's bits.
template <class V>
WG_HD V powerOf2(V n) {
  using F = Format<ElementOf<V>>;
  using B = BitsOf<V>;
  using Bit = decltype(F::kSign);
  return fromBits<V>((bitsOf(n + V(F::kRounder)) << F::kMantissa) +
                     B(static_cast<Bit>(F::kBias << F::kMantissa)));
}

/// e^r - 1 for |r| <= ln(2) / 2.
template <class V>
WG_HD V expm1Small(V r) {
  if constexpr (sizeof(ElementOf<V>) == 4) {
    const V q =
        polynomial(r, 0.49999994f, 0.166665211f, 0.0416685641f, 0.00836868025f, 0.00138043519f);  // 2^-28.3
    return r * r * q + r;
  } else {
    const V q = polynomial(r, 0.5, 0.16666666666666682, 0.041666666666666102, 0.0083333333333169453,
                           0.0013888888889113733, 0.00019841269896594862, 2.4801586927094893e-05,
                           2.7557234657035414e-06, 2.7557583266823568e-07, 2.5112107124074016e-08,
                           2.0825821115821018e-09);  // 2^-64
    return r + r * r * q;
  }
}

/// e^(x + tail) = (1 + result) 2^n for x within [-1100, 1100]; the tail carries what x had to drop.
template <class V>
WG_HD V expFraction(V x, V tail, V& n) {
  using T = ElementOf<V>;
  if constexpr (sizeof(T) == 4) {
    // ln 2 in two parts, the first with so few bits that n times it is exact without a fused multiply-add.
    n = roundSmall(x * V(1.44269504f));
    const V r = ((x - n * V(0.693359375f)) - n * V(-2.12194440e-4f)) + tail;
    return expm1Small(r);
  } else {
    n = roundSmall(x * V(1.4426950408889634));
    const V r = ((x - n * V(6.93147180369123816490e-01)) - n * V(1.90821492927058770002e-10)) + tail;
    return expm1Small(r);
  }
}

/// exp(x + tail) for x within [-1100, 1100].
template <class V>
WG_HD V expReduced(V x, V tail) {
  V n;
  const V fraction = expFraction(x, tail, n);
  return scaleByPowerOf2(fraction + V(ElementOf<V>(1)), n);
}

template <class V>
WG_HD V exp(V x) {
  using T = ElementOf<V>;
  // Beyond these bounds the result is 0 or Inf whatever the argument; NaN, the second operand, passes through
  // both.
  const V high(sizeof(T) == 4 ? T(90) : T(720)), low(sizeof(T) == 4 ? T(-105) : T(-760));
  return expReduced(maxNum(low, minNum(high, x)), V(T(0)));
}

/// x = (1 + f) * 2^e with 1 + f in [sqrt(1/2), sqrt(2)), for x > 0, denormals included.
template <class V>
WG_HD void splitExponent(V x, V& f, V& e) {
  using T = ElementOf<V>;
  using F = Format<T>;
  using B = BitsOf<V>;
  using Bit = decltype(F::kSign);
  constexpr T kLift = sizeof(T) == 4 ? T(0x1p24) : T(0x1p54);
  const auto tiny = x < V(F::kMinNormal);
  const V lifted = select(tiny, x * V(kLift), x);
  constexpr Bit kRootHalf =
      sizeof(T) == 4 ? static_cast<Bit>(0x3f3504f3) : static_cast<Bit>(0x3fe6a09e667f3bcd);
  const B shifted = bitsOf(lifted) - B(kRootHalf) + B(static_cast<Bit>(F::kBias << F::kMantissa));
  const B exponent = shifted >> F::kMantissa;  // biased, positive
  f = fromBits<V>(bitsOf(lifted) - (exponent << F::kMantissa) +
                  B(static_cast<Bit>(F::kBias << F::kMantissa))) -
      V(T(1));
  // An integer below 2^mantissa becomes a number by putting it under the exponent of 2^mantissa.
  constexpr T kTwoToMantissa = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);
  e = fromBits<V>(exponent | bitsOf(V(kTwoToMantissa))) - V(kTwoToMantissa + T(F::kBias));
  e = e - select(tiny, V(sizeof(T) == 4 ? T(24) : T(54)), V(T(0)));
}

template <class V>
WG_HD V log(V x) {
  using T = ElementOf<V>;
  using F = Format<T>;
  V f, e;
  splitExponent(x, f, e);
  V result;
  if constexpr (sizeof(T) == 4) {
    const V p = polynomial(f, 0.333333135f, -0.250000089f, 0.200021446f, -0.166680858f, 0.142191246f,
                           -0.124039277f, 0.118894979f, -0.116850108f, 0.0675465688f);  // 2^-30.4
    const V ff = f * f;
    const V small = (ff * f * p + e * V(-2.12194440e-4f)) - V(0.5f) * ff;
    result = (small + f) + e * V(0.693359375f);
  } else {
    // log(1+f) = f - (f²/2 - s (f²/2 + R)), s = f / (2 + f), R = s² P(s²)
    const V s = f / (V(2.0) + f), z = s * s, half = V(0.5) * f * f;
    const V r = z * polynomial(z, 0.66666666666666663, 0.40000000000006158, 0.28571428569110074,
                               0.22222222643637754, 0.1818177588956176, 0.15387081929156529,
                               0.1325029985888462, 0.13249804890614497);  // 2^-67
    result = e * V(6.93147180369123816490e-01) -
             ((half - (s * (half + r) + e * V(1.90821492927058770002e-10))) - f);
  }
  result = select(x == V(F::kInf), x, result);
  result = select(x == V(T(0)), V(-F::kInf), result);
  return select(x >= V(T(0)), result, select(x == x, V(F::kNaN), x));
}

/// (tanh(x) - x) / x for |x| < 0.625, from z = x².
template <class V>
WG_HD V tanhSmall(V z) {
  if constexpr (sizeof(ElementOf<V>) == 4) {
    return z * polynomial(z, -0.333332837f, 0.133315027f, -0.0537444279f, 0.0206534285f,
                          -0.00572003424f);  // 2^-27.9
  } else {
    const V p =
        polynomial(z, -0.33333333333333326, -0.020496853879103868, -0.00019909190946200501);  // 2^-60.6
    const V q = polynomial(z, 1.0, 0.46149056163729701, 0.0232887384787961, 0.00020644149476757763);
    return z * (p / q);
  }
}

template <class V>
WG_HD V tanh(V x) {
  using T = ElementOf<V>;
  const V a = abs(x), small = a * tanhSmall(x * x) + a;
  const V large = V(T(1)) - V(T(2)) / (exp(a + a) + V(T(1)));
  return copySign(select(a < V(T(0.625)), small, large), x);
}

/// 1 / (1 + e^-x) with e^-x = power + fraction power, of which the product is exact. The larger of 1 and the
/// power is added last: only that sum rounds by half a unit. Far to the left the power would overflow before
/// the result is 0: there it, and the result, are taken 2^kLift times smaller.
template <class V>
WG_HD V sigmoid(V x) {
  using T = ElementOf<V>;
  constexpr T kFar = sizeof(T) == 4 ? T(-80) : T(-700), kLift = sizeof(T) == 4 ? T(64) : T(512);
  constexpr T kLifted = sizeof(T) == 4 ? T(0x1p-64) : T(0x1p-512);
  const V one(T(1)), low(sizeof(T) == 4 ? T(-105) : T(-760));
  const auto far = x < V(kFar);
  V n;
  const V fraction = expFraction(-maxNum(low, minNum(V(T(40)), x)), V(T(0)), n);
  const V power = powerOf2(select(far, n - V(kLift), n));
  const V result = one / (maxNum(power, one) + (fraction * power + minNum(power, one)));
  return select(far, result * V(kLifted), result);
}

template <class V>
WG_HD V erf(V x) {
  using T = ElementOf<V>;
  const V a = abs(x), z = x * x;
  V small, edge, cut;
  // Large: 1 - exp(-E) with E = -log(erfc a) = a + a Q(a), smooth up to where erf is 1.
  if constexpr (sizeof(T) == 4) {
    cut = V(0.9277f);
    small = a * polynomial(z, 0.128379151f, -0.376124978f, 0.112818383f, -0.0267668962f, 0.0049929684f,
                           -0.000598717947f) +
            a;  // 2^-25.9
    edge = select(a > V(3.95f), V(3.95f), a);
    edge = edge * polynomial(edge, 0.12865676f, 0.635117292f, 0.106293932f, -0.0238119215f, 0.00366638857f,
                             -0.000328781811f, 1.18383359e-05f) +
           edge;  // 2^-30.6
  } else {
    cut = V(1.0);
    small = a * polynomial(z, 0.12837916709551259, -0.37612638903183748, 0.11283791670954885,
                           -0.026866170645077857, 0.0052239776248283135, -0.00085483269814197948,
                           0.00012055331132769042, -1.4925595768144862e-05, 1.6461008419395554e-06,
                           -1.6350395663065362e-07, 1.4660325312732003e-08, -1.1374943781735141e-09,
                           5.9606669768050677e-11) +
            a;  // 2^-62.8
    edge = select(a > V(6.0), V(6.0), a);
    edge = edge * polynomial(edge, 0.1283792075440707, 0.63661930492921115, 0.10277515175852295,
                             -0.01913716412111207, -0.00018821217974027699, 0.001658431688316836,
                             -0.00053737835493937751, -3.2543855639783483e-05, 0.00011647452437063134,
                             -6.703367380833429e-05, 2.4871464370513443e-05, -6.8220758983740573e-06,
                             1.4193880181697402e-06, -2.1857298603267147e-07, 2.2497226803677902e-08,
                             -9.0763269540081627e-10, -1.4909114862552147e-10, 3.2973445656093995e-11,
                             -3.1421177469277279e-12, 1.6085041020430635e-13,
                             -3.6005130826188747e-15) +
           edge;  // 2^-64
  }
  const V large = V(T(1)) - expReduced(-edge, V(T(0)));
  return copySign(select(a < cut, small, large), x);
}

}  // namespace math
}  // namespace WG_ISA
}  // namespace wg
