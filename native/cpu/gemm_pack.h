// Packing: panels of `width` lines (rows of A or columns of B) by k, laid out as the tiles read them.
// Transposes, strides and edges are settled here, so one set of tiles serves them all.
#pragma once
#include "gemm_tile.h"
#include "kernel.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Lane i is lane pick(i) of a and, behind them, b.
template <class T, class Pick>
WG_INLINE typename Lanes<T>::Vec pickLanes(typename Lanes<T>::Vec a, typename Lanes<T>::Vec b, Pick pick) {
  constexpr int L = Lanes<T>::kCount;
#if defined(__clang__)
  typename Lanes<T>::Vec picked;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) picked[i] = pick(i) < L ? a[pick(i)] : b[pick(i) - L];
  return picked;
#else
  decltype(a < b) index;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) index[i] = pick(i);
  return __builtin_shuffle(a, b, index);
#endif
}

/// Swaps the off-diagonal halves of `Half`-sized blocks of a pair of vectors: one stage of an in-register
/// transpose.
template <class T, int Half>
WG_INLINE void swapHalves(typename Lanes<T>::Vec& x, typename Lanes<T>::Vec& y) {
  constexpr int L = Lanes<T>::kCount;
  const auto a = x, b = y;
  x = pickLanes<T>(a, b, [](int i) { return (i & Half) ? L + i - Half : i; });
  y = pickLanes<T>(a, b, [](int i) { return (i & Half) ? L + i : i + Half; });
}

template <class T, int Half>
WG_INLINE void transposeStage(typename Lanes<T>::Vec* rows) {
  constexpr int L = Lanes<T>::kCount;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i)
    if ((i & Half) == 0) swapHalves<T, Half>(rows[i], rows[i + Half]);
  if constexpr (Half > 1) transposeStage<T, Half / 2>(rows);
}

/// dst[j * dstRow + i] = src[i * srcRow + j] for a whole square of vectors; the caller's destination has room
/// for it.
template <class T>
WG_INLINE void transposeSquare(T* dst, int64_t dstRow, const T* src, int64_t srcRow) {
  constexpr int L = Lanes<T>::kCount;
  typename Lanes<T>::Vec rows[L];
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) rows[i] = loadVec(src + i * srcRow);
  transposeStage<T, L / 2>(rows);
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) storeVec(dst + i * dstRow, rows[i]);
}

/// The same with `lines` of L source rows (others read as zero) and `count` of L columns.
template <class T>
inline void transposeEdge(T* dst, int64_t dstRow, const T* src, int64_t srcRow, int lines, int count) {
  constexpr int L = Lanes<T>::kCount;
  typename Lanes<T>::Vec rows[L];
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) {
    rows[i] = typename Lanes<T>::Vec{};
    if (i < lines) rows[i] = count == L ? loadVec(src + i * srcRow) : loadPart(src + i * srcRow, count);
  }
  transposeStage<T, L / 2>(rows);
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i)
    if (i < count) storeVec(dst + i * dstRow, rows[i]);
}

/// Whole vectors of the rows of a wide tile become columns, one behind the other. Rows are put together in
/// pairs, and half of their columns at a time taken from those: a third of the steps of a square that would
/// be mostly empty.
template <class T>
WG_INLINE void interleaveWide(T* dst, const T* src, int64_t srcRow) {
  constexpr int L = Lanes<T>::kCount, kRows = 6;
  typename Lanes<T>::Vec rows[kRows];
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) rows[i] = loadVec(src + i * srcRow);
#pragma GCC unroll 2
  for (int half = 0; half < 2; ++half) {
    typename Lanes<T>::Vec pairs[3];
#pragma GCC unroll 3
    for (int p = 0; p < 3; ++p)
      pairs[p] = pickLanes<T>(rows[2 * p], rows[2 * p + 1],
                              [half](int i) { return i % 2 * L + half * L / 2 + i / 2; });
#pragma GCC unroll 3
    for (int o = 0; o < 3; ++o, dst += L) {
      const auto four = pickLanes<T>(pairs[0], pairs[1], [o](int i) {
        const int column = (o * L + i) / kRows, row = (o * L + i) % kRows;
        return row < 4 ? row / 2 * L + 2 * column + row % 2 : 0;
      });
      storeVec(dst, pickLanes<T>(four, pairs[2], [o](int i) {
                 const int column = (o * L + i) / kRows, row = (o * L + i) % kRows;
                 return row < 4 ? i : L + 2 * column + row - 4;
               }));
    }
  }
}

inline constexpr int kAheadRows = 12, kAheadLines = 6;
/// Permutations of two registers are one instruction.
inline constexpr bool kInterleaves = kVectorBytes == 64;

/// dst[k * width + i] = src[i * lineStride + k * kStride] for i < lines, zero for lines <= i < width. Writes
/// up to one vector past the panel's end: panels are packed in ascending order and the buffer has that slack.
template <class T>
WG_SINGLE void packPanel(T* dst, int width, int lines, int64_t depth, const T* src, int64_t lineStride,
                         int64_t kStride) {
  constexpr int L = Lanes<T>::kCount;
  if (lineStride == 1) {
    for (int64_t k = 0; k < depth; ++k, dst += width, src += kStride) {
      // Rows lie a page or more apart, where the hardware's prefetchers do not follow.
      for (int x = 0; x < lines; x += kLine<T>) __builtin_prefetch(src + kAheadRows * kStride + x);
      int i = 0;
      for (; i + L <= lines; i += L) storeVec(dst + i, loadVec(src + i));
      if (i < lines) storeVec(dst + i, loadPart(src + i, lines - i)), i += L;
      for (; i < width; i += L) storeVec(dst + i, typename Lanes<T>::Vec{});
    }
  } else if (kStride == 1) {
    // Asked for in the second-level cache: rows that lie powers of two apart share few sets of the first.
    // Behind a whole panel's rows follow those of the next.
    constexpr int64_t kAhead = kAheadLines * kLine<T>;
    if (kInterleaves && width == kWideRows && lines == width) {
      for (; depth >= L; depth -= L, dst += width * L, src += L) {
        const T* const ahead = depth > kAhead ? src + kAhead : src + width * lineStride + kAhead - depth;
        for (int i = 0; i < kWideRows; ++i) __builtin_prefetch(ahead + i * lineStride);
        interleaveWide(dst, src, lineStride);
      }
    }
    // A row-block's store may spill over the end of its panel's row into the next row's beginning: the last
    // block goes first.
    const int last = (width - 1) / L * L;
    for (int64_t k = 0; k < depth; k += L, dst += static_cast<int64_t>(L) * width, src += L) {
      const int count = depth - k < L ? static_cast<int>(depth - k) : L;
      for (int i = last; i >= 0; i -= L) {
        if (k % kLine<T> == 0 && (k + kAhead < depth || lines == width)) {
          const T* const ahead =
              k + kAhead < depth ? src + kAhead : src + width * lineStride + kAhead - depth;
          for (int x = i; x < minOf(i + L, lines); ++x) __builtin_prefetch(ahead + x * lineStride, 0, 2);
        }
        if (i + L <= lines && count == L) transposeSquare(dst + i, width, src + i * lineStride, lineStride);
        else transposeEdge(dst + i, width, src + i * lineStride, lineStride, lines - i, count);
      }
    }
  } else {
    for (int64_t k = 0; k < depth; ++k, dst += width, src += kStride) {
      for (int i = 0; i < lines; ++i) dst[i] = src[i * lineStride];
      for (int i = lines; i < width; ++i) dst[i] = 0;
    }
  }
}

/// The same for `panels` panels of `lines` lines side by side in memory (lineStride is 1), each packed
/// `dstPanel` behind the one before: a line of the caches is read once for all panels that have a part of it.
template <class T>
__attribute__((noinline)) inline void packBeside(T* dst, int64_t dstPanel, int lines, int panels,
                                                 int64_t depth, const T* src, int64_t kStride) {
  constexpr int L = Lanes<T>::kCount;
  constexpr int64_t kAhead = 4;
  const int whole = lines / L * L, rest = lines - whole;
  // The last rows must not spill over into the next panel, which is there already.
  const int64_t spilling = rest > 0 ? depth - ceilDiv(L - rest, lines) : 0;
  for (int64_t k = 0; k < depth; ++k, dst += lines, src += kStride) {
    for (int x = 0; x < panels * lines; x += kLine<T>) __builtin_prefetch(src + kAhead * kStride + x);
    for (int panel = 0; panel < panels; ++panel) {
      const T* const from = src + panel * lines;
      T* const to = dst + panel * dstPanel;
      for (int i = 0; i < whole; i += L) storeVec(to + i, loadVec(from + i));
      if (rest == 0) continue;
      const auto last = loadPart(from + whole, rest);
      if (k < spilling) storeVec(to + whole, last);
      else storePart(to + whole, last, rest);
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
