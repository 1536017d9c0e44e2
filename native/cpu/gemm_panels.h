// A matrix product, and the tiles of its panels: what those of some rows of C and a block of k share, and
// what they ask the caches for on their way.
#pragma once
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
  bool streams = false;     ///< C goes past the caches (streamsC)
};

/// C^T = B^T A^T: the same sums in the same order, with rows and columns exchanged.
template <class T>
inline Gemm<T> transposed(const Gemm<T>& g) {
  return {g.n,         g.m, g.k,    g.b,    g.bCol,    g.bRow,          g.a,          g.aCol,
          g.aRow,      g.c, g.cCol, g.cRow, g.rowBias, g.rowBiasStride, g.columnBias, g.columnBiasStride,
          g.accumulate};
}

/// Steps that pay for asking, in tiles that read B where it lies.
inline constexpr int64_t kLeastAsking = 128;
// Of a panel of B that is copied (bench/NOTES.md). Fewer rows do not pay for it. Beside so many at a time a
// tile's rows of A and C find room in 48 KiB of first-level cache; up to twice as many stay together, since
// what they would gain their sums would lose.
inline constexpr int64_t kLeastCopied = 32, kMostCopied = 144, kWholeCopied = 256;
template <class T>
inline constexpr int64_t kWidePanel = kWideVectors* Lanes<T>::kCount;

/// Equal pieces of at most `most`, each a multiple of `unit`.
inline int64_t evenSplit(int64_t size, int64_t most, int64_t unit) {
  if (size <= most) return maxOf(size, 1);
  const int64_t pieces = ceilDiv(size, most);
  return ceilDiv(ceilDiv(size, pieces), unit) * unit;
}

/// Whether tiles of six rows and four vectors are the rule (wide_tiles.h).
inline bool inWideTiles() { return kVectorBytes == 64 && kWideTiles; }

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
    const int64_t tiles = ceilDiv(mEnd - m0, rows);
    if (dense) {
      askEach = minOf(ceilDiv(count, maxOf(tiles - copies, 1)), steps() / kStepsPerAsk);
      return;
    }
    askEach = minOf(ceilDiv(count, tiles), steps());
    t.askEvery = askEach > 0 ? steps() / askEach : 0;
    if (kc >= kLeastAsking) return;
    // Short loops within a loop are mispredicted unless all are of one length; tall tiles lose even then.
    t.askEvery = kWideVectors;
    askEach = inWideTiles() ? minOf(askEach, steps() / t.askEvery) : 0;
  }

  /// All tiles of the panel.
  __attribute__((noinline)) void run() {
    T* const c = t.c;
    const T* packed = strips;
    for (int64_t i = m0; i < mEnd; i += rows, packed += packed ? stripSize : 0) {
      const int lines = static_cast<int>(minOf(rows, mEnd - i));
      t.c = c + (i - m0) * t.cRow;
      t.begun = done > 0 ? sums + (i - m0) * width() : nullptr;
      // A tile that is too short or too narrow to ask for C's lines on its way.
      for (int r = 0; !t.asksC && !t.streams && !unfinished() && r < lines; ++r)
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

  /// The whole panel of B at b, some of its rows at a time: the first tile copies them to the scratch, where
  /// the others find them in the first-level cache. Between those parts the sums lie in the scratch as well.
  /// `count` rows from `next` are read behind it.
  void runCopying(int64_t j, const T* b, const T* next, int64_t count, T* scratch) {
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
      else askFor(next, g.bRow, minOf(part, count));
      run();
    }
    done = 0;
    copies = false;
  }

  /// Whether several tiles share a panel that has to be copied, and the scratch has room for that.
  bool mayCopy(int64_t scratchElements) const {
    return inWideTiles() && kc >= kLeastCopied && mEnd - m0 > rows && g.bRow != kWidePanel<T> &&
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
  bool copies = false;  ///< by the first tile
  int64_t done = 0;     ///< steps of kc before these
  T* sums = nullptr;    ///< of the rows, while kc has further steps

  int64_t width() const { return static_cast<int64_t>(vectors) * Lanes<T>::kCount; }
  bool unfinished() const { return done + t.k < kc; }
  bool last() const { return k0 + done + t.k >= g.k; }
  int64_t panelSteps() const { return kc <= kWholeCopied ? kc : evenSplit(kc, kMostCopied, 8); }

  int64_t stepsPerRow() const { return dense ? kStepsPerAsk : kStepsPerRow; }
  /// Steps in which a tile does not ask for C.
  int64_t steps() const { return t.asksC ? t.k - stepsPerRow() * rows : t.k; }
  void askForC() {
    t.streams = g.streams && !unfinished() && t.cols == kWidePanel<T>;
    t.asksC = g.cCol == 1 && t.cols == width() && !unfinished() && !t.streams && t.k >= stepsPerRow() * rows;
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

}  // namespace WG_ISA
}  // namespace wg::cpu
