// The gradient of attention (Dao 2023, algorithm 2): a chunk owns some blocks of keys of one key head, makes
// the weights again from the log-sum-exp of each row, and adds up dk and dv in place. Few heads share the
// keys between several chunks; each chunk then has its own part of dq, and parts are added in chunk order.
#include "attention.h"

WG_PROTOTYPES(WG_ATTENTION_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

constexpr int64_t kWantedChunks = 8;
constexpr int64_t kRowsPerChunk = 256;  // of the passes over rows of dq

/// How many chunks share the keys of one head. With S x D elements each, their parts of dq are all the memory
/// the gradient takes.
int64_t partsOf(int64_t heads, int64_t keys) {
  if (heads <= 0 || heads >= kWantedChunks) return 1;
  return maxOf(minOf(ceilDiv(keys, kKeyBlock), ceilDiv(kWantedChunks, heads)), 1);
}

/// The scalar product of the first rows of two matrices.
template <class T>
double rowProduct(Matrix<const T> a, Matrix<const T> b, int64_t n) {
  double sum = 0;
  int64_t x = 0;
  if (a.col == 1 && b.col == 1) {
    Vec<T> lanes(T(0));
    for (; x + Vec<T>::kLanes <= n; x += Vec<T>::kLanes)
      lanes = lanes + simd::load<Vec<T>>(a.data + x) * simd::load<Vec<T>>(b.data + x);
    sum = addLanes(lanes);
  }
  for (; x < n; ++x) sum += static_cast<double>(a.data[x * a.col]) * static_cast<double>(b.data[x * b.col]);
  return sum;
}

template <class T>
struct Backward {
  Scores<T> scores;
  int64_t batch, keyHeads, group, depth, width, parts;
  const View &q, &k, &v, &lse, &dout, &dq, &dk, &dv;
  T* delta;    ///< [B, H, S]: sum of dout * out, less the gradient of lse
  T* partial;  ///< [B * keyHeads, parts, group, S, D]; unused if there is one part

  /// Keys of one head and the tiles of one block of queries.
  struct Block {
    int64_t b, h, i0, rows, j0, n;
    Matrix<const T> queries, dOuts, keys, keysTurned, valuesTurned;
    Matrix<T> dq;
    T *weights, *slopes, *packing;
    bool fits;
    bool begins;  ///< nothing was added to dq yet

    Matrix<T> dqFrom(int64_t i) const { return {dq.data + i * dq.row, dq.row, dq.col}; }
  };

  /// One row of a block: scores become weights (after dropout), the gradient of weights that of scores.
  void row(T* weights, T* slopes, const Block& at, int64_t i, const Seen<T>& seen, T log, T shift) const {
    if (seen.first >= seen.last || log == -Format<T>::kInf) {  // nothing took part
      clearLanes(weights, seen.start, seen.stop);
      return clearLanes(slopes, seen.start, seen.stop);
    }
    alignas(64) T stage[kKeyBlock], kept[kKeyBlock];
    const int64_t count = seen.last - seen.first, j = at.j0 + seen.first;
    const bool drops = scores.dropout > T(0);
    const T* const bias = scores.bias(at.b, at.h, i, j, count, stage);
    if (drops) scores.factors(at.b, at.h, i, j, count, kept);
    const Vec<T> factor(scores.scale), top(log), less(shift);
    for (int64_t x = seen.start; x < seen.stop; x += Vec<T>::kLanes) {
      Vec<T> score = simd::load<Vec<T>>(weights + x) * factor, slope = simd::load<Vec<T>>(slopes + x);
      if (bias) score = score + seen.read(bias, x);
      Vec<T> weight = math::exp(score - top), given = weight;
      if (drops) {
        const Vec<T> f = seen.read(kept, x);
        slope = slope * f;
        given = weight * f;
      }
      store(slopes + x, seen.keep(weight * (slope - less) * factor, x, T(0)));
      store(weights + x, seen.keep(given, x, T(0)));
    }
  }

  /// Weights and gradients of scores of the block, by strips of queries, and what they give dq. Each strip's
  /// are whole strips of keys wide.
  void scoreStrips(const Block& at, int64_t strip, int64_t keyStrip) const {
    constexpr int64_t kPitch = kTilePitch<T>;
    const T* const logs = static_cast<const T*>(lse.data) + at.b * lse.stride[0] + at.h * lse.stride[1];
    const T* const deltas = delta + (at.b * keyHeads * group + at.h) * scores.queries;
    for (int64_t r0 = 0; r0 < at.rows; r0 += strip) {
      const int64_t lines = minOf(strip, at.rows - r0), i0 = at.i0 + r0;
      int64_t first, last;
      scores.visible(i0, lines, at.j0, at.n, first, last);
      if (first >= last) {
        if (at.begins) clear(at.dqFrom(r0), lines, depth);
        continue;
      }
      const Seen<T> wide(first, last);
      const int64_t columns = (at.fits ? wide.stop : last) - wide.start;
      const int64_t from = wide.start / keyStrip * keyStrip, to = ceilDiv(last, keyStrip) * keyStrip;
      T *const weights = at.weights + r0 * kPitch, *const slopes = at.slopes + r0 * kPitch;
      product<T>(lines, columns, depth, wg::cpu::from(at.queries, r0), column(at.keysTurned, wide.start),
                 {weights + wide.start, kPitch, 1}, false, at.fits, at.packing);
      product<T>(lines, columns, width, wg::cpu::from(at.dOuts, r0), column(at.valuesTurned, wide.start),
                 {slopes + wide.start, kPitch, 1}, false, at.fits, at.packing);
      for (int64_t r = 0; r < lines; ++r) {
        T *const w = weights + r * kPitch, *const g = slopes + r * kPitch;
        int64_t own, end;
        scores.visible(i0 + r, at.j0, at.n, own, end);
        const Seen<T> seen(own, end);
        clearLanes(w, from, seen.start);
        clearLanes(w, seen.stop, to);
        clearLanes(g, from, seen.start);
        clearLanes(g, seen.stop, to);
        row(w, g, at, i0 + r, seen, logs[(i0 + r) * lse.stride[2]], deltas[i0 + r]);
      }
      product<T>(lines, depth, last - wide.start, {slopes + wide.start, kPitch, 1},
                 wg::cpu::from(at.keys, wide.start), at.dqFrom(r0), !at.begins, false, at.packing);
    }
  }

  /// Adds what the block's queries give a strip of keys and values; false if none of them sees it.
  bool keyStrip(const Block& at, int64_t j, int64_t n, int64_t strip, Matrix<T> dKeys, Matrix<T> dValues,
                bool accumulate) const {
    constexpr int64_t kPitch = kTilePitch<T>;
    int64_t begin = at.rows, end = 0;
    for (int64_t r0 = 0; r0 < at.rows; r0 += strip) {
      const int64_t lines = minOf(strip, at.rows - r0);
      int64_t first, last;
      scores.visible(at.i0 + r0, lines, at.j0, at.n, first, last);
      if (first >= last || first >= j + n || last <= j) continue;
      begin = minOf(begin, r0);
      end = r0 + lines;
    }
    if (begin >= end) return false;
    const T *const w = at.weights + begin * kPitch + j, *const g = at.slopes + begin * kPitch + j;
    product<T>(n, width, end - begin, {w, 1, kPitch}, wg::cpu::from(at.dOuts, begin), dValues, accumulate,
               false, at.packing);
    product<T>(n, depth, end - begin, {g, 1, kPitch}, wg::cpu::from(at.queries, begin), dKeys, accumulate,
               false, at.packing);
    return true;
  }

  void run(int64_t head, int64_t part, char* memory) const {
    constexpr int64_t kPitch = kTilePitch<T>, kStrips = kKeyBlock / kKeyStrip;
    const int64_t b = head / keyHeads, kh = head % keyHeads;
    T* const weights = reinterpret_cast<T*>(memory + kTileStart);
    T* const slopes = weights + kQueryBlock * kPitch;
    T* const turnedKeys = slopes + kQueryBlock * kPitch;
    T* const turnedValues = turnedKeys + depth * kPitch;
    // One vector behind the end, because packing may write that far.
    const int64_t needed = (2 * kQueryBlock + depth + width) * kPitch * static_cast<int64_t>(sizeof(T)) + 64;
    const bool fits = needed <= kTileBytes;
    const int64_t strip = fits ? kQueryStrip : kQueryBlock, keys = fits ? kKeyStrip : kKeyBlock;
    const Matrix<const T> keyRows = matrixOf<const T>(k, b, kh), valueRows = matrixOf<const T>(v, b, kh);
    const Matrix<T> allDk = matrixOf<T>(dk, b, kh), allDv = matrixOf<T>(dv, b, kh);
    const int64_t first = part * kKeyBlock;
    for (int64_t each = 0; first >= scores.keys && each < group; ++each)
      clear(gradient(b, kh * group + each, part), scores.queries, depth);
    for (int64_t j0 = first; j0 < scores.keys; j0 += parts * kKeyBlock) {
      const int64_t n = minOf(kKeyBlock, scores.keys - j0);
      const Matrix<const T> keyBlock = from(keyRows, j0), valueBlock = from(valueRows, j0);
      Block at{};
      at.b = b;
      at.j0 = j0;
      at.n = n;
      at.keys = keyBlock;
      at.keysTurned = turned(turnedKeys, fits, keyBlock, n, depth);
      at.valuesTurned = turned(turnedValues, fits, valueBlock, n, width);
      at.weights = weights;
      at.slopes = slopes;
      at.packing = reinterpret_cast<T*>(memory);
      at.fits = fits;
      at.begins = j0 == first;
      bool begun[kStrips] = {};
      const auto strips = [&](auto f) {
        for (int64_t j = 0; j < n; j += keys)
          f(j, minOf(keys, n - j), Matrix<T>{allDk.data + (j0 + j) * allDk.row, allDk.row, allDk.col},
            Matrix<T>{allDv.data + (j0 + j) * allDv.row, allDv.row, allDv.col}, begun[j / kKeyStrip]);
      };
      for (int64_t each = 0; each < group; ++each) {
        at.h = kh * group + each;
        const Matrix<T> dqs = gradient(b, at.h, part);
        for (at.i0 = 0; at.i0 < scores.queries; at.i0 += kQueryBlock) {
          at.rows = minOf(kQueryBlock, scores.queries - at.i0);
          at.dq = {dqs.data + at.i0 * dqs.row, dqs.row, dqs.col};
          if (!scores.meets(at.i0, at.rows, j0, n)) {
            if (at.begins) clear(at.dq, at.rows, depth);
            continue;
          }
          at.queries = from(matrixOf<const T>(q, b, at.h), at.i0);
          at.dOuts = from(matrixOf<const T>(dout, b, at.h), at.i0);
          scoreStrips(at, strip, keys);
          strips([&](int64_t j, int64_t count, Matrix<T> dKeys, Matrix<T> dValues, bool& done) {
            if (keyStrip(at, j, count, strip, dKeys, dValues, done)) done = true;
          });
        }
      }
      strips([&](int64_t, int64_t count, Matrix<T> dKeys, Matrix<T> dValues, bool& done) {
        if (done) return;
        clear(dKeys, count, depth);
        clear(dValues, count, width);
      });
    }
  }

  /// Where one part of the gradient of a head's queries is added up.
  Matrix<T> gradient(int64_t b, int64_t h, int64_t part) const {
    if (parts == 1) return matrixOf<T>(dq, b, h);
    const int64_t head = b * keyHeads + h / group;
    return {partial + ((head * parts + part) * group + h % group) * scores.queries * depth, depth, 1};
  }
};

/// Where the parts of dq begin behind the deltas, in elements.
int64_t deltaSize(const View& q) { return ceilDiv(q.shape[0] * q.shape[1] * q.shape[2], 16) * 16; }

}  // namespace

size_t attentionGradWorkspace(const Out&, const Out&, const Out&, const In& q, const In& k, const In&,
                              const In&, const In&, const In&, const In&, const MaybeIn&, const MaybeIn&,
                              const MaybeIn&, const AttentionParams&) {
  if (q.rank != 4 || k.rank != 4) return 0;
  const int64_t parts = partsOf(q.shape[0] * k.shape[1], k.shape[2]);
  return static_cast<size_t>((deltaSize(q) + (parts > 1 ? numel(q) * parts : 0)) * itemBytes(q.dtype));
}

void attentionGrad(Stream& s, const Out& dq, const Out& dk, const Out& dv, const In& q, const In& k,
                   const In& v, const In& out, const In& lse, const In& dout, const In& dlse,
                   const MaybeIn& mask, const MaybeIn& slopes, const MaybeIn& used,
                   const AttentionParams& p) {
  if (!attentionFits(s, q, k, v, mask, slopes, used)) return;
  const int64_t batch = q.shape[0], heads = q.shape[1], rows = q.shape[2], depth = q.shape[3],
                keyHeads = k.shape[1], width = v.shape[3];
  if (!attentionGradientsFit(s, dq, dk, dv, q, k, v, out, lse, dout, dlse)) return;
  const int64_t keyed = batch * keyHeads;
  if (keyed == 0) return;
  const int64_t parts = partsOf(keyed, k.shape[2]), group = heads / keyHeads;
  const size_t needed =
      attentionGradWorkspace(dq, dk, dv, q, k, v, out, lse, dout, dlse, mask, slopes, used, p);
  if (!require(s, s.scratchBytes >= needed, "attentionGrad: the scratch is too small")) return;
  const double work = static_cast<double>(batch * heads * rows) *
                      static_cast<double>(k.shape[2] * 3 * (depth + width + 8) + 8);
  withFloat(s, q.dtype, "attentionGrad", [&]<class T>() {
    T* const delta = static_cast<T*>(s.scratch);
    T* const partial = delta + deltaSize(q);
    const int64_t perHead = ceilDiv(rows, kRowsPerChunk);
    forChunks(s, batch * heads * perHead, work, [&](int64_t c) {
      const int64_t head = c / perHead, b = head / heads, h = head % heads, i0 = c % perHead * kRowsPerChunk;
      const Matrix<const T> y = matrixOf<const T>(out, b, h), dy = matrixOf<const T>(dout, b, h);
      const T* const shift = static_cast<const T*>(dlse.data) + b * dlse.stride[0] + h * dlse.stride[1];
      for (int64_t i = i0; i < minOf(i0 + kRowsPerChunk, rows); ++i)
        delta[head * rows + i] = static_cast<T>(rowProduct(from(y, i), from(dy, i), width) -
                                                static_cast<double>(shift[i * dlse.stride[2]]));
    });
    const Backward<T> backward{scoresOf<T>(q, k, mask, slopes, used, p),
                               batch,
                               keyHeads,
                               group,
                               depth,
                               width,
                               parts,
                               q,
                               k,
                               v,
                               lse,
                               dout,
                               dq,
                               dk,
                               dv,
                               delta,
                               partial};
    forChunks(s, keyed * parts, work, [&](int64_t c) {
      char* const memory = static_cast<char*>(workerScratch());
      if (!memory) return fail(s, Code::outOfMemory, "attentionGrad: no memory for its tiles");
      backward.run(c / parts, c % parts, memory);
    });
    if (parts == 1) return;
    forChunks(s, batch * heads * perHead, work, [&](int64_t c) {
      const int64_t head = c / perHead, b = head / heads, h = head % heads, i0 = c % perHead * kRowsPerChunk;
      const Matrix<T> to = matrixOf<T>(dq, b, h);
      const int64_t first = ((b * keyHeads + h / group) * parts * group + h % group) * rows;
      for (int64_t i = i0; i < minOf(i0 + kRowsPerChunk, rows); ++i) {
        const T* const source = partial + (first + i) * depth;
        T* const target = to.data + i * to.row;
        for (int64_t x = 0; x < depth; ++x) {
          T sum = source[x];
          for (int64_t part = 1; part < parts; ++part) sum += source[part * group * rows * depth + x];
          target[x * to.col] = sum;
        }
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
