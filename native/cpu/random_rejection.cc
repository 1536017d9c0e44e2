// Distributions drawn by rejection: an element takes as many draws as it needs from a stream of its own.
#include "../ops/rows/random.h"

#include "../ops/trig.h"
#include "random_stream.h"
#include "simd/exponent.h"

WG_PROTOTYPES(WG_RANDOM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

double expOf(double x) { return math::exp(simd::Vec<double>(x)).raw[0]; }
double cosOf(double x) { return math::cos(simd::Vec<double>(x)).raw[0]; }

/// Uniform numbers of element `i`: blocks whose third counter word goes 1, 2, 3 …
struct Draws {
  const Generator& g;
  uint64_t element;
  uint64_t blocks = 0;
  int left = 0;
  double ready[2] = {};

  /// In (0, 1).
  double next() {
    if (left == 0) {
      using L = simd::Vec<uint64_t>;
      const uint64_t counter = g.offset + element;
      L d[4];
      philox::block(L(counter & 0xffffffff), L(counter >> 32), g.key0, g.key1, d, L(++blocks));
      for (int k = 0; k < 2; k++) {
        const uint64_t bits = d[2 * k + 1].raw[0] << 32 | d[2 * k].raw[0];
        ready[k] = (static_cast<double>(static_cast<int64_t>(bits >> 12)) + 0.5) * 0x1p-52;
      }
      left = 2;
    }
    return ready[--left];
  }
  double normal() {
    const double radius = __builtin_sqrt(-2 * simd::logOf(next()));
    return radius * cosOf(6.283185307179586 * next());
  }
};

/// log k! by Stirling's series, below 10 by the factorial itself.
double logFactorial(double k) {
  if (k < 10) {
    double product = 1;
    for (double i = 2; i <= k; i++) product *= i;
    return simd::logOf(product);
  }
  const double x = k + 1, square = 1 / (x * x);
  const double tail = (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680))) / x;
  return (x - 0.5) * simd::logOf(x) - x + 0.918938533204672742 + tail;  // ln(2 pi) / 2
}

/// Below 10 by multiplying uniform numbers, above by transformed rejection (PTRS): W. Hörmann, "The
/// transformed rejection method for generating Poisson random variables" (1993).
double poissonOf(double rate, Draws& draws) {
  if (rate == 0) return 0;
  if (rate < 10) {
    const double limit = expOf(-rate);
    double product = draws.next(), count = 0;
    for (; product > limit; count++) product *= draws.next();
    return count;
  }
  const double logRate = simd::logOf(rate), b = 0.931 + 2.53 * __builtin_sqrt(rate);
  const double a = -0.059 + 0.02483 * b, inverse = 1.1239 + 1.1328 / (b - 3.4),
               squeeze = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = draws.next() - 0.5, v = draws.next(), us = 0.5 - __builtin_fabs(u);
    const double k = __builtin_floor((2 * a / us + b) * u + rate + 0.43);
    if (us >= 0.07 && v <= squeeze) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    const double accept = simd::logOf(v) + simd::logOf(inverse) - simd::logOf(a / (us * us) + b);
    if (accept <= k * logRate - rate - logFactorial(k)) return k;
  }
}

/// G. Marsaglia and W. Tsang, "A simple method for generating gamma variables" (2000).
double gammaOf(double shape, Draws& draws) {
  double scale = 1;
  if (shape < 1) {
    if (shape == 0) return 0;
    scale = expOf(simd::logOf(draws.next()) / shape);
    shape += 1;
  }
  const double d = shape - 1.0 / 3, c = 1 / __builtin_sqrt(9 * d);
  for (;;) {
    const double x = draws.normal(), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root, u = draws.next();
    if (u < 1 - 0.0331 * x * x * x * x) return scale * d * v;
    if (simd::logOf(u) < 0.5 * x * x + d * (1 - v + simd::logOf(v))) return scale * d * v;
  }
}

/// One number for each parameter, which must be finite and not negative.
template <class Make>
void eachElement(Stream& s, const char* name, const View& out, const View& parameter, const View& used,
                 Make make) {
  if (!isState(s, used)) return;
  if (!require(s, sameShape(out, parameter) && out.dtype == parameter.dtype,
               "random: output and parameters differ"))
    return;
  const Generator g = generatorOf(used);
  const Walk to = walkOf(out), from = walkOf(parameter);
  if (to.total == 0) return;
  constexpr int64_t kPart = 2048;  // an element costs tens of nanoseconds
  withFloat(s, out.dtype, name, [&]<class T>() {
    const auto part = [&](int64_t c) {
      alignas(64) T values[kPart];
      const int64_t start = c * kPart, n = minOf(kPart, to.total - start);
      gather(values, from, start, n);
      for (int64_t i = 0; i < n; i++) {
        const double p = static_cast<double>(values[i]);
        if (!(p >= 0 && p - p == 0))
          return fail(s, Code::argument, "%s: a parameter is negative or not finite", name);
        Draws draws{g, static_cast<uint64_t>(start + i)};
        values[i] = static_cast<T>(make(p, draws));
      }
      scatter(to, values, start, n);
    };
    if (to.total <= kPart) part(0);
    else parallelFor(s, ceilDiv(to.total, kPart), part);
  });
}

}  // namespace

void poisson(Stream& s, const Out& out, const In& rate, const In& used) {
  eachElement(s, "poisson", out, rate, used, [](double p, Draws& draws) { return poissonOf(p, draws); });
}
void standardGamma(Stream& s, const Out& out, const In& shape, const In& used) {
  eachElement(s, "standardGamma", out, shape, used, [](double p, Draws& draws) { return gammaOf(p, draws); });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
