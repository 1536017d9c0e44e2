// Cross-entropy, fused: the forward keeps one log-sum-exp a row and no probabilities; the backward makes
// (softmax - onehot) dLoss from it in one sweep.
#include "../ops/rows/loss.h"

#include "exponents.cuh"
#include "prototype.h"
#include "wg/error.h"

WG_CUDA_PROTOTYPES(WG_LOSS_ROWS)

namespace wg::cuda {
namespace {

struct Labels {
  const void* data;
  DType dtype;
  int64_t classes;
  double ignored;
  ErrorCell* cell;

  /// A row's label: -1 when ignored, -2 (with the op failed) when no class has that number.
  WG_DEV int64_t at(int64_t row, int64_t place) const {
    int64_t label;
    if (dtype == DType::i64) label = static_cast<const int64_t*>(data)[place];
    else if (dtype == DType::i32) label = static_cast<const int32_t*>(data)[place];
    else label = static_cast<const uint8_t*>(data)[place];
    if (static_cast<double>(label) == ignored) return -1;
    if (label >= 0 && label < classes) return label;
    raise(cell, label, row);
    return -2;
  }
};

template <class T>
WG_KERNEL(512)
lossRows(const T* logits, T* losses, T* logSumExp, Labels labels, Rows<4> r, TeamShape shape) {
  const Team team(shape.lanes, shape.across);
  const int64_t row = team.row(), width = row < r.rows ? r.width : 0;
  const auto at = r.starts(static_cast<uint64_t>(row < r.rows ? row : 0));
  const Exponents<T> e = exponentsOf(logits + at[0], r.step[0], width, r.packed, team);
  if (row >= r.rows || team.rank != 0) return;
  const int64_t label = labels.at(row, at[3]);
  if (label == -2) return;
  const T log = e.top == -Format<T>::kInf ? Format<T>::kNaN : math::log(e.sum);
  logSumExp[at[2]] = e.top + log;
  // The maximum is taken off first: two large logits would lose the loss's last digits.
  losses[at[1]] = label < 0 ? T(0) : (e.top - logits[at[0] + label * r.step[0]]) + log;
}

template <class T>
WG_KERNEL(512)
lossGradRows(const T* logits, T* dLogits, const T* logSumExp, const T* dLosses, Labels labels, Rows<5> r,
             TeamShape shape) {
  const Team team(shape.lanes, shape.across);
  // From the end, whose logits the forward has left in the cache.
  const int64_t row = r.rows - 1 - team.row();
  if (row < 0) return;
  const auto at = r.starts(static_cast<uint64_t>(row));
  const int64_t label = labels.at(row, at[2]);
  if (label == -2) return;
  const T logSum = logSumExp[at[3]], scale = dLosses[at[4]];
  eachRun(logits + at[0], r.step[0], r.width, r.packed, team, [&](auto values, int64_t i) {
    WG_UNROLL
    for (int k = 0; k < values.kCount; k++) {
      const T chosen = i + k == label ? T(1) : T(0);
      values[k] = label < 0 ? T(0) : (math::exp(values[k] - logSum) - chosen) * scale;
    }
    putRun(dLogits + at[1], r.step[1], i, values);
  });
}

bool isColumn(const View& v, int64_t rows, DType dtype) {
  return v.rank == 1 && v.shape[0] == rows && v.dtype == dtype;
}
bool areLabels(const View& v, int64_t rows) {
  const bool integer = v.dtype == DType::i32 || v.dtype == DType::i64 || v.dtype == DType::u8;
  return v.rank == 1 && v.shape[0] == rows && integer;
}
Labels labelsOf(Stream& s, const char* name, const View& labels, int64_t classes, double ignored) {
  ErrorCell* cell = errorCell(s, Code::index, "%s: label %%lld of row %%lld is out of range for %lld classes",
                              name, static_cast<long long>(classes));
  return {labels.data, labels.dtype, classes, ignored, cell};
}

}  // namespace

void crossEntropy(Stream& s, const Out& losses, const Out& logSumExp, const In& logits, const In& labels,
                  const double& ignoreIndex) {
  if (!require(s, logits.rank == 2, "crossEntropy: logits are not [N, C]")) return;
  const int64_t rows = logits.shape[0];
  const bool sound = isColumn(losses, rows, logits.dtype) && isColumn(logSumExp, rows, logits.dtype) &&
                     areLabels(labels, rows);
  if (!require(s, sound, "crossEntropy: rows or dtypes differ") || rows == 0) return;
  const Rows<4> r = rowsOf<4>({&logits, &losses, &logSumExp, &labels}, 1);
  withFloat(s, logits.dtype, "crossEntropy", [&]<class T>() {
    const Labels of = labelsOf(s, "crossEntropy", labels, r.width, ignoreIndex);
    if (failed(s)) return;
    const TeamShape team = streamedTeam<T>(r);
    launch(s, lossRows<T>, gridOf(rows, team), blockOf(team), 0, static_cast<const T*>(logits.data),
           static_cast<T*>(losses.data), static_cast<T*>(logSumExp.data), of, r, team);
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
                     areLabels(labels, rows);
  if (!require(s, sound, "crossEntropyGrad: rows or dtypes differ") || numel(logits) == 0) return;
  const Rows<5> r = rowsOf<5>({&logits, &dLogits, &labels, &logSumExp, &dLosses}, 2);
  withFloat(s, logits.dtype, "crossEntropyGrad", [&]<class T>() {
    const Labels of = labelsOf(s, "crossEntropyGrad", labels, r.width, ignoreIndex);
    if (failed(s)) return;
    const TeamShape team = streamedTeam<T>(r);
    launch(s, lossGradRows<T>, gridOf(rows, team), blockOf(team), 0, static_cast<const T*>(logits.data),
           static_cast<T*>(dLogits.data), static_cast<const T*>(logSumExp.data),
           static_cast<const T*>(dLosses.data), of, r, team);
  });
}

}  // namespace wg::cuda
