// Products of few rows are bound by memory: B is read once, in the order it lies, and never packed.
#pragma once
#include "gemm.h"

namespace wg::cpu {
inline namespace WG_ISA {

struct Grid {
  int64_t rows, cols;
};

inline constexpr int64_t kThinRows = 8;

/// B's rows are contiguous: a few of them at a time run through the tiles, all columns before the next few,
/// so that each row is one stream for the prefetcher. C stays in the first-level cache.
template <class T>
inline bool thinRows(const Gemm<T>& g) {
  return g.m <= kThinRows && g.bCol == 1 && g.cCol == 1 && g.n >= 4 * kWideVectors * Lanes<T>::kCount &&
         g.k >= 64;
}

/// Block of C for one chunk of about `work` multiply-adds.
template <class T>
inline Grid gridFor(const Gemm<T>& g, double work) {
  const int64_t panel = tileShape<T>(g.m, g.n).vectors * Lanes<T>::kCount;
  const double area = work / static_cast<double>(g.k + 1);
  if (thinRows(g)) return {g.m, evenSplit(g.n, 1024, panel)};
  // Blocks of whole rows where there are enough of them: B's panels follow each other, and what is packed of
  // A is packed once. Eight blocks, or twice as many and so on, are equal shares for two, four and eight
  // threads. A B that is packed is packed by each block of rows: as few of those as fit the scratch.
  // A panel that is copied serves all rows of a block: more of them, and most where panels are short.
  const bool copies = g.bCol == 1 && inWideTiles() && !readsColumns(g);
  const int64_t most = copies        ? maxOf(260, (int64_t{1} << 15) / maxOf(g.k, 1))
                       : g.bCol == 1 ? 140
                                     : minOf(packedRows<T>(depthBlock<T>(g.k)), 256),
                few = g.bCol == 1 ? most * 2 / 5 : most;
  constexpr int64_t kUnit = kTileRows < 8 ? kTileRows : 1;  // one row less of few is much
  const int64_t blocks = maxOf(minOf(8 * ceilDiv(g.m, 8 * most), g.m / few), 1),
                rows = ceilDiv(ceilDiv(g.m, blocks), kUnit) * kUnit;
  const double wanted = area / static_cast<double>(rows);
  const int64_t cols = wanted >= static_cast<double>(g.n) ? g.n : static_cast<int64_t>(wanted);
  return {rows, evenSplit(g.n, maxOf(ceilDiv(cols, panel), 1) * panel, panel)};
}

template <class T>
inline void gemmThinRows(const Gemm<T>& g, T* scratch) {
  constexpr int L = Lanes<T>::kCount;
  constexpr int64_t kDepth = 16;
  const int vectors = g.m <= kWideRows ? kWideVectors : kTileVectors;
  const int64_t panel = static_cast<int64_t>(vectors) * L, whole = g.n / panel * panel;
  const int64_t rows = ceilDiv(g.m, ceilDiv(g.m, vectors == kWideVectors ? kWideRows : kTileRows));
  alignas(64) T bias[kWideVectors * L];
  for (int64_t k0 = 0; k0 < g.k; k0 += kDepth) {
    Tile<T> t;
    t.k = minOf(kDepth, g.k - k0);
    t.aRow = g.aRow;
    t.aCol = g.aCol;
    t.bRow = g.bRow;
    t.cRow = g.cRow;
    t.cols = static_cast<int>(panel);
    t.accumulate = k0 > 0;
    t.rowBiasStride = g.rowBiasStride;
    const bool last = k0 + t.k >= g.k;
    for (int64_t i = 0; i < g.m; i += rows) {
      const TileKernel<T> kernel = tileKernel<T>(static_cast<int>(minOf(rows, g.m - i)), vectors);
      t.a = g.a + i * g.aRow + k0 * g.aCol;
      t.rowBias = last && g.rowBias ? g.rowBias + i * g.rowBiasStride : nullptr;
      for (int64_t j = 0; j < whole; j += panel) {
        t.columnBias = nullptr;
        if (last && g.columnBias) {
          for (int64_t x = 0; x < panel; ++x) bias[x] = g.columnBias[(j + x) * g.columnBiasStride];
          t.columnBias = bias;
        }
        t.b = g.b + k0 * g.bRow + j;
        t.c = g.c + i * g.cRow + j;
        kernel(t);
      }
    }
  }
  if (whole == g.n) return;
  Gemm<T> rest = g;
  rest.n = g.n - whole;
  rest.b += whole;
  rest.c += whole;
  if (rest.columnBias) rest.columnBias += whole * g.columnBiasStride;
  gemmBlock(rest, scratch);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
