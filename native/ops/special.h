// wg::math: special functions. erfc and the normal tail from a polynomial of e^(u²) erfc(u), erfinv after
// Giles (2010), lgamma and digamma from polynomials on [1.5, 3] and [1, 2] with recurrence, reflection and
// Stirling's series, the Hurwitz zeta function by Euler-Maclaurin summation. float32 is carried in double
// except in erfc and the tail. Accuracy stands by each function, as measured against 40 digits.
#pragma once
#include "exponential.h"
#include "rounding.h"
#include "trig.h"

namespace wg {
inline namespace WG_ISA {
namespace math {

/// e^(u²) erfc(u) for u in [0, 28.5] ([0, 10.6] for float32): in float32 a quotient of polynomials with
/// positive coefficients, in float64 a polynomial in (u - k) / (u + k) over 1 + 2u.
template <class V>
WG_HD V scaledErfc(V u) {
  if constexpr (sizeof(ElementOf<V>) == 4) {
    return polynomial(u, 1.0f, 1.242567751f, 0.7359718668f, 0.2313058597f, 0.03323649416f) /
           polynomial(u, 1.0f, 2.37094755f, 2.41128952f, 1.33352383f, 0.410003408f,
                      0.0589095209f);  // 2^-27.2
  } else {
    const V one(1.0);
    const V t = (u - V(3.0)) / (u + V(3.0)) + V(0.095238095238095238);
    return polynomial(
               t, 1.2653705919086671, -1.2259250159290651e-1, -9.1714631273293032e-2, 1.8169556822150879e-1,
               -1.5510022626927248e-1, 8.2273768956978312e-2, -2.4922786094622934e-2, 8.4999166727181796e-4,
               2.4967658990427707e-3, -6.1937120140083118e-4, -2.2842622652477459e-4, 1.0582448534581328e-4,
               2.7947897583939911e-5, -1.6100441860833743e-5, -4.983755997756314e-6, 2.2952933906222429e-6,
               1.0890075579704151e-6, -2.6256423083760053e-7, -2.4023902576655236e-7, 9.2352397068714001e-9,
               4.6898305495421042e-8, 4.8754051816251681e-9, -7.0153120128094882e-9, -9.6592269029961632e-10,
               5.9035895777453149e-10) /
           (one + u + u);  // 2^-59
  }
}

/// e^(-scale a²) for a power of two `scale` and finite a, with the digits that a² has beyond one number.
template <class V>
WG_HD V expMinusSquare(V a, ElementOf<V> scale) {
  using F = Format<ElementOf<V>>;
  using B = BitsOf<V>;
  using Bit = decltype(F::kSign);
  // The upper half of a's digits has an exact square. The square is cut by its bits, so that no compiler puts
  // a fused multiply-add in its place.
  const V high = fromBits<V>(bitsOf(a) & B(static_cast<Bit>(~Bit{0} << (F::kMantissa / 2 + 1))));
  const V square = fromBits<V>(bitsOf(a * a) & B(static_cast<Bit>(~Bit{7})));
  const V rest = (high * high - square) + (a - high) * (a + high);
  return expReduced(square * V(-scale), rest * V(-scale));
}

/// 1 - erf(x). Within 4.5 ULP, where it is near 1; 3 elsewhere.
template <class V>
WG_HD V erfc(V x) {
  using T = ElementOf<V>;
  const V a = minNum(V(sizeof(T) == 4 ? T(10.6) : T(28.5)), abs(x));
  const V tail = expMinusSquare(a, T(1)) * scaledErfc(a);
  return select(x < V(T(0)), V(T(2)) - tail, tail);
}

/// The standard normal distribution function of x, with e^(-x²/2) as a by-product. Within 6.5 ULP.
template <class V>
WG_HD V normalCdf(V x, V& e) {
  using T = ElementOf<V>;
  const V a = minNum(V(sizeof(T) == 4 ? T(14.9) : T(40)), abs(x));
  e = expMinusSquare(a, T(0.5));
  const V tail = e * scaledErfc(a * V(T(0.70710678118654752))) * V(T(0.5));
  return select(x < V(T(0)), tail, V(T(1)) - tail);
}

/// The inverse of erf. Within 3.5 ULP.
template <class V>
WG_HD V erfinv(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D a = abs(v), one(1.0);
    const D w = -log((one - a) * (one + a));
    D p = polynomial(w - D(3.125), 1.6536545626831027, 2.4015818242558834e-1, -6.0336708714268511e-3,
                     -7.4070253415464312e-4, 1.8673420801981187e-4, -1.3882523393957482e-5,
                     -1.3654691758785657e-6, 4.2347881682224596e-7, -2.9070391275641319e-8,
                     -4.1126604371632182e-9, 1.051223377050429e-9, -5.4143032839195044e-11,
                     -1.2978805369932566e-11, 2.6305268312595183e-12, -8.0719259389900407e-14,
                     -4.0020031087558495e-14, 6.5213335115022385e-15, -3.9401881223043201e-17,
                     -1.2215637192404172e-16, 1.5510787009902525e-17, 6.0750507020724139e-19,
                     -3.4734793888538035e-19, 1.9992599888615349e-20, 3.1940155481362711e-21,
                     -3.5932028927020695e-22);  // w < 6.25: 2^-56.8
    const auto outer = w >= D(6.25);
    if (anyOf(outer)) {
      const D s = sqrt(w), t = s - D(3.25);
      const D middle = polynomial(
          t, 3.0838856104922207, 1.0052589676941654, 5.370914553555033e-3, -3.751208508224734e-3,
          2.4914420979569604e-3, -1.6882755354488555e-3, 9.5328934157941372e-4, -3.5503781378524518e-4,
          2.4031512865758356e-5, 6.8287117392519557e-5, -4.7320680665446968e-5, 1.2465028224217455e-5,
          2.93257845538535e-6, -3.9857059456481733e-6, 1.4815977874022539e-6, -2.7617162238162412e-8,
          -2.4549818963339822e-7, 1.3158663683192966e-7, -2.091453334773126e-8, -1.5305397964152548e-8,
          7.6802004790770527e-9);  // w < 16: 2^-59.6
      const D far = polynomial(s - D(5.035), 4.885266738641277, 1.0102899771634978, -1.6074725342923982e-4,
                               -2.0462805300640378e-4, 7.2632667813889947e-5, -1.875630751009151e-5,
                               4.2903832396653338e-6, -9.3173372307330355e-7, 2.0926499533291389e-7,
                               -5.835020227728746e-8, 2.3752064443881342e-8, -1.2296601903297253e-8,
                               6.353853135980669e-9, -2.8641096171104353e-9, 1.1251563296404377e-9,
                               -4.0252144940178641e-10, 7.5821908414533065e-11, 3.2629340543728514e-11,
                               -1.6775116020549918e-11);  // w < 36.8: 2^-56.3
      p = select(outer, select(s < D(4.0), middle, far), p);
    }
    return select(a == one, v * D(Format<double>::kInf), p * v);
  });
}

/// sin(pi x) and cos(pi x) for finite x; exact zeros where they are.
template <class V>
WG_HD void sineCosinePi(V x, V& s, V& c) {
  using T = ElementOf<V>;
  const V whole = roundEven(x), r = x - whole, t = abs(r), half(T(0.5));
  const auto swap = t > V(T(0.25));
  V sine, cosine;
  sineCosine(select(swap, half - t, t) * V(T(3.1415926535897931)), sine, cosine);
  const V halves = whole * half;
  const auto odd = floor(halves) != halves;
  s = copySign(select(swap, cosine, sine), r);
  c = select(swap, sine, cosine);
  s = select(odd, -s, s);
  c = select(odd, -c, c);
}

/// log(Gamma(a)) for a > 0.
template <class V>
WG_HD V lgammaPositive(V a) {
  const V one(1.0), half(0.5), three(3.0);
  const auto large = a >= V(8.0), low = a < half, nearOne = a < V(1.5);
  // Gamma(a) = (a - 1) (a - 2) … Gamma(z) with z in [1.5, 3).
  V z = a, product = one;
  for (int i = 0; i < 5; i++) {
    const auto above = z >= three;
    z = select(above, z - one, z);
    product = select(above, product * z, product);
  }
  const V s = select(low, a, select(nearOne, a - one, z - V(2.0)));
  const V l = log(select(large, a, select(low, a * (a + one), select(nearOne, a, product))));
  // log(Gamma(2 + s)) / s on [-1/2, 1]
  const V q =
      polynomial(s - V(0.25), 4.9948685956958638e-1, 2.9223842821659286e-1, -5.4295403852149703e-2,
                 1.4688323717319496e-2, -4.6626266712304464e-3, 1.6148854203995672e-3, -5.9016567389135729e-4,
                 2.2352008495941192e-4, -8.680583901980938e-5, 3.4336183113437618e-5, -1.3771720989854269e-5,
                 5.5837731699761649e-6, -2.2839125695395904e-6, 9.4067027657101366e-7, -3.8869308072374269e-7,
                 1.6182005044262837e-7, -6.9823380150735249e-8, 2.9316110955647892e-8, -9.4767085808626443e-9,
                 3.9902750386195193e-9, -3.8341649264112259e-9, 1.6305432352127332e-9);  // 2^-57.9
  const V small = s * q + select(nearOne, -l, l);
  const V inverse = one / a, w = inverse * inverse;
  const V series =
      inverse * polynomial(w, 0.083333333333333333, -0.0027777777777777778, 0.00079365079365079365,
                           -0.00059523809523809524, 0.00084175084175084175, -0.0019175269175269175,
                           0.0064102564102564103, -0.029550653594771242, 0.17964437236883057);
  const V stirling = (a - half) * (l - one) + (series + V(0.41893853320467274));
  return select(large, stirling, small);
}

/// log|Gamma(x)|. Within 4 ULP for x > -2; below, the error is some 4 ULP of the larger of 1 and the value,
/// because the zeros there are irrational.
template <class V>
WG_HD V lgamma(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D a = abs(v), inf(Format<double>::kInf);
    D result = lgammaPositive(a);
    const auto reflected = v < D(-0x1p-60);
    if (anyOf(reflected)) {
      // Gamma(x) Gamma(-x) = -pi / (x sin(pi x))
      D s, c;
      sineCosinePi(a, s, c);
      const D mirrored = log(D(3.1415926535897931) / (a * abs(s))) - result;
      result = select(reflected, select(s == D(0.0), inf, mirrored), result);
    }
    return select(a == inf, inf, result);
  });
}

/// The derivative of log(Gamma(x)). Within 4 ULP for x > 0; below, of the larger of 1 and the terms of the
/// reflection.
template <class V>
WG_HD V digamma(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D zero(0.0), one(1.0);
    const auto negative = v < zero;
    const D a = select(negative, one - v, v);
    const auto large = a >= D(10.0), low = a < one;
    // psi(a) = psi(z) + 1 / (a - 1) + 1 / (a - 2) + … with z in [1, 2], the sum as one fraction.
    D z = select(low, a + one, a), top = select(low, -one, zero), bottom = select(low, a, one);
    for (int i = 0; i < 8; i++) {
      const auto above = z > D(2.0);
      const D next = z - one;
      top = select(above, top * next + bottom, top);
      bottom = select(above, bottom * next, bottom);
      z = select(above, next, z);
    }
    // psi(z) over its distance from the zero of psi
    const D p = polynomial(z - D(1.5), 9.5105587603183288e-1, -4.236274212814606e-1, 2.4054248424078698e-1,
                           -1.4840492305388091e-1, 9.4988724452890382e-2, -6.1922133275488312e-2,
                           4.0760833940846083e-2, -2.6975796659787055e-2, 1.7907248317313296e-2,
                           -1.1908220105959716e-2, 7.927021796868154e-3, -5.2799372555327083e-3,
                           3.5181065638024723e-3, -2.3454947397380835e-3, 1.5633696313653505e-3,
                           -1.0364584817312838e-3, 6.9092557612829864e-4, -4.8595039220036256e-4,
                           3.2395945401345198e-4, -1.4480643368061613e-4, 9.6536462614100617e-5,
                           -1.7821885488559232e-4, 1.1881232908510335e-4);  // 2^-58.4
    D result = ((z - D(1.4616321449683622)) - D(9.549995429965697e-17)) * p + top / bottom;
    if (anyOf(large)) {
      const D inverse = one / a, w = inverse * inverse;
      const D series = w * polynomial(w, 0.083333333333333333, -0.0083333333333333333, 0.0039682539682539683,
                                      -0.0041666666666666667, 0.0075757575757575758, -0.021092796092796093,
                                      0.083333333333333333, -0.44325980392156863);
      result = select(large, log(a) - (D(0.5) * inverse + series), result);
    }
    if (anyOf(negative)) {
      D s, c;
      sineCosinePi(v, s, c);
      const D mirrored = result - D(3.1415926535897931) * c / s;
      result = select(negative, select(s == zero, D(Format<double>::kNaN), mirrored), result);
    }
    return result;
  });
}

/// base^exponent for an exponent >= 0 that all lanes share.
template <class V>
WG_HD V integerPower(V base, int64_t exponent) {
  V result(1.0);
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = result * base;
    base = base * base;
  }
  return result;
}

/// Hurwitz's zeta(s, q), the sum of (q + k)^-s over k >= 0, for an integer s >= 2 and q > 0.
template <class V>
WG_HD V zetaPositive(int64_t s, V q) {
  const V one(1.0);
  V sum(0.0), at = q;
  for (int k = 0; k < 12; k++) {
    sum = sum + one / integerPower(at, s);
    at = at + one;
  }
  // Euler-Maclaurin: B_2j / (2j)! for j = 1, 2, …
  constexpr double kBernoulli[] = {0.083333333333333333,   -0.0013888888888888889,  3.3068783068783069e-5,
                                   -8.2671957671957672e-7, 2.0876756987868099e-8,   -5.2841901386874932e-10,
                                   1.3382536530684679e-11, -3.3896802963225829e-13, 8.5860620562778446e-15,
                                   -2.1748686985580619e-16};
  const double order = static_cast<double>(s);
  const V inverse = one / at;
  V tail(0.5), factor = inverse * V(order);
  for (int j = 0; j < 10; j++) {
    tail = tail + factor * V(kBernoulli[j]);
    factor = factor * (inverse * V(order + 2.0 * j + 1.0)) * (inverse * V(order + 2.0 * j + 2.0));
  }
  const V power = one / integerPower(at, s - 1);
  // Where the power underflows the tail is nothing, however large its factor.
  return select(power > V(0.0), sum + power * (V(1.0 / (order - 1.0)) + inverse * tail),
                select(q == q, sum, q));
}

/// The n-th derivative of digamma for n >= 1, with n! given: (-1)^(n+1) n! zeta(n + 1, x). Within 4 + n ULP
/// for x > 0; infinite at 0, -1, -2, …
template <class V>
WG_HD V polygamma(V x, int64_t n, double factorial) {
  return inDouble(x, [n, factorial](auto v) {
    using D = decltype(v);
    const D zero(0.0), one(1.0), sign(n % 2 == 0 ? -1.0 : 1.0);
    const auto negative = v < zero;
    D sum = zetaPositive(n + 1, select(negative, one - v, abs(v)));
    if (anyOf(negative)) {
      // The sum over all integers, from the distance to the nearest, less that over those on the other side.
      const D d = v - roundEven(v), r = abs(d);
      const D both = zetaPositive(n + 1, r) + sign * zetaPositive(n + 1, one - r);
      const D all = n % 2 == 0 ? copySign(both, d) : both;
      const D mirrored = select(r == zero, D(Format<double>::kInf), all - sign * sum);
      sum = select(negative, mirrored, sum);
    }
    return sign * D(factorial) * sum;
  });
}

}  // namespace math
}  // namespace WG_ISA
}  // namespace wg
