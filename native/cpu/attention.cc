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

  /// What a strip's scores are and were, by row.
  struct Strip {
    int64_t b, h, i0, j0, n, lines;  ///< queries [i0, i0 + lines), keys [j0, j0 + n)
    T* tile;
    T* top;       ///< largest score so far
    double* sum;  ///< of exp(score - top) so far
    T* shrink;    ///< by how much what was summed before does

    T* row(int64_t r) const { return tile + r * kTilePitch<T>; }
  };
  Seen<T> seenIn(const Strip& at, int64_t r) const {
    int64_t first, last;
    scores.visible(at.i0 + r, at.j0, at.n, first, last);
    return Seen<T>(first, last);
  }

  /// Turns a strip's scores into exp(score - top). Maxima of all rows first: to fold a register takes longer
  /// than to fill the next row's.
  void weigh(const Strip& at, const Seen<T>& wide) const {
    alignas(64) T stage[kKeyBlock];
    for (int64_t r = 0; r < at.lines; ++r) {
      T* const row = at.row(r);
      const Seen<T> seen = seenIn(at, r);
      clearLanes(row, wide.start, seen.start);
      clearLanes(row, seen.stop, wide.stop);
      const T before = at.top[r];
      T block = -Format<T>::kInf;
      if (seen.any())
        block =
            finish(row, scores.bias(at.b, at.h, at.i0 + r, at.j0 + seen.first, seen.count(), stage), seen);
      const T top = block > before || block != block ? block : before;
      at.top[r] = top;
      at.shrink[r] = T(1);
      if (!seen.any() || top == -Format<T>::kInf) clearLanes(row, seen.start, seen.stop);
      else if (before == -Format<T>::kInf) at.shrink[r] = T(0);
      else if (before != top) at.shrink[r] = math::exp(Vec<T>(before - top)).raw[0];
    }
    for (int64_t r = 0; r < at.lines; ++r) {
      const Seen<T> seen = seenIn(at, r);
      if (!seen.any() || at.top[r] == -Format<T>::kInf) continue;  // nothing takes part so far
      T* const from = at.row(r) + seen.start;
      at.sum[r] = at.sum[r] * static_cast<double>(at.shrink[r]) +
                  simd::sumExp<true>(from, seen.stop - seen.start, at.top[r], from);
      if (scores.dropout == T(0)) continue;
      scores.factors(at.b, at.h, at.i0 + r, at.j0 + seen.first, seen.count(), stage);
      T* const weights = at.row(r) + seen.first;
      simd::mapBlock(weights, weights, stage, seen.count(), [](Vec<T> x, Vec<T> f) { return x * f; });
    }
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
    constexpr int64_t kSums = kRowsPerChunk + Vec<double>::kLanes;  // as logsOf asks
    T top[kRowsPerChunk], shrink[kRowsPerChunk];
    alignas(64) double sum[kSums], logSum[kSums];
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
                   column(keysTurned, wide.start), {tile + wide.start, kPitch, 1}, false, fits, packing);
        weigh({b, h, i0 + r0, j0, n, lines, tile, top + r0, sum + r0, shrink + r0}, wide);
        for (int64_t r = 0; begun[r0 / strip] && r < lines; ++r)
          if (shrink[r0 + r] != T(1))
            scaleRow(results.data + r * results.row, results.col, width, shrink[r0 + r]);
        product<T>(lines, width, wide.last - wide.start, {tile + wide.start, kPitch, 1},
                   from(values, j0 + wide.start), results, begun[r0 / strip], false, packing);
        begun[r0 / strip] = true;
      }
    }
    for (int64_t r0 = 0; r0 < rows; r0 += strip)
      if (!begun[r0 / strip])
        clear<T>({result.data + r0 * result.row, result.row, result.col}, minOf(strip, rows - r0), width);
    T* const logs = static_cast<T*>(lse.data) + b * lse.stride[0] + h * lse.stride[1] + i0 * lse.stride[2];
    for (int64_t r = 0; r < kSums; ++r) logSum[r] = r < rows ? sum[r] : 1;
    simd::logsOf(logSum, rows);
    for (int64_t r = 0; r < rows; ++r) {
      const bool none = top[r] == -Format<T>::kInf;
      logs[r * lse.stride[2]] = none ? top[r] : top[r] + static_cast<T>(logSum[r]);
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
