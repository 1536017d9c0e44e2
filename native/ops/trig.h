// wg::math::sin, cos and tan: argument reduction in double for every type, so that float32 is right to the
// last bit but one for all arguments; beyond 2^20 the exact reduction of Payne and Hanek, lane by lane.
#pragma once
#include "math.h"

namespace wg {
inline namespace WG_ISA {
namespace math {

/// An angle as quadrant * pi/2 + remainder.
struct ReducedAngle {
  double remainder, quadrant;
};

/// x for |x| >= 2^20: remainder in [-pi/4, pi/4] and the quadrant, from 192 bits of 2/pi.
WG_HD_CALLED ReducedAngle reduceLarge(double x) {
  // 2/pi = 0.a2f9836e…, 64 bits a word. Static: the device would build it on its stack otherwise.
  static constexpr uint64_t kTwoOverPi[] = {
      0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
      0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
      0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
      0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d};
  using Wide = unsigned __int128;
  const uint64_t bits = bitsOf(x);
  const int exponent = static_cast<int>((bits >> 52) & 2047) - 1075;  // x = mantissa * 2^exponent
  const uint64_t mantissa = (bits & 0xfffffffffffff) | (uint64_t{1} << 52);
  // Bits of 2/pi that weigh 4 or more after multiplication vanish modulo 4: start two bits before the point
  // moves in.
  const int skip = exponent > 2 ? exponent - 2 : 0, shift = exponent - skip;  // shift <= 2
  uint64_t w[3];
  for (int i = 0; i < 3; i++) {
    const int word = skip / 64 + i, offset = skip % 64;
    w[i] = kTwoOverPi[word] << offset;
    if (offset != 0) w[i] |= kTwoOverPi[word + 1] >> (64 - offset);
  }
  // mantissa * w / 2^192, low words first; only the fraction modulo 4 is wanted.
  const Wide p2 = Wide{mantissa} * w[2];
  const Wide p1 = Wide{mantissa} * w[1] + static_cast<uint64_t>(p2 >> 64);
  const Wide p0 = Wide{mantissa} * w[0] + static_cast<uint64_t>(p1 >> 64);
  // The value is p0 (integer part in its upper word) times 2^shift; -35 <= shift <= 2 for |x| >= 2^20.
  const Wide whole = Wide{static_cast<uint64_t>(p0 >> 64)} << 64 | static_cast<uint64_t>(p0);
  const uint64_t below = static_cast<uint64_t>(p1);
  const Wide turns =
      (whole << (62 + shift)) | (static_cast<Wide>(below) >> (2 - shift));  // 2 integer bits, 126 of fraction
  const uint64_t n = static_cast<uint64_t>(turns >> 126) + static_cast<uint64_t>((turns >> 125) & 1);
  const __int128 fraction = static_cast<__int128>(turns << 2) >> 2;  // signed, of 2^126: in [-1/2, 1/2)
  const double high = static_cast<double>(static_cast<int64_t>(fraction >> 64));
  const double low = static_cast<double>(static_cast<uint64_t>(fraction));
  const double r = (high * 0x1p-62 + low * 0x1p-126) * 1.5707963267948966;
  return {select((bits >> 63) != 0, -r, r), static_cast<double>(n & 3)};
}

WG_HD void reduceLargeLanes(double x, double& r, double& quadrant) {
  if (!(__builtin_fabs(x) >= 0x1p20) || !(__builtin_fabs(x) < Format<double>::kInf)) return;
  const ReducedAngle reduced = reduceLarge(x);
  r = reduced.remainder;
  quadrant = reduced.quadrant;
}
template <class V>
inline void reduceLargeLanes(V x, V& r, V& quadrant) {
  for (int i = 0; i < V::kLanes; i++) {
    const double a = __builtin_fabs(x.raw[i]);
    if (a >= 0x1p20 && a < Format<double>::kInf) {
      const ReducedAngle reduced = reduceLarge(a);
      r.raw[i] = reduced.remainder;
      quadrant.raw[i] = reduced.quadrant;
    }
  }
}

/// x >= 0 as quadrant * pi/2 + r. V is double-based.
template <class V>
WG_HD V reduceQuadrant(V x, V& quadrant) {
  // pi/2 in four parts of 33 bits: products with the quadrant are exact below 2^20.
  const V n = roundSmall(x * V(0.63661977236758138));
  const V first = x - n * V(1.57079632673412561417e+00);
  const V product = n * V(6.07710050630396597660e-11), second = first - product;
  const V lost = (first - second) - product;
  V r = second + (lost - n * V(2.02226624871116645580e-21) - n * V(8.47842766036889956997e-32));
  quadrant = n;
  const auto large = x >= V(0x1p20);
  if (anyOf(large)) reduceLargeLanes(x, r, quadrant);
  return r;
}

/// sin(r) and cos(r) for |r| <= pi/4.
template <class V>
WG_HD void sineCosine(V r, V& s, V& c) {
  using T = ElementOf<V>;
  const V z = r * r;
  if constexpr (sizeof(T) == 4) {
    s = r * z * polynomial(z, -0.166666672f, 0.00833332911f, -0.000198393362f, 2.7183064e-06f) +
        r;  // 2^-37.6
    c = z * z * polynomial(z, 0.0416666679f, -0.00138888834f, 2.47995176e-05f, -2.72099498e-07f) -
        V(0.5f) * z + V(1.0f);
  } else {
    s = r * z *
            polynomial(z, -0.16666666666666666, 0.0083333333333333228, -0.0001984126984125511,
                       2.7557319214203738e-06, -2.5052104913244016e-08, 1.6058366653986538e-10,
                       -7.5786916391957431e-13) +
        r;  // 2^-68.8
    const V half = V(0.5) * z, near = V(1.0) - half;
    c = near + (((V(1.0) - near) - half) + z * z *
                                               polynomial(z, 0.041666666666666664, -0.0013888888888888874,
                                                          2.4801587301571374e-05, -2.7557319215324209e-07,
                                                          2.0876754354630801e-09, -1.1470291962293995e-11,
                                                          4.7380501239015906e-14));  // 2^-75
  }
}

/// sin(r) or cos(r) by the quadrant's low bit, negated by its second.
template <class V>
WG_HD V quarterWave(V r, V quadrant, uint32_t shift) {
  using T = ElementOf<V>;
  using B = BitsOf<V>;
  using F = Format<T>;
  V s, c;
  sineCosine(r, s, c);
  using Bit = decltype(F::kSign);
  const B q = bitsOf(quadrant + V(F::kRounder)) + B(static_cast<Bit>(shift));
  const V wave = select((q & B(Bit{1})) == B(Bit{0}), s, c);
  return fromBits<V>(bitsOf(wave) ^ ((q & B(Bit{2})) << (static_cast<int>(sizeof(T)) * 8 - 2)));
}

/// reduceQuadrant for float operands, carried in double.
template <class V>
WG_HD void reduceThroughDouble(V x, V& r, V& quadrant) {
  r = throughDouble(x, x, [](auto a, auto) {
    decltype(a) q;
    return reduceQuadrant(a, q);
  });
  quadrant = throughDouble(x, x, [](auto a, auto) {
    decltype(a) q;
    reduceQuadrant(a, q);
    return q;
  });
}

/// sin(a + shift * pi/2) for a >= 0.
template <class V>
WG_HD V shiftedSine(V a, uint32_t shift) {
  const V inf(Format<ElementOf<V>>::kInf);
  V r, quadrant;
  if constexpr (sizeof(ElementOf<V>) == 4) reduceThroughDouble(a, r, quadrant);
  else r = reduceQuadrant(a, quadrant);
  return select(a < inf, quarterWave(r, quadrant, shift), a - a);
}

template <class V>
WG_HD V sin(V x) {
  using F = Format<ElementOf<V>>;
  const V wave = shiftedSine(abs(x), 0);
  return fromBits<V>(bitsOf(wave) ^ (bitsOf(x) & BitsOf<V>(F::kSign)));
}
template <class V>
WG_HD V cos(V x) {
  return shiftedSine(abs(x), 1);
}
template <class V>
WG_HD V tan(V x) {
  using F = Format<ElementOf<V>>;
  using B = BitsOf<V>;
  using Bit = decltype(F::kSign);
  const V a = abs(x);
  V r, quadrant, s, c;
  if constexpr (sizeof(ElementOf<V>) == 4) reduceThroughDouble(a, r, quadrant);
  else r = reduceQuadrant(a, quadrant);
  sineCosine(r, s, c);
  const auto even = (bitsOf(quadrant + V(F::kRounder)) & B(Bit{1})) == B(Bit{0});
  const V t = select(a < V(F::kInf), select(even, s, -c) / select(even, c, s), a - a);
  return fromBits<V>(bitsOf(t) ^ (bitsOf(x) & B(F::kSign)));
}

}  // namespace math
}  // namespace WG_ISA
}  // namespace wg
