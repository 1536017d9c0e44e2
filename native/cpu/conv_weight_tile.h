// The tile of the weight gradient (conv_weight.cc): taps of the source by filters of a transposed dy, summed
// over pixels.
#pragma once
#include "gemm_tile.h"

namespace wg::cpu {
inline namespace WG_ISA {

template <class T>
struct TapTile {
  const T* source;                  ///< the slab at the block's first pixel
  const int64_t* taps;              ///< offset of each row of the tile
  int64_t images, rows, cols;       ///< pixels
  int64_t stepImage, stepY, stepX;  ///< between pixels, in the slab
  const T* dy;                      ///< [pixel][NV vectors]
  T* sums;                          ///< [row][sumsRow]
  int64_t sumsRow;
};

/// sums[i, filter] += sum over pixels of source[pixel + taps[i]] * dy[pixel, filter].
template <class T, int MR, int NV>
void tapTile(const TapTile<T>& t) {
  constexpr int L = Lanes<T>::kCount;
  typename Lanes<T>::Vec acc[MR][NV];
  const T* base[MR];
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
    base[i] = t.source + t.taps[i];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[i][j] = loadVec(t.sums + i * t.sumsRow + j * L);
  }
  const T* dy = t.dy;
  for (int64_t row = 0; row < t.images * t.rows; ++row) {
    int64_t at = row / t.rows * t.stepImage + row % t.rows * t.stepY;
    for (int64_t x = 0; x < t.cols; ++x, at += t.stepX, dy += NV * L) {
      typename Lanes<T>::Vec column[NV];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) column[j] = loadVec(dy + j * L);
#pragma GCC unroll 16
      for (int i = 0; i < MR; ++i) {
        const T value = base[i][at];
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) acc[i][j] += value * column[j];
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) storeVec(t.sums + i * t.sumsRow + j * L, acc[i][j]);
  }
}

template <class T, int NV, int... R>
struct TapTable {
  static constexpr void (*kRows[])(const TapTile<T>&) = {&tapTile<T, R, NV>...};
};

}  // namespace WG_ISA
}  // namespace wg::cpu
