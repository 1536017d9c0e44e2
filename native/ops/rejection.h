// Distributions drawn by rejection: a number takes as many uniform draws as it needs. `Draws` gives them with
// next(), in (0, 1).
#pragma once
#include "math.h"
#include "trig.h"

namespace wg {
inline namespace WG_ISA {
namespace rejection {

template <class Draws>
WG_HD double normal(Draws& draws) {
  const double radius = sqrt(-2.0 * math::log(draws.next()));
  return radius * math::cos(6.283185307179586 * draws.next());
}

/// log k! by Stirling's series, below 10 by the factorial itself.
WG_HD double logFactorial(double k) {
  if (k < 10) {
    double product = 1;
    for (double i = 2; i <= k; i++) product *= i;
    return math::log(product);
  }
  const double x = k + 1, square = 1 / (x * x);
  const double tail = (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680))) / x;
  return (x - 0.5) * math::log(x) - x + 0.918938533204672742 + tail;  // ln(2 pi) / 2
}

/// Below 10 by multiplying uniform numbers, above by transformed rejection (PTRS): W. Hörmann, "The
/// transformed rejection method for generating Poisson random variables" (1993).
template <class Draws>
WG_HD double poisson(double rate, Draws& draws) {
  if (rate == 0) return 0;
  if (rate < 10) {
    const double limit = math::exp(-rate);
    double product = draws.next(), count = 0;
    for (; product > limit; count++) product *= draws.next();
    return count;
  }
  const double logRate = math::log(rate), b = 0.931 + 2.53 * sqrt(rate);
  const double a = -0.059 + 0.02483 * b, inverse = 1.1239 + 1.1328 / (b - 3.4),
               squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = draws.next() - 0.5, v = draws.next(), us = 0.5 - abs(u);
    const double k = floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const double accept = math::log(v) + math::log(inverse) - math::log(a / (us * us) + b);
    if (accept <= k * logRate - rate - logFactorial(k)) return k;
  }
}

/// G. Marsaglia and W. Tsang, "A simple method for generating gamma variables" (2000).
template <class Draws>
WG_HD double gamma(double shape, Draws& draws) {
  double scale = 1;
  if (shape < 1) {
    if (shape == 0) return 0;
    scale = math::exp(math::log(draws.next()) / shape);
    shape += 1;
  }
  const double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
  for (;;) {
    const double x = normal(draws), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root, u = draws.next();
    if (u < 1 - 0.0331 * x * x * x * x) return scale * d * v;
    if (math::log(u) < 0.5 * x * x + d * (1 - v + math::log(v))) return scale * d * v;
  }
}

}  // namespace rejection
}  // namespace WG_ISA
}  // namespace wg
