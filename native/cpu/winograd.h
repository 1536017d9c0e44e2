// The one-dimensional transforms of Winograd's convolution F(M, 3): M outputs of a kernel of three taps from
// M + 2 products. In two dimensions they are applied along both axes.
#pragma once
#include "gemm_tile.h"

namespace wg::cpu {
inline namespace WG_ISA {

template <int M>
struct Winograd;

/// Points 0, 1, -1 and infinity. Fewer products are rounded than in the plain sum, which it errs less than.
template <>
struct Winograd<2> {
  static constexpr int kSide = 4;
  template <class V>
  static WG_INLINE void source(const V (&d)[4], V (&to)[4]) {
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[1] - d[3];
  }
  template <class V>
  static WG_INLINE void weight(const V (&g)[3], V (&to)[4]) {
    const V even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
    to[0] = g[0];
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = g[2];
  }
  template <class V>
  static WG_INLINE void result(const V (&m)[4], V (&to)[2]) {
    to[0] = m[0] + m[1] + m[2];
    to[1] = m[1] - m[2] - m[3];
  }
  /// `weight` and `result` transposed: what a gradient passes through on its way back.
  template <class V>
  static WG_INLINE void weightGrad(const V (&u)[4], V (&to)[3]) {
    const V even = 0.5f * (u[1] + u[2]), odd = 0.5f * (u[1] - u[2]);
    to[0] = u[0] + even;
    to[1] = odd;
    to[2] = even + u[3];
  }
  template <class V>
  static WG_INLINE void resultGrad(const V (&y)[2], V (&to)[4]) {
    to[0] = y[0];
    to[1] = y[0] + y[1];
    to[2] = y[0] - y[1];
    to[3] = -y[1];
  }
};

/// Points 0, a, -a, b, -b and infinity. With the usual 1 and 2 for a and b errors are 3.5 times those of the
/// plain sum, with 5/8 and 3/2 1.8 times; all coefficients are exact.
template <>
struct Winograd<4> {
  static constexpr int kSide = 6;
  static constexpr float a = 0.625f, b = 1.5f, a2 = a * a, b2 = b * b;
  template <class V>
  static WG_INLINE void source(const V (&d)[6], V (&to)[6]) {
    const V evenA = d[4] - b2 * d[2], oddA = d[3] - b2 * d[1];
    const V evenB = d[4] - a2 * d[2], oddB = d[3] - a2 * d[1];
    to[0] = (a2 * b2) * d[0] + (d[4] - (a2 + b2) * d[2]);
    to[1] = evenA + a * oddA;
    to[2] = evenA - a * oddA;
    to[3] = evenB + b * oddB;
    to[4] = evenB - b * oddB;
    to[5] = (a2 * b2) * d[1] + (d[5] - (a2 + b2) * d[3]);
  }
  template <class V>
  static WG_INLINE void weight(const V (&g)[3], V (&to)[6]) {
    constexpr float ofA = 1 / (2 * a2 * (a2 - b2)), ofB = 1 / (2 * b2 * (b2 - a2));
    const V evenA = ofA * g[0] + (ofA * a2) * g[2], oddA = (ofA * a) * g[1];
    const V evenB = ofB * g[0] + (ofB * b2) * g[2], oddB = (ofB * b) * g[1];
    to[0] = (1 / (a2 * b2)) * g[0];
    to[1] = evenA + oddA;
    to[2] = evenA - oddA;
    to[3] = evenB + oddB;
    to[4] = evenB - oddB;
    to[5] = g[2];
  }
  template <class V>
  static WG_INLINE void result(const V (&m)[6], V (&to)[4]) {
    const V evenA = m[1] + m[2], oddA = m[1] - m[2], evenB = m[3] + m[4], oddB = m[3] - m[4];
    to[0] = m[0] + evenA + evenB;
    to[1] = a * oddA + b * oddB;
    to[2] = a2 * evenA + b2 * evenB;
    to[3] = (a * a2) * oddA + (b * b2) * oddB + m[5];
  }
  template <class V>
  static WG_INLINE void weightGrad(const V (&u)[6], V (&to)[3]) {
    constexpr float ofA = 1 / (2 * a2 * (a2 - b2)), ofB = 1 / (2 * b2 * (b2 - a2));
    const V evenA = u[1] + u[2], evenB = u[3] + u[4];
    to[0] = (1 / (a2 * b2)) * u[0] + ofA * evenA + ofB * evenB;
    to[1] = (ofA * a) * (u[1] - u[2]) + (ofB * b) * (u[3] - u[4]);
    to[2] = (ofA * a2) * evenA + (ofB * b2) * evenB + u[5];
  }
  template <class V>
  static WG_INLINE void resultGrad(const V (&y)[4], V (&to)[6]) {
    const V evenA = y[0] + a2 * y[2], oddA = a * y[1] + (a * a2) * y[3];
    const V evenB = y[0] + b2 * y[2], oddB = b * y[1] + (b * b2) * y[3];
    to[0] = y[0];
    to[1] = evenA + oddA;
    to[2] = evenA - oddA;
    to[3] = evenB + oddB;
    to[4] = evenB - oddB;
    to[5] = y[3];
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
