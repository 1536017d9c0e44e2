// Large products whose B is not read where it lies, or costs too much there: A and B are packed once, by all
// chunks together, and what is packed is read by all. Chunks of gemm.h pack for themselves, some four times
// over.
#pragma once
#include "gemm_thin.h"

namespace wg::cpu {
inline namespace WG_ISA {

// bench/native/gemm_bench.cc on Zen 4: smaller products pack faster within chunks, in the caches nearest.
inline constexpr double kLeastShared = 1 << 24, kLeastSharedChunk = 1 << 22;
/// Bytes of packed A and B at once, unless one block of depthBlock() has more: memory that is written again
/// for the next block lies nearer than what is new.
inline constexpr int64_t kSharedBytes = int64_t{1} << 22;

/// How a product is cut: a function of its shape and strides.
template <class T>
struct SharedPlan {
  int64_t panelWidth;                ///< columns of a tile
  int64_t rows, strips, panels;      ///< of a tile; tiles along each axis
  int64_t packedStrips;              ///< none where A is read where it lies
  int64_t depth, blocks;             ///< of k packed at once: `blocks` of `depth` each
  int64_t blockStrips, blockPanels;  ///< of a chunk
  int64_t stripSize, panelSize;      ///< elements of a packed strip of A, and of a panel of B
  int64_t strip(int64_t block, int64_t i) const { return (block * packedStrips + i) * stripSize; }
  int64_t panel(int64_t block, int64_t j) const {
    return blocks * packedStrips * stripSize + (block * panels + j) * panelSize;
  }
  size_t bytes() const { return static_cast<size_t>(panel(blocks, 0)) * sizeof(T); }
};

template <class T>
inline bool sharesPacking(const Gemm<T>& g) {
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  return (g.bCol != 1 || rowsCollide(g)) && work > kLeastShared && g.m >= 8 * kTileRows &&
         g.n >= 4 * kTileVectors * Lanes<T>::kCount && g.k >= 32;
}

template <class T>
inline SharedPlan<T> sharedPlan(const Gemm<T>& g) {
  constexpr int64_t L = Lanes<T>::kCount;
  SharedPlan<T> p{};
  const TileShape shape = tileShape<T>(g.m, g.n);
  p.panelWidth = shape.vectors * L;
  p.rows = ceilDiv(g.m, ceilDiv(g.m, shape.rows));
  p.strips = ceilDiv(g.m, p.rows);
  p.panels = ceilDiv(g.n, p.panelWidth);
  p.packedStrips = readsRows(g) ? 0 : p.strips;
  p.depth = depthBlock<T>(g.k);
  p.stripSize = ceilDiv(p.rows * p.depth + L, L) * L;  // packing writes up to a vector past the end
  p.panelSize = p.panelWidth * p.depth;
  const int64_t blockBytes =
      (p.packedStrips * p.stripSize + p.panels * p.panelSize) * static_cast<int64_t>(sizeof(T));
  p.blocks = maxOf(minOf(ceilDiv(g.k, p.depth), kSharedBytes / blockBytes), 1);
  p.blockStrips = evenSplit(p.strips, maxOf(packedRows<T>(p.depth) / p.rows, 1), 1);
  const double work = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k),
               chunk = work / 16 < kLeastSharedChunk ? kLeastSharedChunk : work / 16,
               columns = chunk / static_cast<double>(p.blockStrips * p.rows * g.k);
  p.blockPanels = evenSplit(p.panels, maxOf(static_cast<int64_t>(columns) / p.panelWidth, 1), 1);
  return p;
}

/// Part of A: strips [i, end) of the depths packed at once, which begin at k0.
template <class T>
inline void packRows(const Gemm<T>& g, const SharedPlan<T>& p, int64_t k0, int64_t i, int64_t end, T* to) {
  for (int64_t block = 0; block < p.blocks && k0 < g.k; ++block, k0 += p.depth)
    packStrips(g, i * p.rows, minOf(g.m, end * p.rows), k0, minOf(p.depth, g.k - k0), p.rows,
               to + p.strip(block, i), p.stripSize);
}

/// Part of B: panels [j, end) the same way.
template <class T>
inline void packColumns(const Gemm<T>& g, const SharedPlan<T>& p, int64_t k0, int64_t j, int64_t end, T* to) {
  for (int64_t block = 0; block < p.blocks && k0 < g.k; ++block, k0 += p.depth)
    for (int64_t panel = j; panel < end; ++panel) {
      const int cols = static_cast<int>(minOf(p.panelWidth, g.n - panel * p.panelWidth));
      packPanel(to + p.panel(block, panel), vectorsFor<T>(cols) * Lanes<T>::kCount, cols,
                minOf(p.depth, g.k - k0), g.b + k0 * g.bRow + panel * p.panelWidth * g.bCol, g.bCol, g.bRow);
    }
}

/// One chunk's tiles.
template <class T>
inline void multiplyShared(const Gemm<T>& g, const SharedPlan<T>& p, int64_t k0, int64_t strip, int64_t panel,
                           const T* packed) {
  const int64_t m0 = strip * p.rows, mEnd = minOf(g.m, (strip + p.blockStrips) * p.rows),
                end = minOf(p.panels, panel + p.blockPanels);
  for (int64_t block = 0; block < p.blocks && k0 < g.k; ++block, k0 += p.depth) {
    const int64_t kc = minOf(p.depth, g.k - k0);
    PanelTiles<T> tiles(g, p.rows, k0, kc, m0, mEnd,
                        p.packedStrips > 0 ? packed + p.strip(block, strip) : nullptr, p.stripSize);
    for (int64_t j = panel; j < end; ++j) {
      const int cols = static_cast<int>(minOf(p.panelWidth, g.n - j * p.panelWidth)),
                nv = vectorsFor<T>(cols);
      const int64_t width = nv * Lanes<T>::kCount;
      const T* const b = packed + p.panel(block, j);
      tiles.at(j * p.panelWidth, cols, nv, b, width);
      tiles.askFor(b + p.panelSize, width, j + 1 < end ? kc : 0);
      tiles.run();
    }
  }
}

template <class T>
inline void gemmShared(Stream& s, const Gemm<T>& product) {
  Gemm<T> g = product;
  g.streams = streamsC(g, g.m * g.n);
  constexpr int64_t kStrips = 8, kPanels = 4;  // of a chunk of packing
  const SharedPlan<T> p = sharedPlan(g);
  if (!require(s, s.scratch != nullptr && s.scratchBytes >= p.bytes(), "matmul: the workspace is too small"))
    return;
  T* const packed = static_cast<T*>(s.scratch);
  const int64_t stripPieces = ceilDiv(p.packedStrips, kStrips), panelPieces = ceilDiv(p.panels, kPanels),
                rows = ceilDiv(p.strips, p.blockStrips), cols = ceilDiv(p.panels, p.blockPanels);
  // Several threads have rows of their own, as in the kernels before and behind; one keeps to a panel of B.
  const bool byRows = threads() > 1;
  for (int64_t k0 = 0; k0 < g.k && !failed(s); k0 += p.blocks * p.depth) {
    parallelFor(s, stripPieces + panelPieces, [&](int64_t piece) {
      const int64_t strip = piece * kStrips, panel = (piece - stripPieces) * kPanels;
      if (piece < stripPieces) packRows(g, p, k0, strip, minOf(p.strips, strip + kStrips), packed);
      else packColumns(g, p, k0, panel, minOf(p.panels, panel + kPanels), packed);
    });
    parallelFor(s, rows * cols, [&](int64_t piece) {
      const int64_t row = byRows ? piece / cols : piece % rows, col = byRows ? piece % cols : piece / rows;
      multiplyShared(g, p, k0, row * p.blockStrips, col * p.blockPanels, packed);
      if (g.streams) simd::endStreaming();
    });
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
