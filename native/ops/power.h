// wg::math::pow: y log x in two doubles, then exp, for float64 within 2 ULP; float32 is carried in double.
#pragma once
#include "math.h"

namespace wg {
inline namespace WG_ISA {
namespace math {

/// a + b = high + low exactly.
template <class V>
WG_HD void exactSum(V a, V b, V& high, V& low) {
  high = a + b;
  const V back = high - a;
  low = (a - (high - back)) + (b - back);
}

/// log(x) = high + low to about 2^-65, for finite x > 0.
template <class V>
WG_HD void logInTwo(V x, V& high, V& low) {
  V f, e;
  splitExponent(x, f, e);
  // s = f / (2 + f) in two doubles.
  V d, dLow, sd, sdLow;
  exactSum(V(2.0), f, d, dLow);
  const V s = f / d;
  exactProduct(s, d, sd, sdLow);
  const V sLow = (((f - sd) - sdLow) - s * dLow) / d;
  // log(1 + f) = 2 s + s³ (2/3 + z P(z)), z = s²; the 2/3 needs two doubles as well.
  V z, zLow;
  exactProduct(s, s, z, zLow);
  zLow = zLow + V(2.0) * s * sLow;
  const V tail =
      z * polynomial(z, 0.3999999999999998, 0.28571428571445151, 0.22222222217525636, 0.18181818871626038,
                     0.15384556788628437, 0.13336320253442374, 0.11674767648826585,
                     0.11989385992421321);  // 2^-73.6
  V p, pLow;
  exactSum(V(0.66666666666666663), tail, p, pLow);
  pLow = pLow + V(3.7007434154171886e-17);
  V cube, cubeLow, term, termLow;
  exactProduct(s, z, cube, cubeLow);
  cubeLow = cubeLow + (s * zLow + sLow * z);
  exactProduct(cube, p, term, termLow);
  termLow = termLow + (cube * pLow + cubeLow * p);
  V sum, sumLow, total, totalLow;
  exactSum(V(2.0) * s, term, sum, sumLow);
  exactSum(e * V(6.93147180369123816490e-01), sum, total, totalLow);
  totalLow = totalLow + (sumLow + (V(2.0) * sLow + termLow) + e * V(1.90821492927058770002e-10));
  exactSum(total, totalLow, high, low);
}

template <class V>
WG_HD V powDouble(V x, V y) {
  using F = Format<double>;
  const V zero(0.0), one(1.0), inf(F::kInf), nan(F::kNaN);
  const V a = abs(x);
  V high, low;
  logInTwo(a, high, low);
  // |log x| >= 2^-53, so beyond 2^80 y only decides between 0 and Inf.
  V scale = select(y > V(0x1p80), V(0x1p80), y);
  scale = select(scale < V(-0x1p80), V(-0x1p80), scale);
  V product, productLow;
  exactProduct(scale, high, product, productLow);
  productLow = productLow + scale * low;
  const auto inside = abs(product) < V(760.0);
  product = select(product > V(760.0), V(760.0), product);
  product = select(product < V(-760.0), V(-760.0), product);
  V result = expReduced(product, select(inside, productLow, zero));
  const auto rising = y > zero;
  result = select(a == inf, select(rising, inf, zero), result);
  result = select(a == zero, select(rising, zero, inf), result);

  const V whole = floor(y), halved = floor(y * V(0.5));
  const auto isInteger = whole == y;
  const V odd =
      select(isInteger, whole - (halved + halved), zero);  // 1 or 0; NaN (y infinite) counts as even
  const auto negative = fromBits<V>((bitsOf(x) & BitsOf<V>(F::kSign)) | bitsOf(one)) < zero;
  result = select(negative & (odd == one), -result, result);
  result = select((x < zero) & (whole != y) & (a < inf), nan, result);
  result = select((x == x) & (y == y), result, nan);
  result = select(x == one, one, result);
  return select(y == zero, one, result);
}

template <class V>
WG_HD V pow(V x, V y) {
  if constexpr (!kIsFloat<ElementOf<V>>) {
    return intPow(x, y);
  } else if constexpr (sizeof(ElementOf<V>) == 4) {
    return throughDouble(x, y, [](auto a, auto b) { return powDouble(a, b); });
  } else {
    return powDouble(x, y);
  }
}

}  // namespace math
}  // namespace WG_ISA
}  // namespace wg
