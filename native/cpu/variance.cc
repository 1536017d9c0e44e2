// Variance over any axes, reading the input once: see moments.h.
#include "../ops/rows/reduce.h"

#include "moments.h"
#include "reduction.h"

WG_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// Adds term(element, column) over all rows to `sum`, in groups of 64 rows so that roundings do not pile up.
template <class T, class Term>
void addRows(const char* x, const Walk& rows, int64_t columns, double* sum, Term term) {
  constexpr int64_t kGroup = 64;
  double part[kStrip];
  for (int64_t c = 0; c < columns; c++) sum[c] = 0;
  for (int64_t start = 0; start < rows.total; start += kGroup) {
    for (int64_t c = 0; c < columns; c++) part[c] = 0;
    for (int64_t i = start, end = minOf(start + kGroup, rows.total); i < end; i++) {
      const T* row = reinterpret_cast<const T*>(x + (at(rows, i) - rows.data));
      for (int64_t c = 0; c < columns; c++) part[c] += term(row[c], c);
    }
    for (int64_t c = 0; c < columns; c++) sum[c] += part[c];
  }
}

template <class T>
void columnMoments(const char* x, const Walk& rows, int64_t columns, Moments* moments) {
  double sum[kStrip], square[kStrip];
  T center[kStrip];
  const double count = static_cast<double>(rows.total);
  addRows<T>(x, rows, columns, sum, [](T v, int64_t) { return static_cast<double>(v); });
  for (int64_t c = 0; c < columns; c++) center[c] = static_cast<T>(sum[c] / count);
  const auto deviation = [&](T v, int64_t c) { return static_cast<double>(v - center[c]); };
  addRows<T>(x, rows, columns, sum, deviation);
  addRows<T>(x, rows, columns, square, [&](T v, int64_t c) {
    const double d = deviation(v, c);
    return d * d;
  });
  for (int64_t c = 0; c < columns; c++) {
    moments[c] = {count, static_cast<double>(center[c]), square[c] - sum[c] * sum[c] / count};
  }
}

}  // namespace

void variance(Stream& s, const Out& out, const In& x, const double& correction) {
  Reduction r;
  if (!require(s, out.dtype == x.dtype, "variance: dtypes differ")) return;
  if (!planReduction(s, out, x, r) || r.kept.total == 0) return;
  const auto finish = [correction](const Moments& m) {
    const double divisor = m.count - correction;
    return (m.square < 0 ? 0 : m.square) / (divisor > 0 ? divisor : 0);  // below 0 by rounding only
  };
  withFloat(s, x.dtype, "variance", [&]<class T>() {
    if (!r.columns) {
      reduceRows<T, Deviations<T>>(s, r,
                                   [&](char* to, const Moments& m) { put(to, static_cast<T>(finish(m))); });
      return;
    }
    reduceColumns(s, r, [&](const char* p, int64_t columns, char* to, int64_t step) {
      Moments moments[kStrip];
      columnMoments<T>(p, r.reduced, columns, moments);
      for (int64_t c = 0; c < columns; c++) put(to + c * step, static_cast<T>(finish(moments[c])));
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
