// What linear algebra computes with on every backend: products and roots that neither overflow nor vanish
// before their result does.
#pragma once
#include "scalar.h"

namespace wg {
inline namespace WG_ISA {

/// √(a² + b²).
WG_HD double magnitude(double a, double b) {
  a = abs(a), b = abs(b);
  const double high = a > b ? a : b, low = a > b ? b : a;
  if (!(high > 0)) return a + b;
  const double ratio = low / high;
  return high * sqrt(1 + ratio * ratio);
}

/// The power of two that brings `most` near 1.
WG_HD double scaleFor(double most) {
  if (most == 0) return 1;
  int64_t exponent = static_cast<int64_t>(bitsOf(most) >> 52);
  exponent = exponent < 3 ? 3 : exponent > 2043 ? 2043 : exponent;
  return fromBits<double>(static_cast<uint64_t>(2046 - exponent) << 52);
}

/// Cosine and sine of the turn that maps (f, g) to (r, 0).
WG_HD void angle(double f, double g, double& c, double& s, double& r) {
  r = magnitude(f, g);
  c = r > 0 ? f / r : 1;
  s = r > 0 ? g / r : 0;
}

/// A product of many factors, such as a determinant.
struct Product {
  double mantissa = 1;
  int64_t exponent = 0;

  WG_HD void times(double x) {
    mantissa *= x;
    const uint64_t bits = bitsOf(mantissa);
    const int64_t field = static_cast<int64_t>(bits >> 52) & 2047;
    if (field == 0 || field == 2047) return;  // zero, subnormal, infinite or NaN
    exponent += field - 1023;
    mantissa = fromBits<double>((bits & ~(uint64_t{2047} << 52)) | uint64_t{1023} << 52);
  }
  WG_HD double value() const {
    double v = mantissa;
    for (int64_t left = exponent < -2200 ? -2200 : exponent > 2200 ? 2200 : exponent; left != 0;) {
      const int64_t step = left < -1000 ? -1000 : left > 1000 ? 1000 : left;
      v *= fromBits<double>(static_cast<uint64_t>(1023 + step) << 52);
      left -= step;
    }
    return v;
  }
};

}  // namespace WG_ISA
}  // namespace wg
