// Division with a whole quotient and what it leaves over, as C (towards zero) and as Python (downwards) have
// it. Integers divided by zero fail in the kernel before any body runs.
#pragma once
#include "math.h"

/// F(X, struct below, kernel name).
#define WG_DIVISION(F, X)        \
  F(X, FloorDivide, floorDivide) \
  F(X, TruncDivide, truncDivide) \
  F(X, Remainder, remainder)     \
  F(X, Fmod, fmod)

namespace wg {
inline namespace WG_ISA {
namespace math {

/// x mod y for x, y >= 0 or NaN, by long division of the mantissas eleven bits at a time.
WG_HD double longRemainder(double x, double y) {
  if (!(x < Format<double>::kInf) || y == 0 || y != y) return Format<double>::kNaN;
  if (x < y) return x;
  constexpr uint64_t kHidden = uint64_t{1} << 52, kFraction = kHidden - 1;
  const uint64_t xBits = bitsOf(x), yBits = bitsOf(y);
  int64_t xPower = static_cast<int64_t>(xBits >> 52), yPower = static_cast<int64_t>(yBits >> 52);
  uint64_t rest = (xBits & kFraction) | (xPower != 0 ? kHidden : 0);
  const uint64_t divisor = (yBits & kFraction) | (yPower != 0 ? kHidden : 0);
  xPower += xPower == 0;
  yPower += yPower == 0;
  rest %= divisor;
  for (int64_t left = xPower - yPower; left > 0; left -= 11)
    rest = (rest << (left < 11 ? left : 11)) % divisor;
  // rest * 2^(yPower - 1075), exactly.
  const uint64_t scale = yPower > 52 ? static_cast<uint64_t>(yPower - 52) << 52 : uint64_t{1} << (yPower - 1);
  return static_cast<double>(rest) * fromBits<double>(scale);
}

template <class V>
WG_HD V fmodDouble(V a, V b) {
  const V x = abs(a), y = abs(b), zero(0.0);
  const V quotient = floor(x / y);
  V high, low;
  exactProduct(quotient, y, high, low);
  // Rounding may have lifted the quotient by one; every step here is exact.
  V rest = (x - high) - low;
  rest = select(rest < zero, rest + y, rest);
  const auto unusual = (quotient >= V(0x1p52)) | (quotient != quotient) | (y <= V(0x1p-900)) |
                       (y >= V(0x1p990)) | (x >= V(0x1p990));
  if (anyOf(unusual)) {
    const V slow = mapLanes(x, y, [](double p, double q) { return longRemainder(p, q); });
    rest = select(unusual, slow, rest);
  }
  return copySign(rest, a);
}

/// a - b trunc(a / b), exact, with the sign of a.
template <class V>
WG_HD V fmod(V a, V b) {
  if constexpr (!kIsFloat<ElementOf<V>>) return safeMod(a, b);
  else if constexpr (sizeof(ElementOf<V>) == 4)
    return throughDouble(a, b, [](auto x, auto y) { return fmodDouble(x, y); });
  else return fmodDouble(a, b);
}

}  // namespace math

namespace op {

struct Fmod {
  template <class V>
  WG_HD static V value(V a, V b) {
    return math::fmod(a, b);
  }
};
struct Remainder {
  template <class V>
  WG_HD static V value(V a, V b) {
    const V rest = math::fmod(a, b), zero(ElementOf<V>(0));
    const auto below = (rest != zero) & ((b < zero) ^ (rest < zero));
    if constexpr (!kIsFloat<ElementOf<V>>) return select(below, wrapAdd(rest, b), rest);
    else return select(below, rest + b, rest);
  }
};
struct TruncDivide {
  template <class V>
  WG_HD static V value(V a, V b) {
    if constexpr (!kIsFloat<ElementOf<V>>) {
      return safeDiv(a, b);
    } else {
      const V quotient = a / b;
      return math::copySign(floor(abs(quotient)), quotient);
    }
  }
};
struct FloorDivide {
  template <class V>
  WG_HD static V value(V a, V b) {
    const V rest = math::fmod(a, b), zero(ElementOf<V>(0)), one(ElementOf<V>(1));
    const auto below = (rest != zero) & ((b < zero) ^ (rest < zero));
    if constexpr (!kIsFloat<ElementOf<V>>) {
      const V quotient = safeDiv(a, b);
      return select(below, wrapSub(quotient, one), quotient);
    } else {
      // a - rest is a multiple of b up to rounding, so the quotient is next to a whole number.
      const V quotient = (a - rest) / b, adjusted = select(below, quotient - one, quotient);
      const V whole = floor(adjusted);
      const V near = select(adjusted - whole > V(ElementOf<V>(0.5)), whole + one, whole);
      const V result = select(adjusted != zero, near, math::copySign(zero, a / b));
      return select(b == zero, a / b, result);
    }
  }
};

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
