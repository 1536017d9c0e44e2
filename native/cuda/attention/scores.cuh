// Everything between Q K^T and the softmax: which keys a query sees, what is added to its scores, and which
// weights are dropped.
#pragma once
#include "../../ops/math.h"
#include "../../ops/rows/attention.h"
#include "../random_stream.h"
#include "../wg/math.h"
#include "tile.cuh"

namespace wg::cuda::flash {

WG_DEV float exponential(float x) { return fastExp(x); }
WG_DEV double exponential(double x) { return math::exp(x); }

/// Positions [from, to).
struct Span {
  int from, to;
  WG_DEV bool has(int x) const { return x >= from && x < to; }
};

/// Queries and keys at most, so that positions and the sum of two fit in 32 bits.
inline constexpr int64_t kMostRows = 1 << 30;

template <class T>
struct Scores {
  T scale;
  int queries, keys, heads;
  int left, right;   ///< -1: no bound
  const void* mask;  ///< or null
  bool maskIsBool;
  int64_t maskStride[4];
  const T* slopes;  ///< or null
  int64_t slopeStride;
  Generator draws;
  T dropout;  ///< 0: nothing is dropped

  /// Keys that some of queries [first, last] see.
  WG_DEV Span keysOf(int first, int last) const {
    const int from = left < 0 || first < left ? 0 : first - left;
    const int to = right < 0 || last + right >= keys ? keys : last + right + 1;
    return {from, to};
  }
  /// Queries that see some of keys [first, last].
  WG_DEV Span queriesOf(int first, int last) const {
    const int from = right < 0 || first < right ? 0 : first - right;
    const int to = left < 0 || last + left >= queries ? queries : last + left + 1;
    return {from, to};
  }
  /// The keys that a query sees; none when there is no such query.
  WG_DEV Span keysOf(int query) const { return query < queries ? keysOf(query, query) : Span{0, 0}; }

  WG_DEV bool biased() const { return mask != nullptr || slopes != nullptr; }
  /// What is added to a score that exists.
  WG_DEV T bias(int b, int h, int query, int key) const {
    T x = 0;
    if (mask != nullptr) {
      const int64_t at = b * maskStride[0] + h * maskStride[1] + query * maskStride[2] + key * maskStride[3];
      if (maskIsBool) x = static_cast<const uint8_t*>(mask)[at] != 0 ? T(0) : -Format<T>::kInf;
      else x = static_cast<const T*>(mask)[at];
    }
    if (slopes != nullptr)
      x -= slopes[h * slopeStride] * static_cast<T>(query > key ? query - key : key - query);
    return x;
  }

  /// 0 or 1 / (1 - p): what the op dropout draws for the weight.
  WG_DEV T factor(int b, int h, int query, int key) const {
    constexpr int kEach = sizeof(T) == 4 ? 4 : 2;  // elements of a block of draws
    const uint64_t row =
        (static_cast<uint64_t>(b) * static_cast<uint64_t>(heads) + static_cast<uint64_t>(h)) *
            static_cast<uint64_t>(queries) +
        static_cast<uint64_t>(query);
    const uint64_t index = row * static_cast<uint64_t>(keys) + static_cast<uint64_t>(key);
    uint32_t d[4];
    draws.draw(index / kEach, d);
    T drawn = unit<T>(d, 0);
    WG_UNROLL
    for (int e = 1; e < kEach; e++)
      if (index % kEach == static_cast<uint64_t>(e)) drawn = unit<T>(d, e);
    return drawn >= dropout ? T(1) / (T(1) - dropout) : T(0);
  }
};

/// Puts the factors of a thread's weights where putWeights will put those: it reads them back itself. Kept
/// rows are queries, or keys.
template <class Tile, bool queriesKept>
WG_DEV void putFactors(typename Tile::T* weights, const Scores<typename Tile::T>& scores, int b, int h,
                       int kept0, int passing0, const Lanes<Tile>& lanes) {
  // Rolled up: this is a rare and long path, and the registers are full.
  WG_ROLLED
  for (int x = 0; x < 4 * Tile::kEach; x++) {
    const int row = lanes.row(x / 4), column = lanes.weight(x % 4);
    const int kept = kept0 + row, passing = passing0 + column;
    weights[row * Tile::kWeightPitch + column] =
        queriesKept ? scores.factor(b, h, kept, passing) : scores.factor(b, h, passing, kept);
  }
}
template <class Tile>
WG_DEV Quad<typename Tile::T> factorsOf(const typename Tile::T* weights, int i, const Lanes<Tile>& lanes) {
  return loadQuad(weights + lanes.row(i) * Tile::kWeightPitch + lanes.weight(0));
}

// ---- host -----------------------------------------------------------------------------------------------

template <class T>
Scores<T> scoresOf(const View& q, const View& k, const View& mask, const View& slopes, const View& used,
                   const AttentionParams& p) {
  Scores<T> s{};
  s.scale = static_cast<T>(p.scale);
  s.queries = static_cast<int>(q.shape[2]);
  s.keys = static_cast<int>(k.shape[2]);
  s.heads = static_cast<int>(q.shape[1]);
  // A bound beyond the last row is none.
  s.left = p.left >= s.queries ? -1 : p.left;
  s.right = p.right >= s.keys ? -1 : p.right;
  if (mask.data) {
    s.mask = mask.data;
    s.maskIsBool = mask.dtype == DType::boolean;
    for (int a = 0; a < 4; a++) s.maskStride[a] = mask.stride[a];
  }
  if (slopes.data) {
    s.slopes = static_cast<const T*>(slopes.data);
    s.slopeStride = slopes.stride[0];
  }
  if (used.data) {
    s.draws = generatorOf(used);
    s.dropout = static_cast<T>(p.dropout);
  }
  return s;
}

template <class T, class View_>
Matrices<T> matricesOf(const View_& v) {
  constexpr int64_t kCount = 16 / static_cast<int64_t>(sizeof(T));
  const auto size = [](int64_t x) { return x < 0 ? -x : x; };
  Matrices<T> o{static_cast<T*>(v.data), v.stride[0], v.stride[1], v.stride[2], v.stride[3], false, false};
  if (v.shape[3] == 1) o.col = 1;
  o.packs = o.col == 1 && v.shape[3] % kCount == 0 && aligned16(v.data);
  for (int a = 0; a < 3; a++) o.packs = o.packs && (v.shape[a] == 1 || v.stride[a] % kCount == 0);
  o.alongRows = size(o.row) < size(o.col);
  return o;
}

/// Blocks for `rows` rows, kept `each` at a time, of `heads` heads, with `chunks` parts of the columns.
struct Blocks {
  int perHead, chunks;
  bool backwards;  ///< the last rows first: with a causal mask they have most to do
  int heads, firstHead;

  struct Place {
    int block, chunk, b, h;
  };
  WG_DEV Place place(unsigned index) const {
    int rest = static_cast<int>(index);
    Place p;
    p.block = rest % perHead;
    rest /= perHead;
    if (backwards) p.block = perHead - 1 - p.block;
    p.chunk = rest % chunks;
    rest = rest / chunks + firstHead;
    p.b = rest / heads;
    p.h = rest % heads;
    return p;
  }
};

/// run(blocks, grid) as often as a grid has room for; nothing when there is nothing to do.
template <class Tile, class Run>
bool eachGrid(Stream& s, int64_t rows, int64_t columns, int64_t batch, int64_t heads, bool backwards,
              Run run) {
  const int64_t perHead = ::wg::ceilDiv(rows, Tile::kKept);
  const int64_t chunks = Tile::kChunked ? maxOf(::wg::ceilDiv(columns, Tile::kWidth), 1) : 1;
  const int64_t total = batch * heads, each = perHead * chunks;
  if (total == 0 || each == 0) return true;
  constexpr int64_t kMost = INT32_MAX;
  if (total > kMost || each > kMost || columns > kMost / 2)
    return fail(s, Code::unsupported, "attention: too many heads or columns for CUDA"), false;
  const int64_t atOnce = maxOf(kMost / each, 1);
  for (int64_t first = 0; first < total; first += atOnce) {
    const Blocks blocks{static_cast<int>(perHead), static_cast<int>(chunks), backwards,
                        static_cast<int>(heads), static_cast<int>(first)};
    run(blocks, dim3(static_cast<unsigned>(each * minOf(atOnce, total - first))));
  }
  return true;
}

inline bool countable(Stream& s, const View& q, const View& k) {
  if (q.shape[2] <= kMostRows && k.shape[2] <= kMostRows) return true;
  fail(s, Code::unsupported, "attention: more than 2^30 queries or keys are not supported on CUDA");
  return false;
}

}  // namespace wg::cuda::flash
