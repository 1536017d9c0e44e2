// Blocked matrix product of one thread: packs into the thread's own scratch and runs register tiles. Parallel
// callers give each chunk its own block of C, so nothing is shared and no barrier is needed.
//
// The order in which an element of C is summed depends on k alone (blocks of depthBlock(), each from its
// first to its last k), so every way of cutting C gives the same bits.
#pragma once
#include "gemm_pack.h"
#include "kernel.h"
#include "wide_tiles.h"

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
  bool accumulate = false;  ///< add to C instead of replacing it
};

// bench/native/gemm_bench.cc on Zen 4 (1 MiB L2): see bench/NOTES.md. Half the scratch holds A's block, half
// B's.
inline constexpr int64_t kDepthBytes = 2048;
inline constexpr int64_t kLeastAsking = 128;
// The same on Sapphire Rapids, whose prefetchers follow strides of up to 2 KiB. Columns of A, of each of
// which one line is read, gain from half of that.
inline constexpr int64_t kFarApart = 2048;
inline constexpr int64_t kShortRows = 256;
template <class T>
inline constexpr int64_t kFewColumns = Lanes<T>::kCount * 2 * kTileVectors;
template <class T>
inline constexpr int64_t kDirectColumns = 4 * kFewColumns<T>;
inline constexpr int64_t kScratchSlack = 2 * kVectorBytes;
inline constexpr int64_t kBlockBytes = static_cast<int64_t>(kWorkerScratchBytes) / 2 - 2 * kScratchSlack;

/// Equal pieces of at most `most`, each a multiple of `unit`.
inline int64_t evenSplit(int64_t size, int64_t most, int64_t unit) {
  if (size <= most) return maxOf(size, 1);
  const int64_t pieces = ceilDiv(size, most);
  return ceilDiv(ceilDiv(size, pieces), unit) * unit;
}

/// Whether tiles of six rows and four vectors are the rule (wide_tiles.h).
inline bool inWideTiles() { return kVectorBytes == 64 && kWideTiles; }

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

/// Rows of A that fit their half of the scratch.
template <class T>
inline int64_t packedRows(int64_t depth, int64_t blockBytes = kBlockBytes) {
  return blockBytes / static_cast<int64_t>(sizeof(T)) / depth;
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

/// What the tiles of one panel of columns share.
template <class T>
struct PanelTiles {
  const Gemm<T>& g;
  int64_t rows, k0, kc;  ///< of a tile; the part of k
  alignas(64) T bias[kWideVectors * Lanes<T>::kCount];
  Tile<T> t;
  const T* askFrom = nullptr;
  int64_t askLeft = 0, askEach = 0;
  bool asksStrips = false;  ///< the tiles ask for A's next strip instead; A's columns are contiguous

  /// Columns [j, j + cols) in `vectors` vectors, B's at b with rows bRow apart.
  void at(int64_t j, int cols, int vectors, const T* b, int64_t bRow) {
    t.b = b;
    t.bRow = bRow;
    t.k = kc;
    t.c = g.c + j * g.cCol;
    t.cRow = g.cRow;
    t.cols = cols;
    t.asksC = g.cCol == 1 && cols == vectors * Lanes<T>::kCount && kc >= kStepsPerRow * rows;
    t.asksAhead = inWideTiles() && kc >= kLeastAsking && (isFar(bRow) || isFar(2 * g.aCol));
    t.accumulate = k0 > 0 || g.accumulate;
    t.columnBias = nullptr;
    t.rowBiasStride = g.rowBiasStride;
    if (!last() || !g.columnBias) return;
    for (int x = 0; x < vectors * Lanes<T>::kCount; ++x)
      bias[x] = x < cols ? g.columnBias[(j + x) * g.columnBiasStride] : T(0);
    t.columnBias = bias;
  }
  bool last() const { return k0 + kc >= g.k; }

  /// Whether the hardware's prefetchers do not follow lines so many elements apart.
  static bool isFar(int64_t apart) { return apart * static_cast<int64_t>(sizeof(T)) >= kFarApart; }

  /// Steps in which a tile does not ask for C.
  int64_t steps() const { return t.asksC ? kc - kStepsPerRow * rows : kc; }

  /// The panel that is read after this one, `count` rows of it `row` apart: the tiles of `height` rows of C
  /// ask for equal parts of it.
  void askFor(const T* next, int64_t row, int64_t count, int64_t height) {
    askFrom = next;
    askLeft = count;
    askEach = minOf(ceilDiv(count, ceilDiv(height, rows)), steps());
    t.askLine = kLine<T>;
    t.askRow = row;
    t.askEvery = askEach > 0 ? steps() / askEach : 0;
    if (kc >= kLeastAsking) return;
    // Short loops within a loop are mispredicted unless all are of one length; tall tiles lose even then.
    t.askEvery = kWideVectors;
    askEach = inWideTiles() ? minOf(askEach, steps() / t.askEvery) : 0;
  }

  /// The strip of A behind the one at row i: of these rows, or the first of the next part of k. Where a strip
  /// ends is what the one before it has not read of a line.
  void askForStrip(int64_t i, int64_t m0, int64_t mEnd, int lines) {
    const bool here = i + rows < mEnd;
    t.ask = (here ? t.a + rows : g.a + m0 + (k0 + kc) * g.aCol) + rows - 1;
    t.askLine = g.aCol;
    t.askRow = lines * g.aCol;
    t.askEvery = lines;
    t.asks = minOf(steps(), here ? kc : g.k - k0 - kc) / lines;
  }

  /// Rows [m0, mEnd): A packed in panels `stride` apart, or where it lies when `packed` is null.
  __attribute__((noinline)) void run(int vectors, int64_t m0, int64_t mEnd, const T* packed, int64_t stride) {
    T* const c = t.c;
    for (int64_t i = m0; i < mEnd; i += rows) {
      const int lines = static_cast<int>(minOf(rows, mEnd - i));
      t.c = c + i * g.cRow;
      // A tile that is too short or too narrow to ask for C's lines on its way.
      for (int r = 0; !t.asksC && r < lines; ++r)
        for (int x = 0; x < t.cols; x += kLine<T>) __builtin_prefetch(t.c + r * g.cRow + x, 1, 2);
      t.rowBias = last() && g.rowBias ? g.rowBias + i * g.rowBiasStride : nullptr;
      t.ask = askFrom;
      t.asks = minOf(askEach, askLeft);
      askFrom += t.asks * t.askRow;
      askLeft -= t.asks;
      if (packed) {
        t.a = packed;
        packed += stride;
        runTile(tileKernel<T, true>(lines, vectors), t, lines, g.cCol);
      } else {
        t.a = g.a + i * g.aRow + k0 * g.aCol;
        t.aRow = g.aRow;
        t.aCol = g.aCol;
        if (asksStrips) askForStrip(i, m0, mEnd, linesPerRow(vectors));
        runTile(tileKernel<T, false>(lines, vectors), t, lines, g.cCol);
      }
    }
    t.c = c;
  }
};

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

/// Rows of B multiples of 512 bytes apart share sets of the first-level cache: a short panel stays there once
/// it is packed, and would not where it lies.
template <class T>
inline bool rowsShareSets(const Gemm<T>& g) {
  const int64_t apart = g.bRow * static_cast<int64_t>(sizeof(T));
  return inWideTiles() && apart > 1024 && apart % 512 == 0;
}

/// So short that a chunk of some rows pays for packing.
template <class T>
inline bool shortPanels(const Gemm<T>& g) {
  constexpr int64_t kMost = int64_t{16} << 10;
  return g.bCol == 1 && g.k * kWideVectors * kVectorBytes <= kMost && g.m >= kShortRows && rowsShareSets(g);
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
__attribute__((noinline)) inline void gemmBlock(const Gemm<T>& g, T* scratch,
                                                int64_t blockBytes = kBlockBytes,
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
  // What is packed has to be read by some tiles: at 32x3072x768 packing lost, at 64x4096x576 it gained 1.6x.
  const bool copiesB = (rowsCollide(g) || shortPanels(g)) && g.m > 6 * rows;
  T* const packedA = scratch;
  T* const packedB = scratch + (blockBytes + kScratchSlack) / static_cast<int64_t>(sizeof(T));

  for (int64_t k0 = 0; k0 == 0 || k0 < g.k; k0 += depth) {
    const int64_t kc = minOf(depth, g.k - k0);
    PanelTiles<T> tiles{g, rows, k0, kc, {}, {}};
    for (int64_t m0 = 0; m0 < g.m; m0 += blockRows) {
      const int64_t mEnd = minOf(g.m, m0 + blockRows);
      const T* strips = ready ? ready->from(k0, m0) : directA ? nullptr : packedA;
      const int64_t stripSize = ready ? ready->stripSize : rows * kc;
      if (strips == packedA) packStrips(g, m0, mEnd, k0, kc, rows, packedA, stripSize);
      for (int64_t j = 0; j < g.n; j += panel) {
        const int cols = static_cast<int>(minOf(panel, g.n - j));
        const int nv = vectorsFor<T>(cols);
        const T* const b = g.b + k0 * g.bRow + j * g.bCol;
        // Whole vectors of contiguous columns are read where they lie. Rows a page or more apart are not
        // followed by the hardware's prefetchers: each panel's tiles ask for the next panel.
        const bool directB = g.bCol == 1 && cols == nv * L && !copiesB;
        if (!directB) packPanel(packedB, nv * L, cols, kc, b, g.bCol, g.bRow);
        tiles.at(j, cols, nv, directB ? b : packedB, directB ? g.bRow : nv * L);
        if (g.bCol == 1) {
          if (j + panel < g.n) tiles.askFor(b + panel, g.bRow, kc, mEnd - m0);
          else if (mEnd < g.m) tiles.askFor(g.b + k0 * g.bRow, g.bRow, kc, mEnd - m0);
          else tiles.askFor(g.b + (k0 + kc) * g.bRow, g.bRow, minOf(depth, g.k - k0 - kc), mEnd - m0);
        }
        // One or two panels are too few to pay for asking at every step.
        tiles.asksStrips = j == 0 && g.n > 2 * panel && g.aRow == 1 && kc >= kLeastAsking;
        tiles.run(nv, m0, mEnd, strips, stripSize);
      }
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
