// Blocked matrix product of one thread: packs into the thread's own scratch and runs register tiles. Parallel
// callers give each chunk its own block of C, so nothing is shared and no barrier is needed.
//
// The order in which an element of C is summed depends on k alone (blocks of depthBlock(), each from its
// first to its last k), so every way of cutting C gives the same bits.
#pragma once
#include "gemm_pack.h"
#include "gemm_panels.h"

namespace wg::cpu {
inline namespace WG_ISA {

// bench/native/gemm_bench.cc on Zen 4 (1 MiB L2): see bench/NOTES.md. Half the scratch holds A's block, half
// B's.
inline constexpr int64_t kDepthBytes = 2048;
template <class T>
inline constexpr int64_t kFewColumns = Lanes<T>::kCount * 2 * kTileVectors;
template <class T>
inline constexpr int64_t kDirectColumns = 4 * kFewColumns<T>;
inline constexpr int64_t kScratchSlack = 2 * kVectorBytes;
inline constexpr int64_t kBlockBytes = static_cast<int64_t>(kWorkerScratchBytes) / 2 - 2 * kScratchSlack;

/// Rows and vectors of the tiles of a product. Few columns leave half of a wide tile empty.
struct TileShape {
  int rows, vectors;
};

template <class T>
inline TileShape tileShape(int64_t rows, int64_t columns) {
  const bool few = columns <= static_cast<int64_t>(kTileVectors) * Lanes<T>::kCount;
  if (rows <= kWideRows || (inWideTiles() && !few)) return {kWideRows, kWideVectors};
  return {kTileRows, kTileVectors};
}

template <class T>
inline int64_t depthBlock(int64_t k) {
  return evenSplit(k, kDepthBytes / static_cast<int64_t>(sizeof(T)), 8);
}

/// Whether C, part of a tensor of `elements`, may go past the caches: more than they hold, written once and
/// in whole lines.
template <class T>
inline bool streamsC(const Gemm<T>& g, int64_t elements) {
  return elements * static_cast<int64_t>(sizeof(T)) >= simd::kStreamBytes && depthBlock<T>(g.k) >= g.k &&
         !g.accumulate && g.cCol == 1 && g.cRow % kLine<T> == 0 && reinterpret_cast<uintptr_t>(g.c) % 64 == 0;
}

/// Rows of A that fit their half of the scratch.
template <class T>
inline int64_t packedRows(int64_t depth, int64_t blockBytes = kBlockBytes) {
  return blockBytes / static_cast<int64_t>(sizeof(T)) / depth;
}

/// A's rows are read where they lie unless a tile's would share few sets of the first-level cache.
template <class T>
inline bool readsRows(const Gemm<T>& g) {
  return g.aCol == 1 && g.aRow * static_cast<int64_t>(sizeof(T)) % 4096 != 0;
}

/// Rows of B a whole number of pages apart share few sets of the caches, which only Zen 4's third level makes
/// up for: on Sapphire Rapids 1024^3 runs at half the speed so.
template <class T>
inline bool rowsCollide(const Gemm<T>& g) {
  return inWideTiles() && g.bRow * static_cast<int64_t>(sizeof(T)) % 4096 == 0;
}

/// A's columns are contiguous and few panels would use what is packed of them: a tile reads its part of a
/// line a step of k, and the lines stay in the second-level cache.
template <class T>
inline bool readsColumns(const Gemm<T>& g) {
  return g.aRow == 1 && g.n <= kDirectColumns<T>;
}

/// Packs rows [m0, mEnd) of A and kc columns from k0 in strips of `rows`, each `stripSize` behind the one
/// before.
template <class T>
__attribute__((noinline)) inline void packStrips(const Gemm<T>& g, int64_t m0, int64_t mEnd, int64_t k0,
                                                 int64_t kc, int64_t rows, T* to, int64_t stripSize) {
  constexpr int64_t kBeside = 8;
  const T* from = g.a + m0 * g.aRow + k0 * g.aCol;
  const bool beside = g.aRow == 1 && g.aCol != 1 && 2 * rows <= kLine<T>;
  while (m0 < mEnd) {
    const int64_t whole = (mEnd - m0) / rows, strips = beside ? minOf(whole, kBeside) : minOf(whole, 1);
    const int lines = static_cast<int>(strips > 0 ? rows : mEnd - m0);
    if (strips > 1) packBeside(to, stripSize, lines, static_cast<int>(strips), kc, from, g.aCol);
    else packPanel(to, lines, lines, kc, from, g.aRow, g.aCol);
    m0 += maxOf(strips, 1) * rows;
    from += maxOf(strips, 1) * rows * g.aRow;
    to += maxOf(strips, 1) * stripSize;
  }
}

/// Vectors of a panel of `cols` columns.
template <class T>
inline int vectorsFor(int cols) {
  constexpr int L = Lanes<T>::kCount;
  return cols <= L ? 1 : cols <= 2 * L ? 2 : kWideVectors;
}

/// A, packed once for all chunks of a product that have all of its rows.
template <class T>
struct PackedStrips {
  TileShape shape;        ///< of every chunk, however few columns are left for the last
  int64_t rows, strips;   ///< of a tile; tiles along A
  int64_t depth, blocks;  ///< of k: `blocks` of `depth` each
  int64_t stripSize;      ///< elements
  T* data;

  int64_t count() const { return blocks * strips * stripSize; }
  const T* from(int64_t k0, int64_t m0) const { return data + (k0 / depth * strips + m0 / rows) * stripSize; }

  /// Packs strips [i, end) of all of k.
  void pack(const Gemm<T>& g, int64_t i, int64_t end) const {
    for (int64_t block = 0; block < blocks; ++block)
      packStrips(g, i * rows, minOf(g.m, end * rows), block * depth, minOf(depth, g.k - block * depth), rows,
                 data + (block * strips + i) * stripSize, stripSize);
  }
};

template <class T>
inline PackedStrips<T> packedStrips(const Gemm<T>& g, T* data) {
  constexpr int64_t L = Lanes<T>::kCount;
  PackedStrips<T> p{tileShape<T>(g.m, g.n), 0, 0, depthBlock<T>(g.k), 0, 0, data};
  p.rows = ceilDiv(g.m, ceilDiv(g.m, p.shape.rows));
  p.strips = ceilDiv(g.m, p.rows);
  p.blocks = ceilDiv(g.k, p.depth);
  p.stripSize = ceilDiv(p.rows * p.depth + L, L) * L;  // packing writes up to a vector past the end
  return p;
}

/// The whole of g on the calling thread. A caller that keeps its own tiles in the scratch leaves two blocks
/// of `blockBytes` and their slack to the packing. A may be packed already. Its callers share one copy.
template <class T>
WG_SINGLE void gemmBlock(const Gemm<T>& g, T* scratch, int64_t blockBytes = kBlockBytes,
                         const PackedStrips<T>* ready = nullptr) {
  constexpr int L = Lanes<T>::kCount;
  if (g.m <= 0 || g.n <= 0) return;
  const TileShape shape = ready ? ready->shape : tileShape<T>(g.m, g.n);
  const int64_t panel = static_cast<int64_t>(shape.vectors) * L;
  const int64_t rows = ceilDiv(g.m, ceilDiv(g.m, shape.rows));  // tiles of nearly equal height waste least
  const int64_t depth = depthBlock<T>(g.k);
  const int64_t capacity = packedRows<T>(depth, blockBytes);
  const int64_t blockRows = maxOf(capacity / rows, 1) * rows;
  const bool directA = ready == nullptr &&
                       (g.n <= kFewColumns<T> || readsRows(g) || readsColumns(g) ||
                        (g.aCol == 1 && g.m * minOf(g.k, depth) * static_cast<int64_t>(sizeof(T)) <= 24576));
  T* const packedA = scratch;
  T* const packedB = scratch + (blockBytes + kScratchSlack) / static_cast<int64_t>(sizeof(T));

  for (int64_t k0 = 0; k0 == 0 || k0 < g.k; k0 += depth) {
    const int64_t kc = minOf(depth, g.k - k0);
    for (int64_t m0 = 0; m0 < g.m; m0 += blockRows) {
      const int64_t mEnd = minOf(g.m, m0 + blockRows);
      const T* strips = ready ? ready->from(k0, m0) : directA ? nullptr : packedA;
      const int64_t stripSize = ready ? ready->stripSize : rows * kc;
      if (strips == packedA) packStrips(g, m0, mEnd, k0, kc, rows, packedA, stripSize);
      PanelTiles<T> tiles(g, rows, k0, kc, m0, mEnd, strips, stripSize);
      const bool copies = g.bCol == 1 && panel == kWidePanel<T> &&
                          tiles.mayCopy(blockBytes / static_cast<int64_t>(sizeof(T)));
      for (int64_t j = 0; j < g.n; j += panel) {
        const int cols = static_cast<int>(minOf(panel, g.n - j));
        const int nv = vectorsFor<T>(cols);
        const T* const b = g.b + k0 * g.bRow + j * g.bCol;
        // What is read of B behind this panel: `count` rows, none at the end.
        const bool here = j + panel < g.n || mEnd < g.m;
        const T* const next = j + panel < g.n ? b + panel : g.b + (here ? k0 : k0 + kc) * g.bRow;
        const int64_t count = here ? kc : minOf(depth, g.k - k0 - kc);
        // One or two panels in place are too few to pay for asking at every step.
        tiles.asksStrips =
            j == 0 && !strips && g.aRow == 1 && (copies || g.n > 2 * panel) && kc >= kLeastAsking;
        if (copies && cols == panel) {
          tiles.runCopying(j, b, next, count, packedB);
          continue;
        }
        // Whole vectors of contiguous columns are read where they lie. Rows a page or more apart are not
        // followed by the hardware's prefetchers: each panel's tiles ask for the next panel.
        const bool directB = g.bCol == 1 && cols == nv * L && !(rowsCollide(g) && mEnd - m0 > 6 * rows);
        if (!directB) packPanel(packedB, nv * L, cols, kc, b, g.bCol, g.bRow);
        tiles.at(j, cols, nv, directB ? b : packedB, directB ? g.bRow : nv * L);
        if (g.bCol == 1) tiles.askFor(next, g.bRow, count);
        tiles.run();
      }
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
