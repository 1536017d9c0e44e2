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
  int count[kWideVectors];  ///< pixels of each vector; others are not written
  bool overruns;            ///< others may be read
  int64_t outLine;
  int64_t line0;   ///< from `out` to this tile's first line
  int64_t toNext;  ///< from there to the lines that are written next
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

/// acc += weights * pixels, step by step. Loads under masks cost a tenth: `kWhole` ones do without.
template <class T, int MR, int NV, bool kWhole>
WG_INLINE void pixelSteps(const PixelTile<T>& t, typename Lanes<T>::Vec (&acc)[MR][NV]) {
  const T *weights = t.weights, *from[NV], *ask[NV];
  int count[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j)
    from[j] = t.from[j], count[j] = t.count[j], ask[j] = t.out[j] + t.line0 + t.toNext;
  const int64_t *offset = t.offsets, *const end = offset + t.k, line = t.outLine;
  const auto step = [&]() __attribute__((always_inline)) {
    typename Lanes<T>::Vec column[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j)
      column[j] = kWhole ? loadVec(from[j] + *offset) : loadPixels(from[j] + *offset, count[j]);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += weights[i] * column[j];
    }
    ++offset;
    weights += MR;
  };
  // What is written next is asked for line by line: all at once would fill the buffers that loads wait for.
  for (const int64_t* const asked = offset + minOf(t.k, MR); offset < asked;) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      __builtin_prefetch(ask[j], 1, 2);
      ask[j] += line;
    }
    step();
  }
  while (offset < end) step();
}

template <class T, int MR, int NV>
void pixelTile(const PixelTile<T>& t) {
  typename Lanes<T>::Vec acc[MR][NV] = {};
  bool whole = true;
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) whole = whole && t.count[j] == Lanes<T>::kCount;
  if (whole || t.overruns) pixelSteps<T, MR, NV, true>(t, acc);
  else pixelSteps<T, MR, NV, false>(t, acc);
  if (t.bias) {
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const T bias = t.bias[i * t.biasStride];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += bias;
    }
  }
  if (t.accumulate) {
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += loadPart(t.out[j] + t.line0 + i * t.outLine, t.count[j]);
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) {
    T* out = t.out[j] + t.line0;
    const int count = t.count[j];
    const int64_t line = t.outLine;
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i, out += line) storePart(out, acc[i][j], count);
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
