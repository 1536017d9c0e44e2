// Convolution as a matrix product whose right side is read through a window: packed weights [m, k] times
// panels of im2col made when a panel's turn comes, while it still lies in the first-level cache.
#pragma once
#include "chunks.h"
#include "conv_tile.h"
#include "simd/shuffle.h"

namespace wg::cpu {
inline namespace WG_ISA {

template <class T>
struct WindowGemm {
  Window window;
  int64_t m;
  const T* weights;  ///< panels of tileRows() lines, weightPanel() elements apart
  const T* source;
  int64_t strideImage;
  T* out;
  int64_t outImage, outM, outY, outX;
  const T* bias;  ///< one per m, or null
  int64_t biasStride;
  bool accumulate;  ///< add to what `out` holds
  // Each channel of `out` has this many lines, whose pixels alternate in a row of it: `outBeside` apart, with
  // outX = beside * outBeside. `columns` of a row's pixels exist, counted from the window's first.
  int64_t beside, outBeside, columns;
};

inline constexpr int64_t kLinesBeside = 16;  ///< the most of them
inline constexpr int64_t kMostLines = kTileRows < kLinesBeside ? kLinesBeside : kTileRows;

inline int64_t tileRows(int64_t m) {
  if (m == 0) return 1;  // no filters: no tiles of any height
  const int64_t most = m <= kWideRows ? kWideRows : kTileRows;
  return ceilDiv(m, ceilDiv(m, most));
}

/// Elements of one packed panel of weights, with the slack packing needs: panels are packed by different
/// threads.
template <class T>
inline int64_t weightPanel(int64_t m, int64_t depth) {
  constexpr int64_t L = Lanes<T>::kCount;
  return ceilDiv(tileRows(m) * depth + L, L) * L;
}

/// Whole channels to a block of k where they fit: then a slab holds no channel twice.
template <class T>
inline int64_t windowDepth(const Window& w) {
  const int64_t most = kDepthBytes / static_cast<int64_t>(sizeof(T)), taps = w.tapsY * w.tapsX;
  return taps > most || taps < 1 ? most : evenSplit(w.channels, most / taps, 1) * taps;
}

template <class T>
inline constexpr int64_t kPanelElements = kDepthBytes /
                                          static_cast<int64_t>(sizeof(T)) * kWideVectors* Lanes<T>::kCount;
template <class T>
inline constexpr int64_t kSlabElements =
    static_cast<int64_t>(kWorkerScratchBytes) / static_cast<int64_t>(sizeof(T)) - kPanelElements<T> -
    4 * Lanes<T>::kCount;

/// Whether a block's source values are there to read: the tensor's own, or a copy that fits a thread's
/// scratch.
template <class T>
inline bool hasSlab(const Window& w, const SlabShape& shape, int64_t images, int64_t channels) {
  return inside(w, shape) || channels * slabStep<T>(shape, images) <= kSlabElements<T>;
}

/// Output pixels of one chunk. A function of shape and dtype; `total` counts the multiply-adds of the whole
/// op.
template <class T>
inline PixelBlock blockShape(const Window& w, int64_t m, int64_t images, double total) {
  constexpr int64_t L = Lanes<T>::kCount;
  const double perPixel = static_cast<double>(m) * static_cast<double>(w.depth() + 1);
  const double wanted = (total / 16 < 6.7e7 ? total / 16 : 6.7e7) / perPixel;
  const int64_t most = m <= kWideRows ? 2048 : 1024;  // few lines: copying the slab counts, and its margins
  const int64_t pixels = wanted < 64                          ? 64
                         : wanted > static_cast<double>(most) ? most
                                                              : static_cast<int64_t>(wanted);
  PixelBlock block{0, 1, 0, w.rows, 0, evenSplit(w.cols, 512, 1)};
  const int64_t plane = w.rows * w.cols;
  if (block.cols == w.cols && plane <= pixels) {
    // Several images share panels; of the counts allowed, the one that wastes the fewest lanes at the end.
    int64_t best = 1;
    double bestUse = 0;
    for (int64_t count = 1; count <= minOf(images, pixels / plane); ++count) {
      const double use =
          static_cast<double>(count * plane) / static_cast<double>(ceilDiv(count * plane, L) * L);
      if (use >= bestUse) best = count, bestUse = use;
    }
    block.images = best;
  } else {
    block.rows = evenSplit(w.rows, maxOf(pixels / block.cols, 1), 1);
  }
  const int64_t taps = maxOf(w.tapsY * w.tapsX, 1), depth = minOf(windowDepth<T>(w), maxOf(w.depth(), 1));
  const int64_t channels = minOf(w.channels, depth % taps == 0 ? depth / taps : depth / taps + 2);
  for (;;) {
    const SlabShape shape = slabShape(w, block, w.stepX);
    if (channels * slabStep<T>(shape, block.images) <= kSlabElements<T>) return block;
    if (block.images > 1) block.images = 1;
    else if (block.rows > 1) block.rows = ceilDiv(block.rows, 2);
    else if (block.cols > 2 * L) block.cols = ceilDiv(block.cols, 2);
    else return block;  // windowGemm tests every read instead
  }
}

/// Copies a dense tile to where the runs' pixels lie.
template <class T>
WG_SINGLE void scatterTile(const T* dense, int64_t denseRow, T* out, int64_t outM, int64_t outX, int lines,
                           const Run* runs, const int64_t* to, int runCount, bool accumulate) {
  for (int i = 0; i < lines; ++i, dense += denseRow, out += outM)
    for (int run = 0; run < runCount; ++run) {
      T* const at = out + to[run];
      const T* const from = dense + runs[run].at;
      for (int x = 0; x < runs[run].length; ++x) at[x * outX] = accumulate ? at[x * outX] + from[x] : from[x];
    }
}

/// Writes `count` pixels of lines that lie beside each other: sums[line * sumsLine + x], from the window's
/// column `x0` on, to each channel's row at `out`.
template <class T>
inline void writeBeside(const WindowGemm<T>& g, const T* sums, int64_t sumsLine, T* out, int64_t x0,
                        int64_t count, bool add) {
  constexpr int L = Lanes<T>::kCount;
  const int64_t n = minOf(count * g.beside, g.columns - x0 * g.beside);
  for (int64_t line = 0; line < g.m; line += g.beside, sums += g.beside * sumsLine, out += g.outM) {
    int64_t i = 0;
    if (g.beside == 2 && g.outBeside == 1)
      for (; i < n; i += 2 * L) {
        const simd::Vec<T> even = loadVec(sums + i / 2), odd = loadVec(sums + sumsLine + i / 2);
        const int rest = static_cast<int>(minOf(n - i, 2 * L)), low = rest < L ? rest : L, high = rest - low;
        auto first = simd::interleave<false>(even, odd).raw, second = simd::interleave<true>(even, odd).raw;
        if (add) first += loadPart(out + i, low);
        storePart(out + i, first, low);
        if (high == 0) continue;
        if (add) second += loadPart(out + i + L, high);
        storePart(out + i + L, second, high);
      }
    for (; i < n; ++i) {
      T& pixel = out[i * g.outBeside];
      const T sum = sums[i % g.beside * sumsLine + i / g.beside];
      pixel = add ? pixel + sum : sum;
    }
  }
}

/// out[x] = sum over taps of weight * source[x + tap], NV vectors of one output row at a time; `count` valid
/// elements.
template <class T, int NV>
WG_INLINE void directStrip(T* out, const T* from, const int64_t* offsets, const T* weights,
                           int64_t weightStride, int64_t taps, T bias, bool accumulate, int count) {
  constexpr int L = Lanes<T>::kCount;
  typename Lanes<T>::Vec acc[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) {
    acc[j] = typename Lanes<T>::Vec{} + bias;
    if (accumulate) acc[j] += count == NV * L ? loadVec(out + j * L) : loadPart(out + j * L, count);
  }
  for (int64_t k = 0; k < taps; ++k) {
    const T weight = weights[k * weightStride];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j)
      acc[j] += weight * (count == NV * L ? loadVec(from + offsets[k] + j * L)
                                          : loadPart(from + offsets[k] + j * L, count));
  }
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) {
    if (count == NV * L) storeVec(out + j * L, acc[j]);
    else storePart(out + j * L, acc[j], count);
  }
}

/// Depthwise: with one source channel and a few outputs of it a panel would not earn its packing. False: not
/// such a window.
template <class T>
inline bool windowDirect(const WindowGemm<T>& g, const PixelBlock& block, T* scratch) {
  constexpr int L = Lanes<T>::kCount;
  const Window& w = g.window;
  const int64_t taps = w.depth();
  if (w.channels != 1 || g.m > 2 || g.beside > 1 || w.stepX != 1 || taps == 0 || taps > 64) return false;
  const SlabShape shape = slabShape(w, block, w.stepX);
  if (!hasSlab<T>(w, shape, block.images, 1)) return false;
  const Slab<T> slab =
      makeSlab(w, block, shape, g.source + block.image0 * g.strideImage, g.strideImage, 1, scratch);
  int64_t offsets[64];
  tapOffsets(w, slab, 0, 0, taps, offsets);
  for (int64_t i = 0; i < g.m; ++i)
    for (int64_t image = 0; image < block.images; ++image)
      for (int64_t y = 0; y < block.rows; ++y) {
        const T* const from = slab.data + image * slab.strideImage + y * slab.stepY;
        T* const out = g.out + i * g.outM + (block.image0 + image) * g.outImage + (block.row0 + y) * g.outY +
                       block.col0 * g.outX;
        const T* const weights = g.weights + i;
        const T bias = g.bias ? g.bias[i * g.biasStride] : T(0);
        for (int64_t x = 0; x < block.cols;) {
          const int count = static_cast<int>(minOf(block.cols - x, kWideVectors * L));
          const bool wide = count == kWideVectors * L, dense = g.outX == 1;
          T apart[kWideVectors * L];
          T* const to = dense ? out + x : apart;
          if (wide)
            directStrip<T, kWideVectors>(to, from + x, offsets, weights, g.m, taps, bias,
                                         dense && g.accumulate, count);
          else
            for (int i0 = 0; i0 < count; i0 += L)
              directStrip<T, 1>(to + i0, from + x + i0, offsets, weights, g.m, taps, bias,
                                dense && g.accumulate, static_cast<int>(minOf(L, count - i0)));
          for (int i0 = 0; !dense && i0 < count; ++i0) {
            T& pixel = out[(x + i0) * g.outX];
            pixel = g.accumulate ? pixel + apart[i0] : apart[i0];
          }
          x += count;
        }
      }
  return true;
}

/// A block's part of k from k0, read from the slab in place.
template <class T>
inline void pixelProducts(const WindowGemm<T>& g, const PixelRows& r, const Slab<T>& slab,
                          const int64_t* offsets, int64_t k0, int64_t kc, T* out, int64_t col0) {
  constexpr int L = Lanes<T>::kCount;
  const int64_t rows = tileRows(g.m), depth = g.window.depth(), weightStride = weightPanel<T>(g.m, depth);
  const int most = g.m <= kWideRows ? kWideVectors : kTileVectors;
  alignas(64) T dense[kMostLines * kWideVectors * L + L];  // writeBeside reads whole vectors
  const bool apart = g.outX != 1, beside = g.beside > 1, add = g.accumulate || k0 > 0,
             last = k0 + kc >= depth;
  int64_t image = 0, y = 0, x = 0;  // of the next vector
  for (int64_t v = 0; v < r.vectors; v += most) {
    const int used = static_cast<int>(minOf(most, r.vectors - v)), vectors = used == 3 ? kWideVectors : used;
    PixelTile<T> t;
    T* to[kWideVectors];
    int64_t column[kWideVectors];
    for (int j = 0; j < vectors; ++j) {
      if (j == used) {  // a fourth vector that is not there repeats the third
        t.from[j] = t.from[j - 1];
        t.count[j] = 0;
        t.out[j] = to[j] = to[j - 1];
        continue;
      }
      t.from[j] = slab.data + image * slab.strideImage + y * slab.stepY + x;
      t.count[j] = static_cast<int>(minOf(L, r.cols - x));
      t.out[j] = to[j] = out + image * g.outImage + y * g.outY + x * g.outX;
      column[j] = x;
      x += L;
      if (x >= r.cols) x = 0, ++y;
      if (y == r.rows) y = 0, ++image;
    }
    // Rows of a channel lie a plane apart, where no hardware looks ahead.
    if (!slab.copied)
      for (int64_t k = 0; k < kc; ++k)
        for (int j = 0; j < used; ++j) __builtin_prefetch(t.from[j] + offsets[k] + most * L, 0, 2);
    t.overruns = slab.copied;
    t.offsets = offsets;
    t.k = kc;
    t.outLine = apart ? vectors * L : g.outM;
    t.accumulate = add && !apart;
    t.biasStride = g.biasStride;
    for (int j = 0; apart && j < vectors; ++j) t.out[j] = dense + j * L;
    const T* panel = g.weights;
    for (int64_t i = 0; i < g.m; i += rows, panel += weightStride) {
      const int lines = static_cast<int>(minOf(rows, g.m - i));
      t.weights = panel + k0 * lines;
      t.bias = last && g.bias ? g.bias + i * g.biasStride : nullptr;
      t.line0 = beside ? i * t.outLine : apart ? 0 : i * g.outM;
      t.toNext = apart || i + rows >= g.m ? 0 : rows * g.outM;
      runPixelTile(t, lines, vectors);
      if (!apart || beside) continue;
      for (int line = 0; line < lines; ++line)
        for (int j = 0; j < used; ++j) {
          T* const pixel = to[j] + (i + line) * g.outM;
          const T* const sum = dense + line * t.outLine + j * L;
          for (int lane = 0; lane < t.count[j]; ++lane)
            pixel[lane * g.outX] = add ? pixel[lane * g.outX] + sum[lane] : sum[lane];
        }
    }
    for (int j = 0; beside && j < used; ++j)
      writeBeside(g, dense + j * L, t.outLine, to[j], col0 + column[j], t.count[j], add);
  }
}

/// All m of one block of pixels, on the calling thread.
template <class T>
inline void windowGemm(const WindowGemm<T>& g, const PixelBlock& block, T* scratch) {
  constexpr int L = Lanes<T>::kCount;
  constexpr int kMostRuns = kWideVectors * L;
  if (windowDirect(g, block, scratch)) return;
  const Window& w = g.window;
  const int vectors = g.m <= kWideRows ? kWideVectors : kTileVectors;
  const int panel = vectors * L;
  const int64_t rows = tileRows(g.m), depth = w.depth(), step = windowDepth<T>(w), taps = w.tapsY * w.tapsX;
  const int64_t weightStride = weightPanel<T>(g.m, depth), pixels = block.pixels();
  const T* const source = g.source + block.image0 * g.strideImage;
  T* const out = g.out + block.image0 * g.outImage + block.row0 * g.outY + block.col0 * g.outX;
  T* const packed = scratch;
  T* const copy = scratch + kPanelElements<T> + 2 * L;
  int64_t offsets[kDepthBytes / sizeof(T)];
  alignas(64) T dense[kMostLines * kWideVectors * L + L];  // writeBeside reads whole vectors

  for (int64_t k0 = 0; k0 == 0 || k0 < depth; k0 += step) {
    const int64_t kc = minOf(step, depth - k0);
    Slab<T> slab{};
    bool checked = false;
    if (kc > 0) {
      const int64_t c0 = k0 / taps, channels = ceilDiv(k0 + kc, taps) - c0;
      const SlabShape shape = slabShape(w, block, w.stepX);
      checked = !hasSlab<T>(w, shape, block.images, channels);
      if (!checked) {
        slab = makeSlab(w, block, shape, source + c0 * w.strideC, g.strideImage, channels, copy);
        tapOffsets(w, slab, c0, k0, kc, offsets);
      }
    }
    if constexpr (sizeof(T) == sizeof(float)) {
      const PixelRows pixelRow = pixelRows(w, block, slab, g.beside == 1 && g.outY == block.cols * g.outX);
      if (readsInPlace(pixelRow, slab, g.m)) {
        pixelProducts(g, pixelRow, slab, offsets, k0, kc, out, block.col0);
        continue;
      }
    }
    for (int64_t p = 0; p < pixels; p += panel) {
      const int cols = static_cast<int>(minOf(panel, pixels - p));
      const int nv = cols <= L ? 1 : cols <= 2 * L ? 2 : kWideVectors;
      Run runs[kMostRuns];
      int64_t to[kMostRuns];
      const int runCount = runsOf(block, p, cols, runs);
      const bool beside = g.beside > 1, add = g.accumulate || k0 > 0;
      bool together = g.outX == 1;
      for (int i = 0; i < runCount; ++i) {
        to[i] = runs[i].image * g.outImage + runs[i].y * g.outY + runs[i].x * g.outX;
        together = together && (i == 0 || to[i] == to[i - 1] + runs[i - 1].length);
      }
      if (checked) packPixelsChecked(packed, nv * L, k0, kc, source, g.strideImage, w, block, runs, runCount);
      else if (kc > 0) packPixels(packed, nv * L, kc, offsets, slab, runs, runCount);
      Tile<T> t;
      t.aRow = 1;
      t.b = packed;
      t.bRow = nv * L;
      t.k = kc;
      t.cols = cols;
      t.columnBias = nullptr;
      t.rowBiasStride = g.biasStride;
      for (int64_t i = 0; i < g.m; i += rows) {
        const int lines = static_cast<int>(minOf(rows, g.m - i));
        t.a = g.weights + i / rows * weightStride + k0 * lines;
        t.aCol = lines;
        const TileKernel<T> kernel = nv == kWideVectors ? denseKernel<T>(lines) : packedKernel<T>(lines, nv);
        t.rowBias = g.bias && k0 + kc >= depth ? g.bias + i * g.biasStride : nullptr;
        if (together) {
          t.c = out + i * g.outM + to[0];
          t.cRow = g.outM;
          t.accumulate = add;
          kernel(t);
        } else {
          t.c = beside ? dense + i * nv * L : dense;
          t.cRow = nv * L;
          t.accumulate = false;
          t.cols = nv * L;
          kernel(t);
          if (beside) continue;
          scatterTile(dense, nv * L, out + i * g.outM, g.outM, g.outX, lines, runs, to, runCount, add);
        }
      }
      for (int i = 0; beside && i < runCount; ++i)
        writeBeside(g, dense + runs[i].at, nv * L, out + to[i], block.col0 + runs[i].x, runs[i].length, add);
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
