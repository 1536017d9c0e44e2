// What kernels of normalisation ask of their arguments.
#pragma once
#include "../ops/checks.h"

namespace wg::cuda {

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

}  // namespace wg::cuda
