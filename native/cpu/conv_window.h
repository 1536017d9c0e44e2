// Where a convolution reads: geometry, zero-padded slabs of the source, and panels of im2col made on the fly.
// Forward and input gradient are the same walk over different windows (see conv.cc); im2col never exists for
// more than one panel.
#pragma once
#include "gemm.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// out[m, y, x] = sum over c, r, q of W[m, c, r, q] * source[c, y * stepY + r * tapY + originY, x * stepX + q
/// * tapX + originX], zero outside the source. tapY and tapX may be negative (the input gradient reads
/// backwards).
struct Window {
  int64_t channels, tapsY, tapsX;
  int64_t height, width;              ///< of the source
  int64_t strideC, strideY, strideX;  ///< of the source
  int64_t stepY, stepX, tapY, tapX, originY, originX;
  int64_t rows, cols;  ///< of the output grid

  int64_t depth() const { return channels * tapsY * tapsX; }
  /// One tap and no stride or padding: pixels of the output are the source's in the same order.
  bool meetsEveryPixel() const {
    return tapsX == 1 && tapsY == 1 && stepX == 1 && stepY == 1 && originX == 0 && originY == 0 &&
           rows == height && cols == width;
  }
  /// Whether a row of the source begins where the one before it ends.
  bool planesAreLines() const { return strideY == width * strideX; }
};

/// Asks for the lines that `count` elements of each of some rows or planes, `step` apart, lie in: no hardware
/// expects a few of so many.
template <bool kToWrite, class T>
WG_INLINE void askLines(const T* from, int64_t step, int64_t rows, int64_t count) {
  asm volatile("");  // else g++ 12 removes calls of functions that do nothing but ask
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t x = 0; x < count; x += kLine<T>)
      __builtin_prefetch(from + i * step + x, kToWrite ? 1 : 0, 2);
}

/// Where images lie: `inner` to a volume (the planes of a 3-d convolution that one tap of its depth reaches).
struct Images {
  int64_t inner, xOuter, xInner, dyOuter, dyInner;
  int64_t ofX(int64_t image) const { return image / inner * xOuter + image % inner * xInner; }
  int64_t ofDy(int64_t image) const { return image / inner * dyOuter + image % inner * dyInner; }
};

/// A rectangle of output pixels in consecutive images.
struct PixelBlock {
  int64_t image0, images, row0, rows, col0, cols;
  int64_t pixels() const { return images * rows * cols; }
};

/// The source values a block needs, addressable without bounds tests: the tensor itself when nothing is
/// padded, else a copy. Pixel (y, x) of the block lies at y * stepY + x * stepX.
template <class T>
struct Slab {
  const T* data;  ///< at the first image, channel, and the smallest row and column any tap touches
  int64_t strideImage, strideC, strideY;
  int64_t stepY, stepX;
  int64_t split, phaseCols;  ///< see SlabShape
  bool copied;
};

/// A rectangle of source coordinates, possibly outside the source, and how a slab keeps it. With `split`
/// above 1 the columns lie by their residue, `phaseCols` of each, so that pixels `split` columns apart are
/// neighbours, and rows and residues that no tap reaches are left out.
struct SlabShape {
  int64_t top, left, rows, cols;
  int64_t split, phaseCols, pitch;
  int64_t keptRows, period, kept;  ///< of every `period` rows `kept` are
  int64_t size() const { return keptRows * pitch; }
};

inline SlabShape slabShape(const Window& w, const PixelBlock& block, int64_t split) {
  const int64_t signedY = (w.tapsY - 1) * w.tapY, signedX = (w.tapsX - 1) * w.tapX,
                spanY = signedY < 0 ? -signedY : signedY, spanX = signedX < 0 ? -signedX : signedX;
  SlabShape s{};
  s.top = block.row0 * w.stepY + w.originY + minOf(signedY, 0);
  s.left = block.col0 * w.stepX + w.originX + minOf(signedX, 0);
  s.rows = (block.rows - 1) * w.stepY + spanY + 1;
  s.cols = (block.cols - 1) * w.stepX + spanX + 1;
  s.split = split;
  s.phaseCols = split == 1 ? s.cols : block.cols + spanX / split;
  s.pitch = minOf(split, spanX + 1) * s.phaseCols;
  const bool gaps = split > 1 && spanY + 1 < w.stepY;
  s.period = gaps ? w.stepY : 1;
  s.kept = gaps ? spanY + 1 : 1;
  s.keptRows = gaps ? block.rows * s.kept : s.rows;
  return s;
}

inline bool inside(const Window& w, const SlabShape& shape) {
  return shape.split == 1 && w.strideX == 1 && shape.top >= 0 && shape.left >= 0 &&
         shape.top + shape.rows <= w.height && shape.left + shape.cols <= w.width;
}

/// Lanes 0, 2, 4, … of a and b.
template <class V>
WG_INLINE V evenLanes(V a, V b) {
  constexpr int L = static_cast<int>(sizeof(V) / sizeof(a[0]));
#if defined(__clang__)
  V even;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) even[i] = 2 * i < L ? a[2 * i] : b[2 * i - L];
  return even;
#else
  typedef decltype(a < b) Index;
  Index at;
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) at[i] = 2 * i;
  return __builtin_shuffle(a, b, at);
#endif
}

/// Copies `count` elements of one row to contiguous memory. Whole vectors are written, up to one past the
/// end: a store under a mask holds up those behind it, and rows come in ascending order.
template <class T>
inline void copyRow(T* to, const T* from, int64_t stride, int64_t count) {
  constexpr int64_t L = Lanes<T>::kCount;
  int64_t i = 0;
  if (stride == 1) {
    for (; i + L <= count; i += L) storeVec(to + i, loadVec(from + i));
    if (i < count) storeVec(to + i, loadPart(from + i, static_cast<int>(count - i)));
    return;
  }
  if (stride == 2) {  // a pair of vectors ends one element behind the last that is wanted
    for (; i + L < count; i += L)
      storeVec(to + i, evenLanes(loadVec(from + 2 * i), loadVec(from + 2 * i + L)));
    if (i == count) return;
    const int rest = static_cast<int>(count - i), first = static_cast<int>(minOf(2 * rest - 1, L)),
              second = 2 * rest - 1 - first;
    const auto low = loadPart(from + 2 * i, first);
    storeVec(to + i, evenLanes(low, second > 0 ? loadPart(from + 2 * i + L, second) : low));
    return;
  }
  for (; i < count; ++i) to[i] = from[i * stride];
}

template <class T>
inline void zeroRow(T* to, int64_t count) {
  for (int64_t i = 0; i < count; i += Lanes<T>::kCount) storeVec(to + i, typename Lanes<T>::Vec{});
}

/// Columns of one residue: zeros, then some of the source's from `first`, then zeros.
struct SlabColumns {
  int64_t first, before, count, after;
};

inline SlabColumns slabColumns(const Window& w, const SlabShape& shape, int64_t residue) {
  const int64_t left = shape.left + residue, all = shape.phaseCols,
                before = left < 0 ? minOf(ceilDiv(-left, shape.split), all) : 0,
                end = maxOf(minOf(ceilDiv(maxOf(w.width - left, 0), shape.split), all), before);
  return {(left + before * shape.split) * w.strideX, before, end - before, all - end};
}

inline constexpr int64_t kSlabAhead = 16;  // rows

/// From a copy's channel to the next: an odd number of cache lines, since the same pixel of many channels is
/// read together, and a step of a power of two would have all of them share a few sets of the cache.
template <class T>
inline int64_t slabStep(const SlabShape& shape, int64_t images) {
  constexpr int64_t kLineItems = 64 / static_cast<int64_t>(sizeof(T));
  return (ceilDiv(images * shape.size(), kLineItems) | 1) * kLineItems;
}

/// `source` is at the block's first image and at channel c0; the copy needs channels * slabStep() elements
/// and a vector behind them.
template <class T>
inline Slab<T> makeSlab(const Window& w, const PixelBlock& block, const SlabShape& shape, const T* source,
                        int64_t strideImage, int64_t channels, T* copy) {
  if (inside(w, shape))
    return {source + shape.top * w.strideY + shape.left,
            strideImage,
            w.strideC,
            w.strideY,
            w.stepY * w.strideY,
            w.stepX,
            1,
            0,
            false};
  // Rows are often short: what they have in common is settled first.
  constexpr int64_t kMost = 8;
  SlabColumns columns[kMost] = {};
  const int64_t residues = shape.phaseCols > 0 ? shape.pitch / shape.phaseCols : 0;
  for (int64_t i = 0; i < minOf(residues, kMost); ++i) columns[i] = slabColumns(w, shape, i);
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t image = 0; image < block.images; ++image) {
      const T* const from = source + image * strideImage + c * w.strideC;
      T* to = copy + c * slabStep<T>(shape, block.images) + image * shape.size();
      for (int64_t y = 0, row = shape.top; y < shape.keptRows; row += shape.period)
        for (int64_t i = 0; i < shape.kept; ++i, ++y) {
          if (row + i < 0 || row + i >= w.height) {
            zeroRow(to, shape.pitch);
            to += shape.pitch;
            continue;
          }
          // Where rows are left out no hardware looks ahead.
          const T* const ahead = from + (row + i + kSlabAhead * shape.period) * w.strideY;
          askLines<false>(ahead, 0, 1, shape.cols);
          for (int64_t residue = 0; residue < residues; ++residue, to += shape.phaseCols) {
            const SlabColumns part = residue < kMost ? columns[residue] : slabColumns(w, shape, residue);
            zeroRow(to, part.before);
            copyRow(to + part.before, from + (row + i) * w.strideY + part.first, w.strideX * shape.split,
                    part.count);
            zeroRow(to + part.before + part.count, part.after);
          }
        }
    }
  return {copy,
          shape.size(),
          slabStep<T>(shape, block.images),
          shape.pitch,
          (shape.period > 1 ? shape.kept : w.stepY) * shape.pitch,
          w.stepX / shape.split,
          shape.split,
          shape.phaseCols,
          true};
}

/// Neighbouring pixels of one output row inside a panel.
struct Run {
  int32_t at, length;   ///< columns of the panel
  int64_t image, y, x;  ///< its first pixel, relative to the block
};

/// Splits `count` pixels from the block's pixel number `first` into runs.
inline int runsOf(const PixelBlock& block, int64_t first, int count, Run* runs) {
  int used = 0;
  int64_t x = first % block.cols, y = first / block.cols % block.rows,
          image = first / (block.cols * block.rows);
  for (int at = 0; at < count;) {
    const int length = static_cast<int>(minOf(block.cols - x, count - at));
    runs[used++] = {at, length, image, y, x};
    at += length;
    x = 0;
    if (++y == block.rows) y = 0, ++image;
  }
  return used;
}

/// Offsets in the slab of k = (channel, r, q) for k0 <= k < k0 + count, channel counted from the slab's
/// first, c0.
template <class T>
inline void tapOffsets(const Window& w, const Slab<T>& slab, int64_t c0, int64_t k0, int64_t count,
                       int64_t* offsets) {
  const int64_t baseY = minOf((w.tapsY - 1) * w.tapY, 0), baseX = minOf((w.tapsX - 1) * w.tapX, 0);
  int64_t q = k0 % w.tapsX, r = k0 / w.tapsX % w.tapsY, c = k0 / (w.tapsX * w.tapsY) - c0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t x = q * w.tapX - baseX;
    offsets[i] = c * slab.strideC + (r * w.tapY - baseY) * slab.strideY +
                 (slab.split == 1 ? x : x % slab.split * slab.phaseCols + x / slab.split);
    if (++q == w.tapsX) {
      q = 0;
      if (++r == w.tapsY) r = 0, ++c;
    }
  }
}

#if defined(__AVX512F__)
inline constexpr int kMostPieces = 4;

/// The runs that meet in one vector of a panel: a masked load each, shifted so that lanes land in place.
template <class T>
struct Pieces {
  const T* from[kMostPieces];
  uint32_t mask[kMostPieces];
};

template <class T, int N>
inline void packColumn(T* to, int width, int64_t count, const int64_t* offsets, const Pieces<T>& pieces) {
  for (int64_t k = 0; k < count; ++k, to += width) {
    typename Lanes<T>::Vec v = {};
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) v = mergeLoad(v, pieces.from[i] + offsets[k], pieces.mask[i]);
    storeVec(to, v);
  }
}

/// Packs the panel a column of vectors at a time; false when more runs meet in a vector than there are
/// pieces.
template <class T>
inline bool packMerged(T* to, int width, int64_t count, const int64_t* offsets, const T* const* from,
                       const Run* runs, int runCount) {
  constexpr int L = Lanes<T>::kCount;
  Pieces<T> pieces[kWideVectors];
  int used[kWideVectors] = {};
  for (int i = 0; i < runCount; ++i) {
    const int end = runs[i].at + runs[i].length;
    for (int j = runs[i].at / L; j * L < end; ++j) {
      if (used[j] == kMostPieces) return false;
      const int low = runs[i].at > j * L ? runs[i].at - j * L : 0, high = end < (j + 1) * L ? end - j * L : L;
      pieces[j].from[used[j]] = from[i] + (j * L - runs[i].at);
      pieces[j].mask[used[j]++] = ((1u << high) - 1) & ~((1u << low) - 1);
    }
  }
  for (int j = 0; j * L < width; ++j) {
    T* const column = to + j * L;
    if (used[j] <= 1) {
      if (used[j] == 0) pieces[j].from[0] = from[0], pieces[j].mask[0] = 0;
      packColumn<T, 1>(column, width, count, offsets, pieces[j]);
    } else if (used[j] == 2) {
      packColumn<T, 2>(column, width, count, offsets, pieces[j]);
    } else if (used[j] == 3) {
      packColumn<T, 3>(column, width, count, offsets, pieces[j]);
    } else {
      packColumn<T, 4>(column, width, count, offsets, pieces[j]);
    }
  }
  return true;
}
#endif

/// to[k * width + column] for `count` k and the panel's pixels; writes up to one vector past the end, and
/// zeros never: columns past the last pixel are left as they are, their products are never stored.
template <class T>
inline void packPixels(T* to, int width, int64_t count, const int64_t* offsets, const Slab<T>& slab,
                       const Run* runs, int runCount) {
  constexpr int L = Lanes<T>::kCount;
  const T* from[kWideVectors * 16];
  for (int i = 0; i < runCount; ++i)
    from[i] = slab.data + runs[i].image * slab.strideImage + runs[i].y * slab.stepY + runs[i].x * slab.stepX;
  if (slab.stepX == 1) {
#if defined(__AVX512F__)
    if (packMerged(to, width, count, offsets, from, runs, runCount)) return;
#endif
    for (int64_t k = 0; k < count; ++k, to += width)
      for (int i = 0; i < runCount; ++i) {
        const T* p = from[i] + offsets[k];
        T* out = to + runs[i].at;
        int left = runs[i].length;
        for (; left >= L; left -= L, p += L, out += L) storeVec(out, loadVec(p));
        if (left > 0) storeVec(out, loadPart(p, left));
      }
    return;
  }
  for (int64_t k = 0; k < count; ++k, to += width)
    for (int i = 0; i < runCount; ++i) {
      const T* p = from[i] + offsets[k];
      T* out = to + runs[i].at;
      for (int x = 0; x < runs[i].length; ++x) out[x] = p[x * slab.stepX];
    }
}

/// The same straight from the source with bounds tests, for windows whose slab would not fit.
template <class T>
inline void packPixelsChecked(T* to, int width, int64_t k0, int64_t count, const T* source,
                              int64_t strideImage, const Window& w, const PixelBlock& block, const Run* runs,
                              int runCount) {
  for (int64_t k = k0; k < k0 + count; ++k, to += width) {
    const int64_t q = k % w.tapsX, r = k / w.tapsX % w.tapsY, c = k / (w.tapsX * w.tapsY);
    for (int i = 0; i < runCount; ++i) {
      const int64_t y = (block.row0 + runs[i].y) * w.stepY + r * w.tapY + w.originY;
      for (int x = 0; x < runs[i].length; ++x) {
        const int64_t column = (block.col0 + runs[i].x + x) * w.stepX + q * w.tapX + w.originX;
        const bool in = y >= 0 && y < w.height && column >= 0 && column < w.width;
        to[runs[i].at + x] =
            in ? source[runs[i].image * strideImage + c * w.strideC + y * w.strideY + column * w.strideX]
               : T(0);
      }
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
