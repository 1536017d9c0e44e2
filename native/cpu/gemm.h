// Blocked matrix product of one thread: packs into the thread's own scratch and runs register tiles. Parallel callers give
// each chunk its own block of C, so nothing is shared and no barrier is needed.
//
// The order in which an element of C is summed depends on k alone (blocks of depthBlock(), each from its first to its last
// k), so every way of cutting C gives the same bits.
#pragma once
#include "gemm_pack.h"
#include "kernel.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// C[m, n] = A[m, k] B[k, n] + bias; strides in elements, any sign.
template <class T>
struct Gemm {
  int64_t m, n, k;
  const T* a;
  int64_t aRow, aCol;
  const T* b;
  int64_t bRow, bCol;
  T* c;
  int64_t cRow, cCol;
  const T* columnBias;  ///< [n] or null
  int64_t columnBiasStride;
  const T* rowBias;  ///< [m] or null
  int64_t rowBiasStride;
};

// bench/native/gemm_bench.cc on Zen 4 (1 MiB L2): see bench/NOTES.md. Half the scratch holds A's block, half B's.
inline constexpr int64_t kDepthBytes = 2048;
inline constexpr int64_t kScratchSlack = 2 * kVectorBytes;
inline constexpr int64_t kBlockBytes = static_cast<int64_t>(kWorkerScratchBytes) / 2 - 2 * kScratchSlack;

/// Equal pieces of at most `most`, each a multiple of `unit`.
inline int64_t evenSplit(int64_t size, int64_t most, int64_t unit) {
  if (size <= most) return maxOf(size, 1);
  const int64_t pieces = ceilDiv(size, most);
  return ceilDiv(ceilDiv(size, pieces), unit) * unit;
}

template <class T>
inline int64_t depthBlock(int64_t k) {
  return evenSplit(k, kDepthBytes / static_cast<int64_t>(sizeof(T)), 8);
}

/// A tile whose C columns are not contiguous goes through a small dense copy.
template <class T>
inline void runTile(TileKernel<T> kernel, Tile<T>& tile, int rows, int64_t cCol) {
  if (cCol == 1) return kernel(tile);
  constexpr int kWide = kWideVectors * Lanes<T>::kCount;
  alignas(64) T dense[kTileRows * kWide];
  T* const c = tile.c;
  const int64_t cRow = tile.cRow;
  const bool accumulate = tile.accumulate;
  tile.c = dense;
  tile.cRow = kWide;
  tile.accumulate = false;
  kernel(tile);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < tile.cols; ++j) {
      T& out = c[i * cRow + j * cCol];
      out = accumulate ? out + dense[i * kWide + j] : dense[i * kWide + j];
    }
  tile.c = c;
  tile.cRow = cRow;
  tile.accumulate = accumulate;
}

/// The whole of g on the calling thread.
template <class T>
inline void gemmBlock(const Gemm<T>& g, T* scratch) {
  constexpr int L = Lanes<T>::kCount;
  if (g.m <= 0 || g.n <= 0) return;
  const bool wide = g.m <= kWideRows;
  const int vectors = wide ? kWideVectors : kTileVectors, mostRows = wide ? kWideRows : kTileRows;
  const int64_t panel = static_cast<int64_t>(vectors) * L;
  const int64_t rows = ceilDiv(g.m, ceilDiv(g.m, mostRows));  // tiles of nearly equal height waste least
  const int64_t depth = depthBlock<T>(g.k);
  const int64_t capacity = kBlockBytes / static_cast<int64_t>(sizeof(T)) / depth;
  const int64_t blockRows = maxOf(capacity / rows, 1) * rows;
  // Panels of B that are not whole vectors wide, or not contiguous, or used often enough, are packed.
  const bool directB = g.bCol == 1 && g.m <= 2 * kTileRows;
  const bool directA = g.n <= 2 * panel || (g.aCol == 1 && g.m * minOf(g.k, depth) * static_cast<int64_t>(sizeof(T)) <= 24576);
  const int64_t blockCols = maxOf(capacity / panel, 1) * panel;
  T* const packedA = scratch;
  T* const packedB = scratch + (kBlockBytes + kScratchSlack) / static_cast<int64_t>(sizeof(T));
  alignas(64) T bias[kWideVectors * L];

  for (int64_t k0 = 0; k0 == 0 || k0 < g.k; k0 += depth) {
    const int64_t kc = minOf(depth, g.k - k0);
    const bool last = k0 + kc >= g.k;
    for (int64_t m0 = 0; m0 < g.m; m0 += blockRows) {
      const int64_t mEnd = minOf(g.m, m0 + blockRows);
      if (!directA) {
        T* to = packedA;
        for (int64_t i = m0; i < mEnd; i += rows) {
          const int lines = static_cast<int>(minOf(rows, mEnd - i));
          packPanel(to, lines, lines, kc, g.a + i * g.aRow + k0 * g.aCol, g.aRow, g.aCol);
          to += lines * kc;
        }
      }
      for (int64_t n0 = 0; n0 < g.n; n0 += blockCols) {
        const int64_t nEnd = minOf(g.n, n0 + blockCols);
        for (int64_t j = n0; j < nEnd; j += panel) {
          const int cols = static_cast<int>(minOf(panel, nEnd - j));
          const int nv = cols <= L ? 1 : cols <= 2 * L ? 2 : kWideVectors;
          Tile<T> t;
          t.k = kc;
          t.cols = cols;
          t.accumulate = k0 > 0;
          t.columnBias = nullptr;
          t.rowBiasStride = g.rowBiasStride;
          if (last && g.columnBias) {
            for (int x = 0; x < nv * L; ++x) bias[x] = x < cols ? g.columnBias[(j + x) * g.columnBiasStride] : T(0);
            t.columnBias = bias;
          }
          if (directB && cols == nv * L) {
            t.b = g.b + k0 * g.bRow + j;
            t.bRow = g.bRow;
          } else {
            packPanel(packedB, nv * L, cols, kc, g.b + k0 * g.bRow + j * g.bCol, g.bCol, g.bRow);
            t.b = packedB;
            t.bRow = nv * L;
          }
          const T* packed = packedA;
          for (int64_t i = m0; i < mEnd; i += rows) {
            const int lines = static_cast<int>(minOf(rows, mEnd - i));
            t.c = g.c + i * g.cRow + j * g.cCol;
            t.cRow = g.cRow;
            t.rowBias = last && g.rowBias ? g.rowBias + i * g.rowBiasStride : nullptr;
            if (directA) {
              t.a = g.a + i * g.aRow + k0 * g.aCol;
              t.aRow = g.aRow;
              t.aCol = g.aCol;
              runTile(tileKernel<T, false>(lines, nv), t, lines, g.cCol);
            } else {
              t.a = packed;
              packed += lines * kc;
              runTile(tileKernel<T, true>(lines, nv), t, lines, g.cCol);
            }
          }
        }
      }
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
