// One-dimensional transforms for convolutions with fewer products: a tile of outputs from kSide products, by
// Winograd's method. In two dimensions they are applied along both axes. The input gradient's kernels are
// those of the convolution turned around.
#pragma once
#include "gemm_tile.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Outputs of a tile along an axis, source pixels from a tile to the next and of one tile, products, taps.
struct WinogradSizes {
  int64_t tile, step, in, side, taps;
};

template <int Tile, int Step, int In, int Side, int Taps>
struct WinogradMethod {
  static constexpr int kTile = Tile, kStep = Step, kIn = In, kSide = Side, kTaps = Taps;
  static constexpr WinogradSizes kSizes{Tile, Step, In, Side, Taps};
};

/// Two outputs of three taps. Points 0, 1, -1 and infinity. Fewer products are rounded than in the plain sum,
/// which it errs less than.
struct Winograd2 : WinogradMethod<2, 2, 4, 4, 3> {
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

/// Four outputs of three taps. Points 0, a, -a, b, -b and infinity. With the usual 1 and 2 for a and b errors
/// are 3.5 times those of the plain sum, with 5/8 and 3/2 1.8 times; all coefficients are exact.
struct Winograd4 : WinogradMethod<4, 4, 6, 6, 3> {
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

/// Two outputs of five taps: three of them as in Winograd2, the other two from three products more. Seven
/// products for ten, and errors like Winograd2's, which larger tiles of one piece would not have.
struct WinogradFive : WinogradMethod<2, 2, 6, 7, 5> {
  template <class V>
  static WG_INLINE void source(const V (&d)[6], V (&to)[7]) {
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[1] - d[3];
    to[4] = d[3] - d[4];
    to[5] = d[4];
    to[6] = d[5] - d[4];
  }
  template <class V>
  static WG_INLINE void weight(const V (&g)[5], V (&to)[7]) {
    const V even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
    to[0] = g[0];
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = g[2];
    to[4] = g[3];
    to[5] = g[3] + g[4];
    to[6] = g[4];
  }
  template <class V>
  static WG_INLINE void result(const V (&m)[7], V (&to)[2]) {
    to[0] = (m[0] + m[1] + m[2]) + (m[4] + m[5]);
    to[1] = (m[1] - m[2] - m[3]) + (m[5] + m[6]);
  }
  template <class V>
  static WG_INLINE void weightGrad(const V (&u)[7], V (&to)[5]) {
    const V even = 0.5f * (u[1] + u[2]), odd = 0.5f * (u[1] - u[2]);
    to[0] = u[0] + even;
    to[1] = odd;
    to[2] = even + u[3];
    to[3] = u[4] + u[5];
    to[4] = u[5] + u[6];
  }
  template <class V>
  static WG_INLINE void resultGrad(const V (&y)[2], V (&to)[7]) {
    to[0] = y[0];
    to[1] = y[0] + y[1];
    to[2] = y[0] - y[1];
    to[3] = -y[1];
    to[4] = y[0];
    to[5] = to[1];
    to[6] = y[1];
  }
};

/// Two outputs of three taps with stride 2. The outer taps meet every other pixel: two outputs of two taps
/// from three products; the middle one takes two more. Five products for six.
struct WinogradStride : WinogradMethod<2, 4, 5, 5, 3> {
  template <class V>
  static WG_INLINE void source(const V (&d)[5], V (&to)[5]) {
    to[0] = d[0] - d[2];
    to[1] = d[2];
    to[2] = d[4] - d[2];
    to[3] = d[1];
    to[4] = d[3];
  }
  template <class V>
  static WG_INLINE void weight(const V (&g)[3], V (&to)[5]) {
    to[0] = g[0];
    to[1] = g[0] + g[2];
    to[2] = g[2];
    to[3] = g[1];
    to[4] = g[1];
  }
  template <class V>
  static WG_INLINE void result(const V (&m)[5], V (&to)[2]) {
    to[0] = (m[0] + m[1]) + m[3];
    to[1] = (m[1] + m[2]) + m[4];
  }
  template <class V>
  static WG_INLINE void weightGrad(const V (&u)[5], V (&to)[3]) {
    to[0] = u[0] + u[1];
    to[1] = u[3] + u[4];
    to[2] = u[1] + u[2];
  }
  template <class V>
  static WG_INLINE void resultGrad(const V (&y)[2], V (&to)[5]) {
    to[0] = y[0];
    to[1] = y[0] + y[1];
    to[2] = y[1];
    to[3] = y[0];
    to[4] = y[1];
  }
};

/// The input gradient of that: four pixels, of which the first and the third meet the middle tap alone.
struct WinogradSpread : WinogradMethod<4, 2, 3, 5, 3> {
  template <class V>
  static WG_INLINE void source(const V (&d)[3], V (&to)[5]) {
    to[0] = d[0] - d[1];
    to[1] = d[1];
    to[2] = d[2] - d[1];
    to[3] = d[0];
    to[4] = d[1];
  }
  template <class V>
  static WG_INLINE void weight(const V (&g)[3], V (&to)[5]) {
    WinogradStride::weight(g, to);
  }
  template <class V>
  static WG_INLINE void result(const V (&m)[5], V (&to)[4]) {
    to[0] = m[3];
    to[1] = m[0] + m[1];
    to[2] = m[4];
    to[3] = m[1] + m[2];
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
