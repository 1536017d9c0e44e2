// Register tiles of a convolution whose pixels are read where they lie in a slab: vectors run along the rows
// of pixels, so nothing is packed but the weights.
#pragma once
#include "conv_window.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// out[line, pixel] (+)= bias[line] + sum over k of weights[k, line] * from[pixel + offsets[k]], for up to
/// kWideVectors vectors of pixels, each with a place of its own.
template <class T>
struct PixelTile {
  const T* weights;  ///< element (k, line) at k * lines + line
  const int64_t* offsets;
  int64_t k;
  const T* from[kWideVectors];
  T* out[kWideVectors];
  int count[kWideVectors];  ///< pixels of each vector; others are neither read nor written
  int64_t outLine;
  bool accumulate;
  const T* bias;  ///< or null
  int64_t biasStride;
};

/// A vector of which `count` lanes may be read.
template <class T>
WG_INLINE typename Lanes<T>::Vec loadPixels(const T* p, int count) {
  if constexpr (kVectorBytes == 16)  // partial loads go lane by lane
    if (count == Lanes<T>::kCount) return loadVec(p);
  return loadPart(p, count);
}

template <class T, int MR, int NV>
void pixelTile(const PixelTile<T>& t) {
  typename Lanes<T>::Vec acc[MR][NV] = {};
  const T *weights = t.weights, *from[NV];
  int count[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) from[j] = t.from[j], count[j] = t.count[j];
    // Read or allocated when the sums are done: by then the lines have come.
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j)
    for (int i = 0; i < MR; ++i) __builtin_prefetch(t.out[j] + i * t.outLine, 1, 2);
  const int64_t *offset = t.offsets, *const end = offset + t.k;
  for (; offset < end; ++offset, weights += MR) {
    typename Lanes<T>::Vec column[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      column[j] = loadPixels(from[j] + *offset, count[j]);
      // A channel's rows lie a plane apart, where no hardware looks ahead. With few lines loads are the
      // limit.
      if (NV <= kTileVectors) __builtin_prefetch(from[j] + *offset + NV * Lanes<T>::kCount, 0, 2);
    }
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += weights[i] * column[j];
    }
  }
  if (t.bias) {
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const T bias = t.bias[i * t.biasStride];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += bias;
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) {
    T* out = t.out[j];
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i, out += t.outLine) {
      if (t.accumulate) acc[i][j] += loadPart(out, count[j]);
      storePart(out, acc[i][j], count[j]);
    }
  }
}

template <class T, int NV, int... R>
struct PixelTable {
  static constexpr void (*kRows[])(const PixelTile<T>&) = {&pixelTile<T, R, NV>...};
};

template <class T>
inline void runPixelTile(const PixelTile<T>& t, int lines, int vectors) {
  if (vectors == 1) return PixelTable<T, 1, WG_TILE_ROWS>::kRows[lines - 1](t);
  if (vectors == 2) return PixelTable<T, 2, WG_TILE_ROWS>::kRows[lines - 1](t);
  PixelTable<T, kWideVectors, WG_WIDE_ROWS>::kRows[lines - 1](t);
}

/// A block's pixels as rows whose neighbours lie next to each other in the slab.
struct PixelRows {
  int64_t images, rows, cols;
  int64_t vectorsOfRow, vectors;
};

/// A kernel of one tap leaves no margins: whole blocks are one row when the output has none either.
template <class T>
inline PixelRows pixelRows(const Window& w, const PixelBlock& block, const Slab<T>& slab, bool outDense) {
  const bool flat = w.tapsX == 1 && w.tapsY == 1 && outDense && slab.stepX == 1 && slab.stepY == block.cols;
  PixelRows r{};
  r.images = block.images;
  r.rows = flat ? 1 : block.rows;
  r.cols = flat ? block.rows * block.cols : block.cols;
  r.vectorsOfRow = ceilDiv(r.cols, Lanes<T>::kCount);
  r.vectors = r.images * r.rows * r.vectorsOfRow;
  return r;
}

/// Packing makes whole vectors of pixels from several rows; it was measured to take as long as about six
/// lines of products.
template <class T>
inline bool readsInPlace(const PixelRows& r, const Slab<T>& slab, int64_t lines) {
  const int64_t packed = ceilDiv(r.images * r.rows * r.cols, Lanes<T>::kCount);
  return slab.data && slab.stepX == 1 && (r.vectors - packed) * lines <= 6 * packed;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
