// Everything between Q K^T and the softmax: which keys a query sees, what is added to its scores, and which
// weights are dropped.
#pragma once
#include "../../ops/math.h"
#include "../../ops/rows/attention.h"
#include "../random_stream.h"
#include "../wg/math.h"
#include "tile.cuh"

namespace wg::cuda::flash {

/// What scores are measured in: where 2^x is an instruction, in binary orders of magnitude.
template <class T>
inline constexpr T kUnit = T(1);
template <>
inline constexpr float kUnit<float> = 1.44269504f;
WG_DEV float power(float x) { return fastExp2(x); }
WG_DEV double power(double x) { return math::exp(x); }

/// Positions [from, to).
struct Span {
  int from, to;
};

/// Queries and keys at most: positions and the sum of two fit in 32 bits.
inline constexpr int64_t kMostRows = (1 << 30) - 1024;

/// Computed in T, of a mask and slopes of S.
template <class T, class S = T>
struct Scores {
  T scale;
  int queries, keys, heads;
  int left, right;   ///< kMostRows and more: no bound
  const void* mask;  ///< or null
  bool maskIsBool;
  int64_t maskStride[4];
  const S* slopes;  ///< or null
  int64_t slopeStride;
  Generator draws;
  T dropout;  ///< 0: nothing is dropped

  WG_DEV bool sees(int query, int key) const {
    return static_cast<unsigned>(key - query + left) <=
               static_cast<unsigned>(left) + static_cast<unsigned>(right) &&
           query < queries && key < keys;
  }
  /// Whether every query of [query, lastQuery] sees all of [key, lastKey], and nothing is added.
  WG_DEV bool plain(int query, int lastQuery, int key, int lastKey) const {
    return key >= lastQuery - left && lastKey <= query + right && lastQuery < queries && lastKey < keys &&
           mask == nullptr && slopes == nullptr;
  }
  /// Keys that some of queries [first, last] see.
  WG_DEV Span keysOf(int first, int last) const {
    return {first < left ? 0 : first - left, smaller(last + right, keys - 1) + 1};
  }
  /// Queries that see some of keys [first, last].
  WG_DEV Span queriesOf(int first, int last) const {
    return {first < right ? 0 : first - right, smaller(last + left, queries - 1) + 1};
  }

  /// The score, in kUnit, of a query that sees the key.
  WG_DEV T score(T dot, int b, int h, int query, int key) const {
    T x = dot * (scale * kUnit<T>);
    if (mask != nullptr) {
      const int64_t at = b * maskStride[0] + h * maskStride[1] + query * maskStride[2] + key * maskStride[3];
      if (maskIsBool) x += static_cast<const uint8_t*>(mask)[at] != 0 ? T(0) : -Format<T>::kInf;
      else x += widen(static_cast<const S*>(mask)[at]) * kUnit<T>;
    }
    if (slopes != nullptr)
      x -=
          widen(slopes[h * slopeStride]) * kUnit<T> * static_cast<T>(query > key ? query - key : key - query);
    return x;
  }
};

/// Which of a thread's weights dropout keeps: a bit for each.
template <class Tile>
class Kept {
  using T = typename Tile::T;
  static constexpr int kCount = Tile::kRows * Tile::kWeights, kWords = ceilDiv(kCount, 32);
  uint32_t bits_[kWords];

 public:
  /// Draws what the op dropout draws. Kept rows are queries, or keys.
  template <bool queriesKept, class S>
  WG_DEV void draw(const Scores<T, S>& scores, int b, int h, int kept0, int passing0) {
    constexpr uint64_t kEach = sizeof(T) == 4 ? 4 : 2;  // weights of a block of draws
    const uint64_t head =
        static_cast<uint64_t>(b) * static_cast<uint64_t>(scores.heads) + static_cast<uint64_t>(h);
    WG_UNROLL
    for (int word = 0; word < kWords; word++) {
      uint32_t bits = 0, d[4] = {};
      uint64_t drawn = ~uint64_t{0};
      // Rolled up: this is a rare and long path, and the registers are full.
      WG_ROLLED
      for (int x = 32 * word; x < smaller(32 * word + 32, kCount); x++) {
        const int kept = kept0 + Tile::row(x / Tile::kWeights),
                  passing = passing0 + Tile::weight(x % Tile::kWeights);
        const int query = queriesKept ? kept : passing, key = queriesKept ? passing : kept;
        const uint64_t row = head * static_cast<uint64_t>(scores.queries) + static_cast<uint64_t>(query);
        const uint64_t index = row * static_cast<uint64_t>(scores.keys) + static_cast<uint64_t>(key);
        if (index / kEach != drawn) scores.draws.draw(drawn = index / kEach, d);
        T number = unit<T>(d, 0);
        WG_UNROLL
        for (int e = 1; e < static_cast<int>(kEach); e++)
          if (index % kEach == static_cast<uint64_t>(e)) number = unit<T>(d, e);
        bits |= static_cast<uint32_t>(number >= scores.dropout) << (x % 32);
      }
      bits_[word] = bits;
    }
  }
  WG_DEV void all() {
    WG_UNROLL
    for (int word = 0; word < kWords; word++) bits_[word] = ~uint32_t{0};
  }
  WG_DEV bool has(int i, int c) const {
    const int x = i * Tile::kWeights + c;
    return bits_[x / 32] >> (x % 32) & 1;
  }
};

/// Combines the values of the lanes that share a row.
template <class Tile, class F>
WG_DEV typename Tile::T overRow(typename Tile::T x, F combine) {
  WG_UNROLL
  for (int distance = 1; distance < Tile::kSharing; distance *= 2) x = combine(x, shuffleXor(x, distance));
  return x;
}

// ---- host -----------------------------------------------------------------------------------------------

template <class T, class S>
Scores<T, S> scoresOf(const View& q, const View& k, const View& mask, const View& slopes, const View& used,
                      const AttentionParams& p) {
  Scores<T, S> s{};
  s.scale = static_cast<T>(p.scale);
  s.queries = static_cast<int>(q.shape[2]);
  s.keys = static_cast<int>(k.shape[2]);
  s.heads = static_cast<int>(q.shape[1]);
  const auto bound = [](int32_t x) { return static_cast<int>(x < 0 ? kMostRows : minOf(x, kMostRows)); };
  s.left = bound(p.left);
  s.right = bound(p.right);
  if (mask.data) {
    s.mask = mask.data;
    s.maskIsBool = mask.dtype == DType::boolean;
    for (int a = 0; a < 4; a++) s.maskStride[a] = mask.stride[a];
  }
  if (slopes.data) {
    s.slopes = static_cast<const S*>(slopes.data);
    s.slopeStride = slopes.stride[0];
  }
  if (used.data) {
    s.draws = generatorOf(used);
    s.dropout = static_cast<T>(p.dropout);
  }
  return s;
}

template <class T>
Matrices<T> matricesOf(const View& v) {
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

/// f.template operator()<S>() for the operands' element type.
template <class F>
void withElement(Stream& s, DType dtype, const char* op, F&& f) {
  if (dtype == DType::f16) f.template operator()<F16>();
  else if (dtype == DType::bf16) f.template operator()<Bf16>();
  else withFloat(s, dtype, op, f);
}
template <class S>
using ComputedIn = std::conditional_t<sizeof(S) == 2, float, S>;

inline bool countable(Stream& s, const View& q, const View& k) {
  if (q.shape[2] <= kMostRows && k.shape[2] <= kMostRows) return true;
  fail(s, Code::unsupported,
       "attention: more than 2^30 - 1024 queries or keys are not supported on "
       "CUDA");
  return false;
}

}  // namespace wg::cuda::flash
