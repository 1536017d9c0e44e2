// Scaled dot-product attention by blocks with an online softmax (Dao, Fu, Ermon, Rudra and Re 2022): a chunk
// owns a block of query rows, walks the keys once and keeps the running maximum and sum of each row.
#include "attention.h"

WG_PROTOTYPES(WG_ATTENTION_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

constexpr int64_t kRowsPerChunk = kQueryBlock;  // keys are turned once for each chunk

template <class T>
void scaleRow(T* p, int64_t step, int64_t n, T factor) {
  if (step == 1) return simd::mapBlock(p, p, p, n, [factor](Vec<T> x, Vec<T>) { return x * Vec<T>(factor); });
  for (int64_t i = 0; i < n; ++i) p[i * step] *= factor;
}

template <class T>
struct Forward {
  Scores<T> scores;
  int64_t depth, width, group;
  const View &q, &k, &v, &out, &lse;

  /// row = row * scale + bias where it is seen and -inf in the rest of its registers; its largest value, NaN
  /// if that is all there is.
  T finish(T* row, const T* bias, const Seen<T>& seen) const {
    const Vec<T> factor(scores.scale);
    Vec<T> best(-Format<T>::kInf);
    for (int64_t x = seen.start; x < seen.stop; x += Vec<T>::kLanes) {
      Vec<T> score = simd::load<Vec<T>>(row + x) * factor;
      if (bias) score = score + seen.read(bias, x);
      score = seen.keep(score, x, -Format<T>::kInf);
      store(row + x, score);
      best = maxNum(score, best);
    }
    const T top = simd::foldRegister(best, [](Vec<T> a, Vec<T> b) { return maxNum(a, b); });
    if (top == -Format<T>::kInf)
      for (int64_t x = seen.first; x < seen.last; ++x)
        if (row[x] != row[x]) return row[x];
    return top;
  }

  /// Turns a row's scores into exp(score - top) and gives by how much what was summed before shrinks.
  T weigh(T* row, int64_t b, int64_t h, int64_t i, int64_t j0, const Seen<T>& seen, T& top,
          double& sum) const {
    if (seen.first >= seen.last) {
      clearLanes(row, seen.start, seen.stop);
      return T(1);
    }
    alignas(64) T stage[kKeyBlock];
    const int64_t count = seen.last - seen.first;
    const T* bias = scores.bias(b, h, i, j0 + seen.first, count, stage);
    const T block = finish(row, bias, seen), before = top;
    top = block > before || block != block ? block : before;
    if (top == -Format<T>::kInf) {  // nothing takes part so far
      clearLanes(row, seen.start, seen.stop);
      return T(1);
    }
    T shrink = T(1);
    if (before == -Format<T>::kInf) shrink = T(0);
    else if (before != top) shrink = math::exp(Vec<T>(before - top)).raw[0];
    T* const from = row + seen.start;
    sum = sum * static_cast<double>(shrink) + simd::sumExp<true>(from, seen.stop - seen.start, top, from);
    if (scores.dropout > T(0)) {
      scores.factors(b, h, i, j0 + seen.first, count, stage);
      T* const weights = row + seen.first;
      simd::mapBlock(weights, weights, stage, count, [](Vec<T> x, Vec<T> f) { return x * f; });
    }
    return shrink;
  }

  void run(int64_t b, int64_t h, int64_t i0, int64_t rows, char* memory) const {
    constexpr int64_t kPitch = kTilePitch<T>;
    T* const packing = reinterpret_cast<T*>(memory);
    T* const tile = reinterpret_cast<T*>(memory + kTileStart);
    T* const turnedKeys = tile + kRowsPerChunk * kPitch;
    // One vector behind the end, because packing may write that far.
    const bool fits = (kRowsPerChunk + depth) * kPitch * static_cast<int64_t>(sizeof(T)) + 64 <= kTileBytes;
    const int64_t strip = fits ? kQueryStrip : kRowsPerChunk;
    const Matrix<const T> queries = matrixOf<const T>(q, b, h), keys = matrixOf<const T>(k, b, h / group),
                          values = matrixOf<const T>(v, b, h / group);
    const Matrix<T> all = matrixOf<T>(out, b, h);
    const Matrix<T> result{all.data + i0 * all.row, all.row, all.col};
    T top[kRowsPerChunk];
    double sum[kRowsPerChunk];
    bool begun[kRowsPerChunk] = {};  // by strip
    for (int64_t r = 0; r < rows; ++r) {
      top[r] = -Format<T>::kInf;
      sum[r] = 0;
    }
    for (int64_t j0 = 0; j0 < scores.keys; j0 += kKeyBlock) {
      const int64_t n = minOf(kKeyBlock, scores.keys - j0);
      if (!scores.meets(i0, rows, j0, n)) continue;
      const Matrix<const T> keysTurned = turned(turnedKeys, fits, from(keys, j0), n, depth);
      for (int64_t r0 = 0; r0 < rows; r0 += strip) {
        const int64_t lines = minOf(strip, rows - r0);
        int64_t first, last;
        scores.visible(i0 + r0, lines, j0, n, first, last);
        if (first >= last) continue;
        const Seen<T> wide(first, last);
        const Matrix<T> results{result.data + r0 * result.row, result.row, result.col};
        product<T>(lines, fits ? wide.stop - wide.start : last - wide.start, depth, from(queries, i0 + r0),
                   column(keysTurned, wide.start), {tile + wide.start, kPitch, 1}, false, packing);
        for (int64_t r = 0; r < lines; ++r) {
          T* const row = tile + r * kPitch;
          scores.visible(i0 + r0 + r, j0, n, first, last);
          const Seen<T> seen(first, last);
          clearLanes(row, wide.start, seen.start);
          clearLanes(row, seen.stop, wide.stop);
          const T shrink = weigh(row, b, h, i0 + r0 + r, j0, seen, top[r0 + r], sum[r0 + r]);
          if (begun[r0 / strip] && shrink != T(1))
            scaleRow(results.data + r * results.row, results.col, width, shrink);
        }
        product<T>(lines, width, wide.last - wide.start, {tile + wide.start, kPitch, 1},
                   from(values, j0 + wide.start), results, begun[r0 / strip], packing);
        begun[r0 / strip] = true;
      }
    }
    for (int64_t r0 = 0; r0 < rows; r0 += strip)
      if (!begun[r0 / strip])
        clear<T>({result.data + r0 * result.row, result.row, result.col}, minOf(strip, rows - r0), width);
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
