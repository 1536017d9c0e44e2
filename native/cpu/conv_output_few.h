// The convolution of few pixels, such as one image's 7 x 7: packing the weights would take longer than the
// products, so they are read once and where they lie, against im2col of all pixels. A chunk has some filters.
// Only of float32: float64 is rare enough to do without the code, and packs.
#pragma once
#include "conv_lowered.h"
#include "gemm_dots.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Up to so many pixels of a last vector are dot products along k: a vector of their own would be nearly
/// empty.
inline constexpr int64_t kMostDots = 2;
/// Rows of tiles of three vectors, as many as 7 x 7 pixels fill, where there are registers for them. 0: none.
inline constexpr int kThreeRows = kVectorBytes == 64 ? 8 : 0;
inline constexpr int64_t kChunkFilters = 64;  ///< or the next multiple of a tile's rows
/// Blocks of im2col, in those of windowGemm: they need not stay in the first-level cache.
inline constexpr int64_t kBlockDepths = 2;

template <class T>
struct FewOutput {
  static constexpr int64_t L = Lanes<T>::kCount, kMostWide = kWideVectors * L;
  const Lowered<T>& op;
  const Window window = op.phase(0).window;
  int64_t pixels = op.shape.images * window.rows * window.cols;
  int64_t step = kBlockDepths * windowDepth<T>(window), blocks = ceilDiv(window.depth(), step);  ///< of k
  int64_t width = ceilDiv(pixels, L) * L;
  int64_t dots = pixels % L <= kMostDots ? pixels % L : 0;
  /// Of a block of im2col: rows of `width` with room behind them to pack, then the dots' pixels, each along
  /// k.
  int64_t elements = step * (width + dots) + L;

  /// Filters with a weight for each of many channels and taps, one behind the other.
  bool fits() const {
    const View& v = *op.weightView;
    return !op.backward && v.stride[0] != 0 && isDense(v, op.shape) && pixels > 0 && pixels <= kMostWide &&
           op.m() > kTileRows &&
           op.shape.channels * v.stride[1] >= kDepthBytes / static_cast<int64_t>(sizeof(T));
  }
  int64_t planes() const { return op.outer * op.shape.groups; }  ///< of one group in one volume
  size_t bytes() const { return static_cast<size_t>(planes() * blocks * elements) * sizeof(T); }

  T* columns(Stream& s, int64_t plane, int64_t block) const {
    return static_cast<T*>(s.scratch) + (plane * blocks + block) * elements;
  }
  T* dotsOf(T* columns) const { return columns + step * width + L; }

  /// One block of k, by all pixels.
  void pack(int64_t plane, int64_t block, const Run* runs, int runCount, T* to, T* copy) const {
    const View& in = *op.sourceView;
    const int64_t k0 = block * step, kc = minOf(step, window.depth() - k0),
                  taps = window.tapsY * window.tapsX, c0 = k0 / taps, channels = ceilDiv(k0 + kc, taps) - c0;
    const T* const source = op.source + plane / op.shape.groups * op.sourceOuter +
                            plane % op.shape.groups * op.shape.channels * in.stride[1];
    const PixelBlock all{0, op.shape.images, 0, window.rows, 0, window.cols};
    const SlabShape shape = slabShape(window, all, window.stepX);
    if (hasSlab<T>(window, shape, all.images, channels)) {
      int64_t offsets[kBlockDepths * kDepthBytes / sizeof(T)];
      const Slab<T> slab =
          makeSlab(window, all, shape, source + c0 * window.strideC, in.stride[0], channels, copy);
      tapOffsets(window, slab, c0, k0, kc, offsets);
      packPixels(to, static_cast<int>(width), kc, offsets, slab, runs, runCount);
    } else {
      packPixelsChecked(to, static_cast<int>(width), k0, kc, source, in.stride[0], window, all, runs,
                        runCount);
    }
    for (int64_t i = 0; i < dots; ++i)
      for (int64_t k = 0; k < kc; ++k) dotsOf(to)[i * step + k] = to[k * width + pixels - dots + i];
  }

  /// sums[filter * width + pixel] (+)= `lines` filters from `weights` on times a block of k.
  WG_SINGLE void multiply(const T* weights, int64_t lines, T* columns, int64_t kc, T* sums,
                          bool accumulate) const {
    Tile<T> t{};
    t.a = weights;
    t.aRow = op.weightView->stride[0];
    t.aCol = 1;
    t.bRow = t.cRow = width;
    t.k = kc;
    t.accumulate = accumulate;
    const int vectors = static_cast<int>(ceilDiv(pixels - dots, L));
    for (int v = 0, nv = 0; v < vectors; v += nv) {
      const bool three = vectors == 3 && lines == kThreeRows;
      nv = three ? 3 : static_cast<int>(minOf(kTileVectors, vectors - v));
      t.b = columns + v * L;
      t.c = sums + v * L;
      t.cols = nv * static_cast<int>(L);
      if constexpr (kThreeRows > 0)
        if (three) {
          stridedTile<T, kThreeRows, 3>(t);
          break;
        }
      tileKernel<T>(static_cast<int>(lines), nv)(t);
    }
    if (dots == 0) return;
    T apart[kTileRows * kMostDots];
    Gemm<T> g{};
    g.k = kc;
    g.a = weights;
    g.aRow = t.aRow;
    g.b = dotsOf(columns);
    g.bCol = step;
    g.c = apart;
    g.cRow = dots;
    g.cCol = 1;
    for (int64_t i = 0; i < lines; i += kDots)
      DotTable<T, WG_DOTS>::kRows[minOf(kDots, lines - i) - 1][dots - 1](g, i, 0);
    for (int64_t i = 0; i < lines; ++i)
      for (int64_t j = 0; j < dots; ++j) {
        T& sum = sums[i * width + pixels - dots + j];
        sum = accumulate ? sum + apart[i * dots + j] : apart[i * dots + j];
      }
  }

  __attribute__((cold)) void run(Stream& s, const char* name) const {  // small: the work is in what it calls
    const bool three = kThreeRows > 0 && ceilDiv(pixels - dots, L) == 3;
    const int64_t filters = op.m(), rows = three ? kThreeRows : tileRows(filters),
                  chunkFilters = ceilDiv(kChunkFilters, rows) * rows, chunks = ceilDiv(filters, chunkFilters);
    const View& to = *op.outView;
    Run runs[kMostWide];
    int64_t places[kMostWide];
    const int runCount =
        runsOf({0, op.shape.images, 0, window.rows, 0, window.cols}, 0, static_cast<int>(pixels), runs);
    for (int i = 0; i < runCount; ++i)
      places[i] = runs[i].image * to.stride[0] + runs[i].y * to.stride[2] + runs[i].x * to.stride[3];
    const auto scratchOf = [&] {
      T* const scratch = static_cast<T*>(workerScratch());
      if (!scratch) fail(s, Code::outOfMemory, "%s: no memory for a packing buffer", name);
      return scratch;
    };
    const double work =
        static_cast<double>(planes() * filters * pixels) * static_cast<double>(window.depth());
    forChunks(s, planes() * blocks, work, [&](int64_t piece) {
      T* const scratch = scratchOf();
      if (scratch)
        pack(piece / blocks, piece % blocks, runs, runCount, columns(s, piece / blocks, piece % blocks),
             scratch);
    });
    forChunks(s, planes() * chunks, work, [&](int64_t piece) {
      T* const sums = scratchOf();
      if (!sums) return;
      const int64_t plane = piece / chunks, group = plane % op.shape.groups,
                    first = piece % chunks * chunkFilters, end = minOf(filters, first + chunkFilters),
                    depth = window.depth(), filter0 = group * filters;
      for (int64_t block = 0; block < blocks; ++block)
        for (int64_t i = first; i < end; i += rows)
          multiply(op.weight + (filter0 + i) * op.weightView->stride[0] + block * step, minOf(rows, end - i),
                   columns(s, plane, block), minOf(step, depth - block * step), sums + (i - first) * width,
                   block > 0);
      for (int64_t i = first; op.bias && i < end; ++i)
        for (int64_t x = 0; x < pixels; ++x)
          sums[(i - first) * width + x] += op.bias[(filter0 + i) * op.biasStride];
      scatterTile(
          sums, width, op.out + plane / op.shape.groups * op.outOuter + (filter0 + first) * to.stride[1],
          to.stride[1], to.stride[3], static_cast<int>(end - first), runs, places, runCount, op.accumulate);
    });
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
