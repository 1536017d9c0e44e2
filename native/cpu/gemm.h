// Blocked matrix product of one thread: packs into the thread's own scratch and runs register tiles. Parallel
// callers give each chunk its own block of C, so nothing is shared and no barrier is needed.
//
// The order in which an element of C is summed depends on k alone (blocks of depthBlock(), each from its
// first to its last k), so every way of cutting C gives the same bits.
#pragma once
#include "gemm_pack.h"
#include "gemm_panel_tile.h"
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

/// C^T = B^T A^T: the same sums in the same order, with rows and columns exchanged.
template <class T>
inline Gemm<T> transposed(const Gemm<T>& g) {
  return {g.n,         g.m, g.k,    g.b,    g.bCol,    g.bRow,          g.a,          g.aCol,
          g.aRow,      g.c, g.cCol, g.cRow, g.rowBias, g.rowBiasStride, g.columnBias, g.columnBiasStride,
          g.accumulate};
}

// bench/native/gemm_bench.cc on Zen 4 (1 MiB L2): see bench/NOTES.md. Half the scratch holds A's block, half
// B's.
inline constexpr int64_t kDepthBytes = 2048;
inline constexpr int64_t kLeastAsking = 128;
/// Of a panel of B that is copied: beside it a tile's rows of A and C find room in 48 KiB of first-level
/// cache.
inline constexpr int64_t kPanelBytes = int64_t{36} << 10;
template <class T>
inline constexpr int64_t kWidePanel = kWideVectors* Lanes<T>::kCount;
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

/// What the tiles of some rows of C and a block of k share, panel after panel of columns.
template <class T>
struct PanelTiles {
  const Gemm<T>& g;
  int64_t rows, k0, kc;  ///< of a tile; the block of k
  int64_t m0, mEnd;      ///< of C
  const T* strips;       ///< A packed, `stripSize` apart, or null where it is read where it lies
  int64_t stripSize;
  bool asksStrips = false;  ///< the tiles ask for A's next strip, whose columns are contiguous

  PanelTiles(const Gemm<T>& product, int64_t tileRows, int64_t firstStep, int64_t steps, int64_t firstRow,
             int64_t endRow, const T* packed, int64_t packedSize)
      : g(product),
        rows(tileRows),
        k0(firstStep),
        kc(steps),
        m0(firstRow),
        mEnd(endRow),
        strips(packed),
        stripSize(packedSize) {}

  /// Columns [j, j + cols) in `count` vectors, B's at b with rows bRow apart.
  void at(int64_t j, int cols, int count, const T* b, int64_t bRow) {
    vectors = count;
    dense = count == kWideVectors && bRow == width();
    t.b = b;
    t.bRow = bRow;
    t.k = kc;
    t.c = g.c + m0 * g.cRow + j * g.cCol;
    t.cRow = g.cRow;
    t.cols = cols;
    t.accumulate = k0 > 0 || g.accumulate;
    t.columnBias = nullptr;
    t.rowBiasStride = g.rowBiasStride;
    askForC();
    if (!last() || !g.columnBias) return;
    for (int x = 0; x < width(); ++x) bias[x] = x < cols ? g.columnBias[(j + x) * g.columnBiasStride] : T(0);
    t.columnBias = bias;
  }

  /// The panel that is read after this one, `count` rows of it `row` apart.
  void askFor(const T* next, int64_t row, int64_t count) {
    askFrom = next;
    askLeft = count;
    t.askLine = kLine<T>;
    t.askRow = row;
    if (dense) {
      askEach = steps() / kStepsPerAsk;
      return;
    }
    askEach = minOf(ceilDiv(count, ceilDiv(mEnd - m0, rows)), steps());
    t.askEvery = askEach > 0 ? steps() / askEach : 0;
    if (kc >= kLeastAsking) return;
    // Short loops within a loop are mispredicted unless all are of one length; tall tiles lose even then.
    t.askEvery = kWideVectors;
    askEach = inWideTiles() ? minOf(askEach, steps() / t.askEvery) : 0;
  }

  __attribute__((noinline)) void run() {
    T* const c = t.c;
    const T* packed = strips;
    for (int64_t i = m0; i < mEnd; i += rows, packed += packed ? stripSize : 0) {
      const int lines = static_cast<int>(minOf(rows, mEnd - i));
      t.c = c + (i - m0) * t.cRow;
      t.begun = done > 0 ? sums + (i - m0) * width() : nullptr;
      // A tile that is too short or too narrow to ask for C's lines on its way.
      for (int r = 0; !t.asksC && !unfinished() && r < lines; ++r)
        for (int x = 0; x < t.cols; x += kLine<T>) __builtin_prefetch(t.c + r * g.cRow + x, 1, 2);
      t.rowBias = last() && g.rowBias ? g.rowBias + i * g.rowBiasStride : nullptr;
      t.a = packed ? packed + done * lines : g.a + i * g.aRow + (k0 + done) * g.aCol;
      t.aRow = packed ? 1 : g.aRow;
      t.aCol = packed ? lines : g.aCol;
      TileKernel<T> kernel;
      if (copies && i == m0) {
        kernel = copyingKernel<T>(lines);
      } else {
        kernel = dense                              ? denseKernel<T>(lines)
                 : packed && vectors < kWideVectors ? packedKernel<T>(lines, vectors)
                                                    : tileKernel<T>(lines, vectors);
        t.ask = askFrom;
        t.asks = minOf(askEach, askLeft);
        askFrom += t.asks * t.askRow;
        askLeft -= t.asks;
        if (asksStrips) askForStrip(i);
      }
      runTile(kernel, t, lines, unfinished() ? 1 : g.cCol);
      if (copies) t.b = t.copy, t.bRow = width();
    }
    t.c = c;
  }

  /// The whole panel of B at b, part of its rows by part: the first tile copies them to the scratch, where
  /// the others find them in the first-level cache. Between parts the sums lie in the scratch as well.
  /// `next` is the panel behind, or null.
  void runCopying(int64_t j, const T* b, const T* next, T* scratch) {
    const int64_t part = panelSteps();
    at(j, kWidePanel<T>, kWideVectors, b, g.bRow);
    T* const c = t.c;
    const T* const columnBias = t.columnBias;
    const bool accumulate = t.accumulate;
    dense = copies = true;
    t.copy = scratch;
    sums = scratch + part * width();
    for (done = 0; done < kc; done += part) {
      t.k = minOf(part, kc - done);
      t.b = b + done * g.bRow;
      t.bRow = g.bRow;
      t.c = unfinished() ? sums : c;
      t.cRow = unfinished() ? width() : g.cRow;
      t.accumulate = !unfinished() && accumulate;
      t.columnBias = unfinished() ? nullptr : columnBias;
      askForC();
      if (unfinished()) askFor(t.b + part * g.bRow, g.bRow, minOf(part, kc - done - part));
      else askFor(next, g.bRow, next ? part : 0);
      run();
    }
    done = 0;
    copies = false;
  }

  /// Whether enough tiles share a panel to copy it, and the scratch has room for that.
  bool mayCopy(int64_t scratchElements) const {
    return inWideTiles() && mEnd - m0 > rows && g.bRow != kWidePanel<T> &&
           (panelSteps() + mEnd - m0) * kWidePanel<T> <= scratchElements;
  }

 private:
  alignas(64) T bias[kWidePanel<T>];
  Tile<T> t;
  int vectors = 0;
  bool dense = false;  ///< four vectors wide, B's rows one behind the other
  const T* askFrom = nullptr;
  int64_t askLeft = 0, askEach = 0;
  // Of runCopying.
  bool copies = false;
  int64_t done = 0;  ///< steps of kc before these
  T* sums = nullptr;

  int64_t width() const { return static_cast<int64_t>(vectors) * Lanes<T>::kCount; }
  bool unfinished() const { return done + t.k < kc; }
  bool last() const { return k0 + done + t.k >= g.k; }
  int64_t panelSteps() const { return evenSplit(kc, kPanelBytes / (kWideVectors * kVectorBytes), 8); }

  int64_t stepsPerRow() const { return dense ? kStepsPerAsk : kStepsPerRow; }
  /// Steps in which a tile does not ask for C.
  int64_t steps() const { return t.asksC ? t.k - stepsPerRow() * rows : t.k; }
  void askForC() {
    t.asksC = g.cCol == 1 && t.cols == width() && !unfinished() && t.k >= stepsPerRow() * rows;
  }

  /// The strip of A behind the one at row i: of these rows, or the first of the next part of k. Where a strip
  /// ends is what the one before it has not read of a line.
  void askForStrip(int64_t i) {
    const bool here = i + rows < mEnd;
    const int64_t end = k0 + done + t.k, each = linesPerRow(vectors);
    t.ask = (here ? t.a + rows : g.a + m0 + end * g.aCol) + rows - 1;
    t.askLine = g.aCol;
    t.askRow = each * g.aCol;
    t.askEvery = dense ? kStepsPerAsk : each;
    t.asks = minOf(steps() / t.askEvery, (here ? t.k : g.k - end) / each);
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
        // B's part that is read after this one.
        const T* const next = j + panel < g.n ? b + panel
                              : mEnd < g.m    ? g.b + k0 * g.bRow
                              : k0 + kc < g.k ? g.b + (k0 + kc) * g.bRow
                                              : nullptr;
        // One or two panels in place are too few to pay for asking at every step.
        tiles.asksStrips =
            j == 0 && !strips && g.aRow == 1 && (copies || g.n > 2 * panel) && kc >= kLeastAsking;
        if (copies && cols == panel) {
          tiles.runCopying(j, b, next, packedB);
          continue;
        }
        // Whole vectors of contiguous columns are read where they lie. Rows a page or more apart are not
        // followed by the hardware's prefetchers: each panel's tiles ask for the next panel.
        const bool directB = g.bCol == 1 && cols == nv * L && !(rowsCollide(g) && mEnd - m0 > 6 * rows);
        if (!directB) packPanel(packedB, nv * L, cols, kc, b, g.bCol, g.bRow);
        tiles.at(j, cols, nv, directB ? b : packedB, directB ? g.bRow : nv * L);
        if (g.bCol == 1)
          tiles.askFor(next, g.bRow,
                       !next                           ? 0
                       : j + panel < g.n || mEnd < g.m ? kc
                                                       : minOf(depth, g.k - k0 - kc));
        tiles.run();
      }
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
