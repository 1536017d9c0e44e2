// One element of one dtype as another, the same on every device: integers wrap; fractions saturate into
// integers and are cut off, NaN gives 0; float16 and bfloat16 are rounded once, to nearest even; anything but
// zero is true.
#pragma once
#include "scalar.h"

namespace wg {
inline namespace WG_ISA {

/// A double as T: floats round, integers saturate and truncate, NaN is 0.
template <class T>
WG_HD T fromDouble(double x) {
  if constexpr (static_cast<T>(0.5) != T(0)) {
    return static_cast<T>(x);
  } else {
    constexpr bool isSigned = static_cast<T>(-1) < T(0);
    constexpr int bits = static_cast<int>(sizeof(T)) * 8 - (isSigned ? 1 : 0);
    constexpr T most = static_cast<T>((uint64_t{1} << (bits - 1)) - 1 + (uint64_t{1} << (bits - 1)));
    constexpr T least = isSigned ? static_cast<T>(-most - 1) : T(0);
    constexpr double bound = static_cast<double>(uint64_t{1} << (bits - 1)) * 2.0;  // 2^bits, exactly
    if (x != x) return T(0);
    if (x >= bound) return most;
    if (x <= static_cast<double>(least)) return least;
    return static_cast<T>(x);
  }
}

template <class To, class From>
WG_HD To castElement(From x) {
  if constexpr (!__is_same(From, float) && !__is_same(From, double)) return static_cast<To>(x);
  else if constexpr (__is_same(To, float) || __is_same(To, double)) return static_cast<To>(x);
  else return fromDouble<To>(static_cast<double>(x));
}

/// The bits of a double as a float on its way to fewer bits: rounded to odd, so that the last rounding is
/// that of the double itself (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
WG_HD uint32_t roundedToOdd(double x) {
  const float near = static_cast<float>(x);
  const double back = static_cast<double>(near);
  const uint32_t bits = __builtin_bit_cast(uint32_t, near);
  const uint32_t away = __builtin_fabs(back) > __builtin_fabs(x) ? 1u : 0u;
  return (bits - away) | (back != x ? 1u : 0u);
}

// From and to the bits of a float32. No value is treated apart, so that compilers make vector code of loops.

/// float16: 1 sign, 5 exponent and 10 mantissa bits.
WG_HD uint32_t widenHalf(uint32_t h) {
  const uint32_t sign = (h & 0x8000u) << 16, rest = (h & 0x7fffu) << 13;
  // The exponent's bias differs by 112; the product is exact for subnormal numbers too.
  const float scaled = __builtin_bit_cast(float, rest) * 0x1p112f;
  const uint32_t special = rest | 0x7f800000u | ((rest & 0x007fffffu) != 0 ? 0x00400000u : 0u);
  return sign | (rest >= 0x0f800000u ? special : __builtin_bit_cast(uint32_t, scaled));
}
WG_HD uint16_t narrowHalf(uint32_t bits) {
  const uint32_t a = bits & 0x7fffffffu;
  // Adding 0.5 puts the last place of a subnormal float16, 2^-24, at the last place of the sum.
  const uint32_t small = __builtin_bit_cast(uint32_t, __builtin_bit_cast(float, a) + 0.5f) - 0x3f000000u;
  const uint32_t normal = (a - 0x38000000u + 0xfffu + ((a >> 13) & 1u)) >> 13;
  const uint32_t special = a > 0x7f800000u ? 0x7e00u | ((a >> 13) & 0x3ffu) : 0x7c00u;
  const uint32_t finite = a < 0x38800000u ? small : normal;
  return static_cast<uint16_t>((bits >> 16 & 0x8000u) | (a >= 0x47800000u ? special : finite));
}

/// bfloat16 is the upper half of a float32. A NaN stays one whatever bits are cut off.
WG_HD uint32_t widenBrain(uint32_t b) { return b << 16; }
WG_HD uint16_t narrowBrain(uint32_t bits) {
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t nan = (bits >> 16) | 0x40u;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

}  // namespace WG_ISA
}  // namespace wg
