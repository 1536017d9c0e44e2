// Bodies of two floating-point operands: angles, lengths, sums of exponentials.
#pragma once
#include "math.h"

/// F(X, struct below, kernel name).
#define WG_PLANAR(F, X)        \
  F(X, Atan2, atan2)           \
  F(X, Hypot, hypot)           \
  F(X, Logaddexp, logaddexp)   \
  F(X, Logaddexp2, logaddexp2) \
  F(X, Xlogy, xlogy)           \
  F(X, Copysign, copysign)

namespace wg {
inline namespace WG_ISA {
namespace math {

/// atan(t) for |t| <= tan(pi / 8): t + t z P(z) / Q(z), z = t^2 (Moshier, Cephes, whose fit reaches 0.66).
template <class V>
WG_HD V atanSmall(V t) {
  const V z = t * t;
  const V p = polynomial(z, -6.485021904942025371773e1, -1.228866684490136173410e2,
                         -7.500855792314704667340e1, -1.615753718733365076637e1, -8.750608600031904122785e-1);
  const V q = polynomial(z, 1.945506571482613964425e2, 4.853903996359136964868e2, 4.328810604912902668951e2,
                         1.650270098316988542046e2, 2.485846490142306297962e1, 1.0);
  return t + t * z * (p / q);
}

template <class V>
WG_HD V atan2Double(V y, V x) {
  using F = Format<double>;
  const V zero(0.0), one(1.0), inf(F::kInf);
  V a = abs(y), b = abs(x);
  const auto bothInfinite = (a == inf) & (b == inf);
  a = select(bothInfinite, one, a);
  b = select(bothInfinite, one, b);
  const auto steep = a > b;
  V least = select(steep, b, a), most = select(steep, a, b);
  // Their sum may overflow.
  const auto huge = most >= V(0x1p1000);
  least = select(huge, least * V(0x1p-100), least);
  most = select(huge, most * V(0x1p-100), most);
  const auto wide = least > most * V(0.41421356237309503);
  V t = select(wide, least - most, least) / select(wide, least + most, most);
  t = select(most == zero, zero, t);
  V angle = atanSmall(t);
  angle = select(wide, V(0.78539816339744828) + (angle + V(3.061616997868383e-17)), angle);
  angle = select(steep, V(1.5707963267948966) - (angle - V(6.123233995736766e-17)), angle);
  const auto backward = copySign(one, x) < zero;
  angle = select(backward, V(3.1415926535897931) - (angle - V(1.2246467991473532e-16)), angle);
  angle = select((x == x) & (y == y), angle, V(F::kNaN));
  return copySign(angle, y);
}

template <class V>
WG_HD V atan2(V y, V x) {
  if constexpr (sizeof(ElementOf<V>) == 4)
    return throughDouble(y, x, [](auto a, auto b) { return atan2Double(a, b); });
  else return atan2Double(y, x);
}

template <class V>
WG_HD V hypotDouble(V x, V y) {
  const V a = abs(x), b = abs(y), inf(Format<double>::kInf), one(1.0);
  const V most = maxNum(a, b);
  // Squares must neither overflow nor vanish.
  const auto huge = most > V(0x1p500), tiny = most < V(0x1p-500);
  const V down = select(huge, V(0x1p-600), select(tiny, V(0x1p600), one));
  const V up = select(huge, V(0x1p600), select(tiny, V(0x1p-600), one));
  const V p = a * down, q = b * down;
  return select((a == inf) | (b == inf), inf, sqrt(p * p + q * q) * up);
}

template <class V>
WG_HD V hypot(V x, V y) {
  if constexpr (sizeof(ElementOf<V>) == 4)
    return throughDouble(x, y, [](auto a, auto b) { return hypotDouble(a, b); });
  else return hypotDouble(x, y);
}

/// log(1 + e) for e in [0, 1]: the logarithm of the rounded sum, and what rounding lost.
template <class V>
WG_HD V logOnePlus(V e) {
  const V one(ElementOf<V>(1)), sum = one + e;
  return log(sum) + (e - (sum - one)) / sum;
}

}  // namespace math

namespace op {

struct Atan2 {
  template <class V>
  WG_HD static V value(V y, V x) {
    return math::atan2(y, x);
  }
};
struct Hypot {
  template <class V>
  WG_HD static V value(V x, V y) {
    return math::hypot(x, y);
  }
};
struct Logaddexp {
  template <class V>
  WG_HD static V value(V a, V b) {
    const V most = select((a > b) | (a != a), a, b);
    // Equal infinities have no difference.
    return select((a == b) & (abs(a) == V(Format<ElementOf<V>>::kInf)), a,
                  most + math::logOnePlus(math::exp(-abs(a - b))));
  }
};
struct Logaddexp2 {
  template <class V>
  WG_HD static V value(V a, V b) {
    using T = ElementOf<V>;
    const V most = select((a > b) | (a != a), a, b);
    const V ratio = math::exp(-abs(a - b) * V(T(0.69314718055994531)));
    return select((a == b) & (abs(a) == V(Format<T>::kInf)), a,
                  most + math::logOnePlus(ratio) * V(T(1.4426950408889634)));
  }
};
/// x log y, 0 where x is 0 and y a number.
struct Xlogy {
  template <class V>
  WG_HD static V value(V x, V y) {
    const V zero(ElementOf<V>(0));
    return select(y != y, y, select(x == zero, zero, x * math::log(y)));
  }
};
struct Copysign {
  template <class V>
  WG_HD static V value(V a, V b) {
    return math::copySign(a, b);
  }
};

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
