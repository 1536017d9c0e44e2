// wg::math: asin, acos and atan, for float32 carried in double. The rationals are those of fdlibm (asin) and
// Cephes (atan). Within 2 ULP over the whole range.
#pragma once
#include "exponential.h"

namespace wg {
inline namespace WG_ISA {
namespace math {

inline constexpr double kHalfPi = 1.5707963267948966, kHalfPiLow = 6.123233995736766e-17;

/// asin(s) = s + result for s in [0, 1/2], from z = s² and, for |x| >= 1/2, s = sqrt((1 - |x|) / 2) with what
/// its rounding lost.
template <class V>
WG_HD V arcsineTail(V a, V& s) {
  const V half(0.5);
  const auto small = a < half;
  const V z = select(small, a * a, (V(1.0) - a) * half);
  s = select(small, a, sqrt(z));
  V square, squareLow;
  exactProduct(s, s, square, squareLow);
  const auto rounded = (a > half) & (a < V(1.0));
  const V lost = select(rounded, ((z - square) - squareLow) / (s + s), V(0.0));
  const V p =
      polynomial(z, 1.66666666666666657415e-01, -3.25565818622400915405e-01, 2.01212532134862925881e-01,
                 -4.00555345006794114027e-02, 7.91534994289814532176e-04, 3.47933107596021167570e-05);
  const V q = polynomial(z, 1.0, -2.40339491173441421878e+00, 2.02094576023350569471e+00,
                         -6.88283971605453293030e-01, 7.70381505559019352791e-02);
  return s * (z * p / q) + lost;
}

template <class V>
WG_HD V asin(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D a = abs(v);
    D s;
    const D tail = arcsineTail(a, s);
    const D large = D(kHalfPi) - ((s + s) + ((tail + tail) - D(kHalfPiLow)));
    return copySign(select(a < D(0.5), s + tail, large), v);
  });
}

template <class V>
WG_HD V acos(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D a = abs(v), two(2.0);
    D s;
    const D tail = arcsineTail(a, s);
    const D signedTail = copySign(tail, v);
    const D middle = D(kHalfPi) - (v - (D(kHalfPiLow) - signedTail));
    const D outer = select(v > D(0.0), s + tail, D(kHalfPi) - (s + (tail - D(kHalfPiLow))));
    return select(a < D(0.5), middle, two * outer);
  });
}

template <class V>
WG_HD V atan(V x) {
  return inDouble(x, [](auto v) {
    using D = decltype(v);
    const D a = abs(v), one(1.0), zero(0.0);
    const auto large = a > D(2.414213562373095), middle = a > D(0.66);
    // atan(a) = pi/2 - atan(1/a) = pi/4 + atan((a - 1) / (a + 1))
    const D t =
        select(large, -one, select(middle, a - one, a)) / select(large, a, select(middle, a + one, one));
    const D base = select(large, D(kHalfPi), select(middle, D(kHalfPi / 2), zero));
    const D low = select(large, D(kHalfPiLow), select(middle, D(kHalfPiLow / 2), zero));
    const D z = t * t;
    const D p =
        polynomial(z, -6.485021904942025371773e1, -1.228866684490136173410e2, -7.500855792314704667340e1,
                   -1.615753718733365076637e1, -8.750608600031904122785e-1);
    const D q = polynomial(z, 1.945506571482613964425e2, 4.853903996359136964868e2, 4.328810604912902668951e2,
                           1.650270098316988542046e2, 2.485846490142306297962e1, 1.0);
    return copySign(base + (t + (t * (z * p / q) + low)), v);
  });
}

}  // namespace math
}  // namespace WG_ISA
}  // namespace wg
