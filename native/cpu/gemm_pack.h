// Packing: panels of `width` lines (rows of A or columns of B) by k, laid out as the tiles read them.
// Transposes, strides and edges are settled here, so one set of tiles serves them all.
#pragma once
#include "gemm_tile.h"
#include "kernel.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Swaps the off-diagonal halves of `Half`-sized blocks of a pair of vectors: one stage of an in-register
/// transpose.
template <class T, int Half>
WG_INLINE void swapHalves(typename Lanes<T>::Vec& x, typename Lanes<T>::Vec& y) {
  constexpr int L = Lanes<T>::kCount;
  typedef decltype(x < y) Index;
  Index low, high;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) {
    low[i] = (i & Half) ? L + i - Half : i;
    high[i] = (i & Half) ? L + i : i + Half;
  }
  const auto a = x, b = y;
#if defined(__clang__)
  typename Lanes<T>::Vec p, q;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) {
    p[i] = (i & Half) ? b[i - Half] : a[i];
    q[i] = (i & Half) ? b[i] : a[i + Half];
  }
  x = p;
  y = q;
#else
  x = __builtin_shuffle(a, b, low);
  y = __builtin_shuffle(a, b, high);
#endif
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

inline constexpr int kAheadRows = 12, kAheadLines = 6;

/// dst[k * width + i] = src[i * lineStride + k * kStride] for i < lines, zero for lines <= i < width. Writes
/// up to one vector past the panel's end: panels are packed in ascending order and the buffer has that slack.
template <class T>
inline void packPanel(T* dst, int width, int lines, int64_t depth, const T* src, int64_t lineStride,
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

}  // namespace WG_ISA
}  // namespace wg::cpu
