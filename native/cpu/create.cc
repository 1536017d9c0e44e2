// Evenly spaced numbers and one-hot rows.
#include "../ops/rows/create.h"

#include "labels.h"

WG_PROTOTYPES(WG_CREATE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {

void linspace(Stream& s, const Out& out, const double& start, const double& end) {
  const Walk to = walkOf(out);
  const double step = to.total > 1 ? (end - start) / static_cast<double>(to.total - 1) : 0;
  withNumber(s, out.dtype, "linspace", [&]<class T>() {
    parallelFor(s, ceilDiv(to.total, kChunk), [&](int64_t chunk) {
      T stage[kStageBytes / sizeof(T)];
      const int64_t block = kStageBytes / static_cast<int64_t>(sizeof(T));
      const int64_t begin = chunk * kChunk, last = minOf(begin + kChunk, to.total);
      for (int64_t i = begin; i < last; i += block) {
        const int64_t n = minOf(block, last - i);
        for (int64_t k = 0; k < n; k++) {
          // From the nearer end: both ends are exact and the middle is symmetric.
          const int64_t at = i + k, left = to.total - 1 - at;
          stage[k] = fromDouble<T>(at < to.total / 2 || left < 0 || to.total == 1
                                       ? start + step * static_cast<double>(at)
                                       : end - step * static_cast<double>(left));
        }
        scatter(to, stage, i, n);
      }
    });
  });
}

void oneHot(Stream& s, const Out& out, const In& labels) {
  bool sound = out.rank == labels.rank + 1 && isContiguous(out) && isIndexType(labels.dtype);
  for (int i = 0; sound && i < labels.rank; i++) sound = out.shape[i] == labels.shape[i];
  if (!require(s, sound, "oneHot: the output is not labels by classes")) return;
  const int64_t classes = out.shape[labels.rank];
  const Walk from = walkOf(labels);
  const int64_t rows = maxOf(1, kChunk / maxOf(1, classes));
  withAny(s, out.dtype, "oneHot", [&]<class T>() {
    T* o = static_cast<T*>(out.data);
    parallelFor(s, ceilDiv(from.total, rows), [&](int64_t chunk) {
      const int64_t begin = chunk * rows, end = minOf(begin + rows, from.total);
      __builtin_memset(o + begin * classes, 0, static_cast<size_t>((end - begin) * classes) * sizeof(T));
      for (int64_t i = begin; i < end; i++) {
        const int64_t label = indexAt(from, labels.dtype, i);
        if (label < 0 || label >= classes) {
          return fail(s, Code::index, "oneHot: label %lld is out of range for %lld classes",
                      static_cast<long long>(label), static_cast<long long>(classes));
        }
        o[i * classes + label] = T(1);
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
