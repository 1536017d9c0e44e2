// What forward and backward of normalisation along the last axis share: vectors as long as a row, and what
// the kernels ask of their arguments.
#pragma once
#include "../ops/rows/norm.h"

#include "row_groups.h"
#include "stream_rows.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// A vector of the width's length: in place when it is contiguous, or absent.
struct Vector {
  bool present = false;
  Rows rows{};
};

inline Vector vectorOf(const MaybeIn& v) {
  Vector result;
  result.present = v.data != nullptr;
  if (result.present) result.rows = rowsOf(v);
  return result;
}

template <class T>
const T* readVector(const Vector& v, int64_t i, int64_t n, T* stage) {
  return v.present ? readRow(v.rows, v.rows.start.data, i, n, stage) : nullptr;
}

inline bool sameRows(Stream& s, const View& x, const View& perRow) {
  bool fits = perRow.rank == x.rank - 1 && perRow.dtype == x.dtype;
  for (int i = 0; fits && i < perRow.rank; i++) fits = perRow.shape[i] == x.shape[i];
  return require(s, fits, "rowNorm: mean and rstd must hold one number for each row");
}

inline bool sameVector(Stream& s, const View& x, const View& v) {
  return require(s, v.rank == 1 && v.dtype == x.dtype && v.shape[0] == x.shape[x.rank - 1],
                 "rowNorm: weight and bias must be as long as a row");
}

inline bool sameTensor(Stream& s, const View& x, const View& other) {
  return require(s, other.dtype == x.dtype && sameShape(x, other), "rowNorm: shapes or dtypes differ");
}

}  // namespace WG_ISA
}  // namespace wg::cpu
