// Variance over any axes, reading the input once: deviations from a block's own mean, blocks joined
// as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
// (1979).
#include "../ops/rows/reduce.h"

#include "reduction.h"
#include "simd/fold.h"

WG_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

struct Moments {
  double count, mean, square;  // square: sum of squared deviations
  void merge(const Moments& next, int64_t) {
    if (next.count == 0) return;
    if (count == 0) {
      *this = next;
      return;
    }
    const double total = count + next.count, delta = next.mean - mean;
    // An infinite mean stays what it is; the deviations from it are not numbers.
    mean = delta - delta == 0 ? mean + delta * (next.count / total) : mean + next.mean;
    square += next.square + delta * delta * (count * next.count / total);
    count = total;
  }
};

template <class T>
struct Deviations {
  using V = simd::Vec<T>;
  using Partial = Moments;
  static constexpr int64_t kBlock = 1024;
  Moments sum = {0, 0, 0};

  static Moments block(const T* x, int64_t n) {
    simd::SumState<T> total;
    total.add(x, n);
    const double count = static_cast<double>(n), mean = total.total() / count;
    const T center = static_cast<T>(mean);
    V first[2] = {V(T(0)), V(T(0))}, second[2] = {V(T(0)), V(T(0))};
    int64_t i = 0;
    const auto take = [&](V v, int k) {
      const V d = v - V(center);
      first[k] = first[k] + d;
      second[k] = second[k] + d * d;
    };
    for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes) {
      take(simd::load<V>(x + i), 0);
      take(simd::load<V>(x + i + V::kLanes), 1);
    }
    double deviation = simd::sumLanes(first[0] + first[1]), square = simd::sumLanes(second[0] + second[1]);
    for (; i < n; i++) {
      const T d = x[i] - center;
      deviation += static_cast<double>(d);
      square += static_cast<double>(d) * static_cast<double>(d);
    }
    if (mean - mean != 0) return {count, mean, __builtin_nan("")};
    // The centre was rounded to T: what that leaves of the deviations' sum is taken out again.
    return {count, static_cast<double>(center) + deviation / count, square - deviation * deviation / count};
  }
  void add(const T* x, int64_t n) {
    for (int64_t i = 0; i < n; i += kBlock) sum.merge(block(x + i, minOf(kBlock, n - i)), 0);
  }
  Moments partial() const { return sum; }
};

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
