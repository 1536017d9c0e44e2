// Cross-entropy, fused: the forward keeps one log-sum-exp per row and no probabilities; the backward makes
// (softmax - onehot) dLoss from it in one sweep.
#include "../ops/rows/loss.h"

#include "exponent_rows.h"
#include "labels.h"

WG_PROTOTYPES(WG_LOSS_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

struct Labels {
  Walk walk;
  DType dtype;
  int64_t classes;
  double ignored;

  /// The label of a row; -1 when ignored, -2 (with the op failed) when no class has that number.
  int64_t at(Stream& s, const char* name, int64_t row) const {
    const int64_t label = indexAt(walk, dtype, row);
    if (static_cast<double>(label) == ignored) return -1;
    if (label >= 0 && label < classes) return label;
    fail(s, Code::index, "%s: label %lld of row %lld is out of range for %lld classes", name,
         static_cast<long long>(label), static_cast<long long>(row), static_cast<long long>(classes));
    return -2;
  }
};

bool isColumn(const View& v, int64_t rows, DType dtype) {
  return v.rank == 1 && v.shape[0] == rows && v.dtype == dtype;
}

template <class T>
void forwardRows(Stream& s, const Rows& x, const Labels& labels, const Walk& loss, const Walk& logSum,
                 int64_t first, int64_t n) {
  const auto group = ExponentRows<T>::inLogs(x, first, n);
  for (int64_t r = 0; r < n; r++) {
    const int64_t label = labels.at(s, "crossEntropy", first + r);
    const double top = static_cast<double>(group.top[r]), log = group.sum[r];
    *reinterpret_cast<T*>(at(logSum, first + r)) = static_cast<T>(top + log);
    T& value = *reinterpret_cast<T*>(at(loss, first + r));
    value = T(0);
    if (label < 0) continue;
    T chosen;
    __builtin_memcpy(&chosen, group.from[r] + label * x.step, sizeof chosen);
    // The maximum is taken off first: two large logits would lose the loss's last digits.
    value = static_cast<T>((top - static_cast<double>(chosen)) + log);
  }
}

template <class T>
void backwardRow(const Rows& out, char* to, const Rows& x, const char* row, int64_t label, T logSum,
                 T dLoss) {
  using V = Vec<T>;
  alignas(64) T stage[2][kRowBlock];
  const V shift(logSum), scale(dLoss);
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    T* write = writeRow(out, to, i, stage[1]);
    if (label < 0) {
      for (int64_t k = 0; k < n; k++) write[k] = T(0);
    } else {
      const T* p = readRow(x, row, i, n, stage[0]);
      const bool here = label >= i && label < i + n;
      const T chosen = here ? p[label - i] : T(0);
      simd::mapBlock(write, p, p, n, [=](V v, V) { return simd::expFromBelow(v - shift) * scale; });
      if (here)
        write[label - i] = static_cast<T>(simd::expFromBelow(V(chosen) - shift).raw[0] - T(1)) * dLoss;
    }
    flushRow(out, to, i, n, stage[1]);
  }
}

}  // namespace

void crossEntropy(Stream& s, const Out& losses, const Out& logSumExp, const In& logits, const In& labels,
                  const double& ignoreIndex) {
  if (!require(s, logits.rank == 2, "crossEntropy: logits are not [N, C]")) return;
  const int64_t rows = logits.shape[0];
  const bool sound = isColumn(losses, rows, logits.dtype) && isColumn(logSumExp, rows, logits.dtype) &&
                     labels.rank == 1 && labels.shape[0] == rows && isIndexType(labels.dtype);
  if (!require(s, sound, "crossEntropy: rows or dtypes differ") || rows == 0) return;
  const Labels label{walkOf(labels), labels.dtype, logits.shape[1], ignoreIndex};
  const Rows x = rowsOf(logits);
  const Walk loss = walkOf(losses), logSum = walkOf(logSumExp);
  withFloat(s, logits.dtype, "crossEntropy", [&]<class T>() {
    forEachRows(s, rows, x.width, rowsTogether(x.width, x.item),
                [&](int64_t first, int64_t n) { forwardRows<T>(s, x, label, loss, logSum, first, n); });
  });
}

void crossEntropyGrad(Stream& s, const Out& dLogits, const In& logits, const In& logSumExp, const In& labels,
                      const In& dLosses, const double& ignoreIndex) {
  if (!require(s, logits.rank == 2 && sameShape(dLogits, logits) && dLogits.dtype == logits.dtype,
               "crossEntropyGrad: logits are not [N, C]")) {
    return;
  }
  const int64_t rows = logits.shape[0];
  const bool sound = isColumn(logSumExp, rows, logits.dtype) && isColumn(dLosses, rows, logits.dtype) &&
                     labels.rank == 1 && labels.shape[0] == rows && isIndexType(labels.dtype);
  if (!require(s, sound, "crossEntropyGrad: rows or dtypes differ") || numel(logits) == 0) return;
  const Labels label{walkOf(labels), labels.dtype, logits.shape[1], ignoreIndex};
  const Rows x = rowsOf(logits), out = rowsOf(dLogits);
  const Walk logSum = walkOf(logSumExp), dLoss = walkOf(dLosses);
  withFloat(s, logits.dtype, "crossEntropyGrad", [&]<class T>() {
    forEachRow(s, rows, x.width, [&](int64_t i) {
      const int64_t chosen = label.at(s, "crossEntropyGrad", i);
      if (chosen == -2) return;
      backwardRow<T>(out, at(out.start, i), x, at(x.start, i), chosen,
                     *reinterpret_cast<const T*>(at(logSum, i)), *reinterpret_cast<const T*>(at(dLoss, i)));
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
