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

template <class T>
struct Backward {
  Scores<T> scores;
  int64_t batch, keyHeads, group, depth, width, parts;
  const View &q, &k, &v, &lse, &dout, &dk, &dv;
  T* delta;    ///< [B, H, S]: sum of dout * out, less the gradient of lse
  T* partial;  ///< [B * keyHeads, parts, group, S, D]

  /// One row of a block: scores become weights (after dropout), the gradient of weights that of scores.
  void row(T* weights, T* slopes, int64_t b, int64_t h, int64_t i, int64_t j0, int64_t n, T log,
           T shift) const {
    int64_t first, last;
    scores.visible(i, j0, n, first, last);
    if (log == -Format<T>::kInf) last = first = 0;  // nothing took part
    for (int64_t x = 0; x < first; ++x) weights[x] = slopes[x] = T(0);
    for (int64_t x = last; x < n; ++x) weights[x] = slopes[x] = T(0);
    if (first >= last) return;
    alignas(64) T stage[kKeyBlock];
    const int64_t count = last - first;
    T *const w = weights + first, *const g = slopes + first;
    const Vec<T> factor(scores.scale), top(log), less(shift);
    const T* bias = scores.bias(b, h, i, j0 + first, count, stage);
    if (bias)
      simd::mapBlock(w, w, bias, count,
                     [=](Vec<T> x, Vec<T> y) { return math::exp((x * factor + y) - top); });
    else simd::mapBlock(w, w, w, count, [=](Vec<T> x, Vec<T>) { return math::exp(x * factor - top); });
    if (scores.dropout > T(0)) {
      scores.factors(b, h, i, j0 + first, count, stage);
      simd::mapBlock(g, g, stage, count, [](Vec<T> x, Vec<T> f) { return x * f; });
      simd::mapBlock(g, w, g, count, [=](Vec<T> x, Vec<T> y) { return x * (y - less) * factor; });
      simd::mapBlock(w, w, stage, count, [](Vec<T> x, Vec<T> f) { return x * f; });
    } else {
      simd::mapBlock(g, w, g, count, [=](Vec<T> x, Vec<T> y) { return x * (y - less) * factor; });
    }
  }

  void run(int64_t head, int64_t part, char* memory) const {
    constexpr int64_t kPitch = kTilePitch<T>;
    const int64_t b = head / keyHeads, kh = head % keyHeads, heads = keyHeads * group;
    T* const packing = reinterpret_cast<T*>(memory);
    T* const weights = reinterpret_cast<T*>(memory + kTileStart);
    T* const slopes = weights + kQueryBlock * kPitch;
    T* const turnedKeys = slopes + kQueryBlock * kPitch;
    T* const turnedValues = turnedKeys + depth * kPitch;
    // One vector behind the end, because packing may write that far.
    const int64_t needed = (2 * kQueryBlock + depth + width) * kPitch * static_cast<int64_t>(sizeof(T)) + 64;
    const bool turned = needed <= kTileBytes;
    const Matrix<const T> keys = matrixOf<const T>(k, b, kh), values = matrixOf<const T>(v, b, kh);
    const Matrix<T> allDk = matrixOf<T>(dk, b, kh), allDv = matrixOf<T>(dv, b, kh);
    T* const dqs = partial + (head * parts + part) * group * scores.queries * depth;
    for (int64_t x = 0; x < group * scores.queries * depth; ++x) dqs[x] = T(0);
    for (int64_t j0 = part * kKeyBlock; j0 < scores.keys; j0 += parts * kKeyBlock) {
      const int64_t n = minOf(kKeyBlock, scores.keys - j0);
      const Matrix<T> dKeys{allDk.data + j0 * allDk.row, allDk.row, allDk.col};
      const Matrix<T> dValues{allDv.data + j0 * allDv.row, allDv.row, allDv.col};
      clear(dKeys, n, depth);
      clear(dValues, n, width);
      const Matrix<const T> keyBlock = from(keys, j0), valueBlock = from(values, j0);
      Matrix<const T> keysTurned = flipped(keyBlock), valuesTurned = flipped(valueBlock);
      if (turned) {
        const int lines = static_cast<int>(n), pitch = static_cast<int>(kPitch);
        packPanel(turnedKeys, pitch, lines, depth, keyBlock.data, keyBlock.row, keyBlock.col);
        packPanel(turnedValues, pitch, lines, width, valueBlock.data, valueBlock.row, valueBlock.col);
        keysTurned = {turnedKeys, kPitch, 1};
        valuesTurned = {turnedValues, kPitch, 1};
      }
      const Matrix<T> w{weights, kPitch, 1}, g{slopes, kPitch, 1};
      for (int64_t each = 0; each < group; ++each) {
        const int64_t h = kh * group + each;
        const Matrix<const T> queries = matrixOf<const T>(q, b, h), dOuts = matrixOf<const T>(dout, b, h);
        const T* const logs = static_cast<const T*>(lse.data) + b * lse.stride[0] + h * lse.stride[1];
        const T* const deltas = delta + (b * heads + h) * scores.queries;
        T* const dq = dqs + each * scores.queries * depth;
        for (int64_t i0 = 0; i0 < scores.queries; i0 += kQueryBlock) {
          const int64_t rows = minOf(kQueryBlock, scores.queries - i0);
          if (!scores.meets(i0, rows, j0, n)) continue;
          product<T>(rows, n, depth, from(queries, i0), keysTurned, w, false, packing);
          product<T>(rows, n, width, from(dOuts, i0), valuesTurned, g, false, packing);
          for (int64_t r = 0; r < rows; ++r)
            row(weights + r * kPitch, slopes + r * kPitch, b, h, i0 + r, j0, n,
                logs[(i0 + r) * lse.stride[2]], deltas[i0 + r]);
          product<T>(n, width, rows, flipped(reading(w)), from(dOuts, i0), dValues, true, packing);
          product<T>(n, depth, rows, flipped(reading(g)), from(queries, i0), dKeys, true, packing);
          product<T>(rows, depth, n, reading(g), keyBlock, {dq + i0 * depth, depth, 1}, true, packing);
        }
      }
    }
  }

  static void clear(Matrix<T> m, int64_t rows, int64_t cols) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t x = 0; x < cols; ++x) m.data[r * m.row + x * m.col] = T(0);
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
  return static_cast<size_t>((deltaSize(q) + numel(q) * parts) * itemBytes(q.dtype));
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
      for (int64_t i = i0; i < minOf(i0 + kRowsPerChunk, rows); ++i) {
        double sum = 0;
        for (int64_t x = 0; x < width; ++x)
          sum += static_cast<double>(y.data[i * y.row + x * y.col]) *
                 static_cast<double>(dy.data[i * dy.row + x * dy.col]);
        delta[head * rows + i] = static_cast<T>(sum - static_cast<double>(shift[i * dlse.stride[2]]));
      }
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
                               dk,
                               dv,
                               delta,
                               partial};
    forChunks(s, keyed * parts, work, [&](int64_t c) {
      char* const memory = static_cast<char*>(workerScratch());
      if (!memory) return fail(s, Code::outOfMemory, "attentionGrad: no memory for its tiles");
      backward.run(c / parts, c % parts, memory);
    });
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
