// Scaled dot-product attention by blocks with an online softmax (Dao, Fu, Ermon, Rudra and Re 2022): a chunk
// owns a block of query rows, walks the keys once and keeps the running maximum and sum of each row.
#include "attention.h"

WG_PROTOTYPES(WG_ATTENTION_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

constexpr int64_t kRowsPerChunk = 2 * kQueryBlock;  // keys are packed once for each chunk

template <class T>
void scaleRow(T* p, int64_t step, int64_t n, T factor) {
  if (step == 1) return simd::mapBlock(p, p, p, n, [factor](Vec<T> x, Vec<T>) { return x * Vec<T>(factor); });
  for (int64_t i = 0; i < n; ++i) p[i * step] *= factor;
}

/// row = row * scale + bias, and its largest value.
template <class T>
T finishScores(T* row, const T* bias, int64_t n, T scale) {
  const Vec<T> factor(scale);
  if (bias) simd::mapBlock(row, row, bias, n, [factor](Vec<T> x, Vec<T> b) { return x * factor + b; });
  else simd::mapBlock(row, row, row, n, [factor](Vec<T> x, Vec<T>) { return x * factor; });
  simd::ExtremeState<T, true> state;
  state.add(row, n);
  return state.value();
}

template <class T>
struct Forward {
  Scores<T> scores;
  int64_t depth, width, group;
  const View &q, &k, &v, &out, &lse;

  /// Turns a row's scores into exp(score - top) and gives by how much what was summed before shrinks.
  T weigh(T* row, int64_t b, int64_t h, int64_t i, int64_t j0, int64_t n, T& top, double& sum) const {
    int64_t first, last;
    scores.visible(i, j0, n, first, last);
    for (int64_t x = 0; x < first; ++x) row[x] = T(0);
    for (int64_t x = last; x < n; ++x) row[x] = T(0);
    if (first >= last) return T(1);
    alignas(64) T stage[kKeyBlock];
    T* const seen = row + first;
    const int64_t count = last - first;
    const T* bias = scores.bias(b, h, i, j0 + first, count, stage);
    const T block = finishScores(seen, bias, count, scores.scale);
    const T before = top;
    top = block > before || block != block ? block : before;
    if (top == -Format<T>::kInf) {  // nothing takes part so far
      for (int64_t x = 0; x < count; ++x) seen[x] = T(0);
      return T(1);
    }
    const T shrink = before == top ? T(1) : math::exp(Vec<T>(before - top)).raw[0];
    sum = sum * static_cast<double>(shrink) + simd::sumExp<true>(seen, count, top, seen);
    if (scores.dropout > T(0)) {
      scores.factors(b, h, i, j0 + first, count, stage);
      simd::mapBlock(seen, seen, stage, count, [](Vec<T> x, Vec<T> f) { return x * f; });
    }
    return shrink;
  }

  void run(int64_t b, int64_t h, int64_t i0, int64_t rows, char* memory) const {
    T* const packing = reinterpret_cast<T*>(memory);
    T* const tile = reinterpret_cast<T*>(memory + kTileStart);
    const Matrix<const T> queries = matrixOf<const T>(q, b, h), keys = matrixOf<const T>(k, b, h / group),
                          values = matrixOf<const T>(v, b, h / group);
    const Matrix<T> all = matrixOf<T>(out, b, h);
    const Matrix<T> result{all.data + i0 * all.row, all.row, all.col};
    T top[kRowsPerChunk];
    double sum[kRowsPerChunk];
    for (int64_t r = 0; r < rows; ++r) {
      top[r] = -Format<T>::kInf;
      sum[r] = 0;
      for (int64_t x = 0; x < width; ++x) result.data[r * result.row + x * result.col] = T(0);
    }
    for (int64_t j0 = 0; j0 < scores.keys; j0 += kKeyBlock) {
      const int64_t n = minOf(kKeyBlock, scores.keys - j0);
      if (!scores.meets(i0, rows, j0, n)) continue;
      product<T>(rows, n, depth, from(queries, i0), flipped(from(keys, j0)), {tile, kTilePitch<T>, 1}, false,
                 packing);
      for (int64_t r = 0; r < rows; ++r) {
        const T shrink = weigh(tile + r * kTilePitch<T>, b, h, i0 + r, j0, n, top[r], sum[r]);
        if (shrink != T(1)) scaleRow(result.data + r * result.row, result.col, width, shrink);
      }
      product<T>(rows, width, n, {tile, kTilePitch<T>, 1}, from(values, j0), result, true, packing);
    }
    T* const logs = static_cast<T*>(lse.data) + b * lse.stride[0] + h * lse.stride[1] + i0 * lse.stride[2];
    for (int64_t r = 0; r < rows; ++r) {
      const bool none = top[r] == -Format<T>::kInf;
      logs[r * lse.stride[2]] = none ? top[r] : top[r] + static_cast<T>(simd::logOf(sum[r]));
      if (!none) scaleRow(result.data + r * result.row, result.col, width, static_cast<T>(1.0 / sum[r]));
    }
  }
};

}  // namespace

void attention(Stream& s, const Out& out, const Out& lse, const In& q, const In& k, const In& v,
               const MaybeIn& mask, const MaybeIn& slopes, const MaybeIn& used, const AttentionParams& p) {
  if (!attentionFits(s, q, k, v, mask, slopes, used)) return;
  const int64_t batch = q.shape[0], heads = q.shape[1], rows = q.shape[2], width = v.shape[3];
  if (!attentionResultsFit(s, out, lse, q, v)) return;
  const int64_t perHead = ceilDiv(rows, kRowsPerChunk), chunks = batch * heads * perHead;
  if (chunks == 0) return;
  const double work = static_cast<double>(batch * heads * rows) *
                      static_cast<double>(k.shape[2] * (q.shape[3] + width + 8) + 8);
  withFloat(s, q.dtype, "attention", [&]<class T>() {
    const Forward<T> forward{
        scoresOf<T>(q, k, mask, slopes, used, p), q.shape[3], width, heads / k.shape[1], q, k, v, out, lse};
    forChunks(s, chunks, work, [&](int64_t c) {
      char* const memory = static_cast<char*>(workerScratch());
      if (!memory) return fail(s, Code::outOfMemory, "attention: no memory for its tiles");
      const int64_t head = c / perHead, i0 = c % perHead * kRowsPerChunk;
      forward.run(head / heads, head % heads, i0, minOf(kRowsPerChunk, rows - i0), memory);
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
