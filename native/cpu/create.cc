// Evenly spaced numbers, indices of triangles, one-hot rows and the time.
#include "../ops/rows/create.h"

#include "clock.h"
#include "labels.h"

WG_PROTOTYPES(WG_CREATE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// The sum of clamp(i, 0, columns) over i < m: elements left of a diagonal.
int64_t below(int64_t m, int64_t columns) {
  if (m <= 0) return 0;
  if (m <= columns + 1) return m * (m - 1) / 2;
  return columns * (columns + 1) / 2 + (m - columns - 1) * columns;
}

}  // namespace

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

// Row i has clamp(i + offset, 0, columns) elements left of the diagonal; those, or the others when `upper`,
// are numbered row by row.
void triangleIndices(Stream& s, const Out& out, const double& rowCount, const double& columnCount,
                     const double& diagonal, const int32_t& upper) {
  const int64_t rows = static_cast<int64_t>(rowCount), columns = static_cast<int64_t>(columnCount);
  const int64_t offset = static_cast<int64_t>(diagonal);
  const auto before = [&](int64_t row) {
    const int64_t left = below(row + offset, columns) - below(offset, columns);
    return upper != 0 ? row * columns - left : left;
  };
  const bool sound = out.rank == 2 && out.shape[0] == 2 && rows >= 0 && columns >= 0 && isContiguous(out) &&
                     out.shape[1] == before(rows);
  if (!require(s, sound, "triangleIndices: the output is not two rows of indices")) return;
  if (out.shape[1] == 0) return;
  const int64_t group = maxOf(1, kChunk / maxOf(1, columns));
  const auto write = [&]<class T>() {
    T* row = static_cast<T*>(out.data);
    T* column = row + out.shape[1];
    parallelFor(s, ceilDiv(rows, group), [&](int64_t chunk) {
      const int64_t end = minOf((chunk + 1) * group, rows);
      for (int64_t i = chunk * group; i < end; i++) {
        const int64_t split = minOf(maxOf(i + offset, 0), columns);
        const int64_t first = upper != 0 ? split : 0, last = upper != 0 ? columns : split;
        const int64_t at = before(i);
        for (int64_t k = first; k < last; k++) {
          row[at + k - first] = static_cast<T>(i);
          column[at + k - first] = static_cast<T>(k);
        }
      }
    });
  };
  if (out.dtype == DType::i32) write.template operator()<int32_t>();
  else if (out.dtype == DType::i64) write.template operator()<int64_t>();
  else unsupported(s, "triangleIndices", out.dtype);
}

void timestamp(Stream& s, const Out& out) {
  if (!require(s, out.dtype == DType::i64 && numel(out) == 1, "timestamp: the output is not one int64"))
    return;
  *static_cast<int64_t*>(out.data) = nanoseconds();
}

}  // namespace WG_ISA
}  // namespace wg::cpu
