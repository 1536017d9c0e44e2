// What forward and backward of attention share: which keys a query sees, what is added to its scores, the
// dropout mask, and the blocks of queries and keys whose S x T product exists at one time.
#pragma once
#include "../ops/attention.h"
#include "../ops/philox.h"
#include "../ops/rows/attention.h"

#include "chunks.h"
#include "gemm.h"
#include "simd/exponent.h"

namespace wg::cpu {
inline namespace WG_ISA {

// bench/probes/attention-memory.ts on Zen 4: a block's scores, its keys and values transposed and the packing
// share the second-level cache. Within a block products go by strips of a few tiles, which leave out what
// none of their rows sees; a strip of queries uses so few rows that B is read in place.
inline constexpr int64_t kQueryStrip = (28 + kTileRows - 1) / kTileRows * kTileRows;
inline constexpr int64_t kQueryBlock = 5 * kQueryStrip;
inline constexpr int64_t kKeyBlock = 128, kKeyStrip = 32;
/// Elements between rows of a tile: an odd number of cache lines, or rows would share few sets of the cache.
template <class T>
inline constexpr int64_t kTilePitch = kKeyBlock + 64 / static_cast<int64_t>(sizeof(T));

// The worker's scratch: first the packing of gemmBlock, behind it the tiles.
inline constexpr int64_t kPackBytes = int64_t{176} << 10;
inline constexpr int64_t kTileStart = 2 * (kPackBytes + kScratchSlack);
inline constexpr int64_t kTileBytes = static_cast<int64_t>(kWorkerScratchBytes) - kTileStart;

/// One matrix of a [B, H, rows, columns] view.
template <class T>
struct Matrix {
  T* data;
  int64_t row, col;
};
template <class T>
inline Matrix<T> matrixOf(const View& v, int64_t b, int64_t h) {
  return {static_cast<T*>(v.data) + b * v.stride[0] + h * v.stride[1], v.stride[2], v.stride[3]};
}

/// C[m, n] (+)= A[m, k] B[k, n]. With `room` whole tiles may be read and written behind n.
template <class T>
__attribute__((noinline)) inline void product(int64_t m, int64_t n, int64_t k, Matrix<const T> a,
                                              Matrix<const T> b, Matrix<T> c, bool accumulate, bool room,
                                              T* scratch) {
  constexpr int64_t kPanel = kTileVectors * Lanes<T>::kCount;
  if (b.col != 1 || c.col != 1 || (n % kPanel != 0 && !room) || depthBlock<T>(k) < k) {
    Gemm<T> g{m,      n,     k,     a.data,  a.row, a.col,   b.data, b.row,     b.col,
              c.data, c.row, c.col, nullptr, 0,     nullptr, 0,      accumulate};
    return gemmBlock(g, scratch, kPackBytes);
  }
  // A few tiles of a microsecond's third each: gemmBlock would take a tenth as long to choose them.
  const int64_t rows = ceilDiv(m, ceilDiv(m, int64_t{kTileRows}));
  Tile<T> t{};
  t.aRow = a.row;
  t.aCol = a.col;
  t.bRow = b.row;
  t.cRow = c.row;
  t.k = k;
  t.cols = static_cast<int>(kPanel);
  t.accumulate = accumulate;
  t.asksC = k >= kStepsPerRow * rows;
  for (int64_t j = 0; j < n; j += kPanel)
    for (int64_t i = 0; i < m; i += rows) {
      t.a = a.data + i * a.row;
      t.b = b.data + j;
      t.c = c.data + i * c.row + j;
      tileKernel<T>(static_cast<int>(minOf(rows, m - i)), kTileVectors)(t);
    }
}
template <class T>
inline Matrix<const T> flipped(Matrix<const T> a) {
  return {a.data, a.col, a.row};
}
template <class T>
inline Matrix<const T> from(Matrix<const T> a, int64_t row) {
  return {a.data + row * a.row, a.row, a.col};
}
template <class T>
inline Matrix<const T> reading(Matrix<T> a) {
  return {a.data, a.row, a.col};
}

/// The scores of one attention: everything between Q K^T and the softmax.
template <class T>
struct Scores {
  T scale;
  int64_t queries, keys, heads;
  int64_t left, right;  ///< -1: no bound
  const View* mask;     ///< or null
  const T* slopes;      ///< or null
  int64_t slopeStride;
  uint32_t key0, key1;  ///< of dropout
  uint64_t offset;
  T dropout;

  /// The keys of [j0, j0 + n) that query i sees, counted from j0.
  void visible(int64_t i, int64_t j0, int64_t n, int64_t& from, int64_t& to) const {
    from = left < 0 ? 0 : minOf(maxOf(i - left - j0, 0), n);
    to = right < 0 ? n : maxOf(minOf(i + right + 1 - j0, n), from);
  }
  /// The keys that any of queries [i0, i0 + rows) sees: both bounds rise with the query.
  void visible(int64_t i0, int64_t rows, int64_t j0, int64_t n, int64_t& from, int64_t& to) const {
    int64_t none;
    visible(i0, j0, n, from, none);
    visible(i0 + rows - 1, j0, n, none, to);
  }
  /// Whether any of queries [i0, i0 + rows) sees any of keys [j0, j0 + n).
  bool meets(int64_t i0, int64_t rows, int64_t j0, int64_t n) const {
    return (left < 0 || i0 - left < j0 + n) && (right < 0 || i0 + rows - 1 + right >= j0);
  }

  /// What is added to the n scores from key j on; null: nothing.
  const T* bias(int64_t b, int64_t h, int64_t i, int64_t j, int64_t n, T* stage) const {
    if (!mask && !slopes) return nullptr;
    if (mask) {
      const int64_t step = mask->stride[3];
      const int64_t at = b * mask->stride[0] + h * mask->stride[1] + i * mask->stride[2] + j * step;
      if (mask->dtype == DType::boolean) {
        const uint8_t* p = static_cast<const uint8_t*>(mask->data) + at;
        for (int64_t x = 0; x < n; ++x) stage[x] = p[x * step] ? T(0) : -Format<T>::kInf;
      } else {
        const T* p = static_cast<const T*>(mask->data) + at;
        if (step == 1 && !slopes) return p;
        for (int64_t x = 0; x < n; ++x) stage[x] = p[x * step];
      }
    } else {
      for (int64_t x = 0; x < n; ++x) stage[x] = T(0);
    }
    if (slopes) {
      const T slope = slopes[h * slopeStride];
      for (int64_t x = 0; x < n; ++x) {
        const int64_t distance = i > j + x ? i - j - x : j + x - i;
        stage[x] -= slope * static_cast<T>(distance);
      }
    }
    return stage;
  }

  /// Factors 0 or 1 / (1 - p) of the n weights from key j on: the numbers dropout() draws for those elements.
  void factors(int64_t b, int64_t h, int64_t i, int64_t j, int64_t n, T* to) const {
    using L = simd::Vec<uint64_t>;
    constexpr int64_t kWords = static_cast<int64_t>(sizeof(T) / 4);
    const int64_t first = (((b * heads + h) * queries + i) * keys + j) * kWords, block = first / 4;
    const int64_t skip = first - 4 * block, blocks = ceilDiv(skip + n * kWords, 4);
    alignas(64) uint32_t draws[kKeyBlock * 2 + 4 * L::kLanes + 4];
    L step;
    for (int x = 0; x < L::kLanes; ++x) step.raw[x] = static_cast<uint64_t>(x);
    for (int64_t x = 0; x < blocks; x += L::kLanes) {
      const L counter = L(offset + static_cast<uint64_t>(block + x)) + step;
      L d[4];
      philox::block(counter & L(uint64_t{0xffffffff}), counter >> 32, key0, key1, d);
      for (int lane = 0; lane < L::kLanes; ++lane)
        for (int word = 0; word < 4; ++word)
          draws[4 * (x + lane) + word] = static_cast<uint32_t>(d[word].raw[lane]);
    }
    const T kept = T(1) / (T(1) - dropout);
    for (int64_t x = 0; x < n; ++x) {
      const uint32_t* word = draws + skip + x * kWords;
      T unit;
      if constexpr (sizeof(T) == 4) unit = static_cast<T>(word[0] >> 8) * T(0x1p-24);
      else
        unit = static_cast<T>(static_cast<int64_t>((uint64_t{word[1]} << 32 | word[0]) >> 11)) * T(0x1p-53);
      to[x] = unit >= dropout ? kept : T(0);
    }
  }
};

template <class T>
inline Scores<T> scoresOf(const View& q, const View& k, const View& mask, const View& slopes,
                          const View& used, const AttentionParams& p) {
  Scores<T> s{};
  s.scale = static_cast<T>(p.scale);
  s.queries = q.shape[2];
  s.keys = k.shape[2];
  s.heads = q.shape[1];
  s.left = p.left;
  s.right = p.right;
  s.mask = mask.data ? &mask : nullptr;
  s.slopes = slopes.data ? static_cast<const T*>(slopes.data) : nullptr;
  s.slopeStride = slopes.data ? slopes.stride[0] : 0;
  if (used.data) {
    const int64_t* words = static_cast<const int64_t*>(used.data);
    const uint64_t seed = static_cast<uint64_t>(words[0]);
    s.key0 = static_cast<uint32_t>(seed);
    s.key1 = static_cast<uint32_t>(seed >> 32);
    s.offset = static_cast<uint64_t>(words[used.stride[0]]);
    s.dropout = static_cast<T>(p.dropout);
  }
  return s;
}

/// Where a row of a tile is seen, in registers: those from `start` to `stop` hold elements [first, last) and,
/// in the first and the last of them, others that must not count.
template <class T>
struct Seen {
  using V = simd::Vec<T>;
  int64_t first, last, start, stop;

  Seen(int64_t from, int64_t to)
      : first(from),
        last(to),
        start(from / V::kLanes * V::kLanes),
        stop(ceilDiv(to, V::kLanes) * V::kLanes) {}

  bool any() const { return first < last; }
  int64_t count() const { return last - first; }
  bool whole(int64_t at) const { return at >= first && at + V::kLanes <= last; }
  /// x, with `other` where the row is not seen.
  V keep(V x, int64_t at, T other) const {
    if (whole(at)) return x;
    V place;
    for (int i = 0; i < V::kLanes; ++i) place.raw[i] = static_cast<T>(i);
    const V far = select(place < V(static_cast<T>(last - at)), x, V(other));
    return select(place < V(static_cast<T>(first - at)), V(other), far);
  }
  /// One register of what stands densely from `first` on; 0 where the row is not seen.
  V read(const T* p, int64_t at) const {
    if (whole(at)) return simd::load<V>(p + (at - first));
    alignas(64) T lanes[V::kLanes] = {};
    for (int64_t i = maxOf(first, at); i < minOf(last, at + V::kLanes); ++i) lanes[i - at] = p[i - first];
    return simd::load<V>(lanes);
  }
};

/// Zeros in elements [from, to) of a row, both multiples of a register.
template <class T>
inline void clearLanes(T* row, int64_t from, int64_t to) {
  for (int64_t x = from; x < to; x += simd::Vec<T>::kLanes) store(row + x, simd::Vec<T>(T(0)));
}

template <class T>
inline void clear(Matrix<T> m, int64_t rows, int64_t cols) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t x = 0; x < cols; ++x) m.data[r * m.row + x * m.col] = T(0);
}

/// A block of n keys or values with their elements apart, so that products read them in place: at `to` where
/// there is room, else as they lie.
template <class T>
inline Matrix<const T> turned(T* to, bool fits, Matrix<const T> block, int64_t n, int64_t width) {
  if (!fits) return flipped(block);
  packPanel(to, static_cast<int>(kTilePitch<T>), static_cast<int>(n), width, block.data, block.row,
            block.col);
  return {to, kTilePitch<T>, 1};
}
template <class T>
inline Matrix<const T> column(Matrix<const T> a, int64_t j) {
  return {a.data + j * a.col, a.row, a.col};
}

}  // namespace WG_ISA
}  // namespace wg::cpu
