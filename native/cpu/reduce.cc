// sum and mean over any axes.
#include "../ops/rows/reduce.h"

#include "reduction.h"
#include "simd/fold.h"

WG_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

// Row states: simd/fold.h plus what pieces leave behind.

struct FloatTotal {
  double value;
  void merge(const FloatTotal& next, int64_t) { value += next.value; }
};
template <class T>
struct FloatSum : simd::SumState<T> {
  using Partial = FloatTotal;
  FloatTotal partial() const { return {this->total()}; }
};
struct IntTotal {
  int64_t value;
  void merge(const IntTotal& next, int64_t) { value = wrapAdd(value, next.value); }
};
template <class T>
struct IntSum {
  using Partial = IntTotal;
  uint64_t sum = 0;
  void add(const T* p, int64_t n) {
    for (int64_t i = 0; i < n; i++) sum += static_cast<uint64_t>(p[i]);
  }
  IntTotal partial() const { return {static_cast<int64_t>(sum)}; }
};
// Column folds: plain loops over a strip, which compilers vectorise; rows are taken in order.

/// Sums of a strip's columns over rows [0, rows.total) in a cascade of 64, 4096 …, four rows at a time.
template <class T, class Sum>
void sumColumns(const char* x, const Walk& rows, int64_t columns, Sum* sums) {
  constexpr int64_t kGroup = 64;
  Sum level[3][kStrip];
  for (auto& l : level) {
    for (int64_t c = 0; c < columns; c++) l[c] = Sum(0);
  }
  const int64_t n = rows.total;
  const auto row = [&](int64_t i) { return reinterpret_cast<const T*>(x + (at(rows, i) - rows.data)); };
  for (int64_t start = 0, groups = 0; start < n; start += kGroup) {
    const int64_t end = minOf(start + kGroup, n);
    int64_t i = start;
    for (; i + 4 <= end; i += 4) {
      const T *a = row(i), *b = row(i + 1), *d = row(i + 2), *e = row(i + 3);
      for (int64_t c = 0; c < columns; c++) {
        level[0][c] += (static_cast<Sum>(a[c]) + static_cast<Sum>(b[c])) +
                       (static_cast<Sum>(d[c]) + static_cast<Sum>(e[c]));
      }
    }
    for (; i < end; i++) {
      const T* a = row(i);
      for (int64_t c = 0; c < columns; c++) level[0][c] += static_cast<Sum>(a[c]);
    }
    const bool second = ++groups % kGroup == 0;
    for (int64_t c = 0; c < columns; c++) {
      level[1][c] += level[0][c];
      level[0][c] = Sum(0);
    }
    for (int64_t c = 0; second && c < columns; c++) {
      level[2][c] += level[1][c];
      level[1][c] = Sum(0);
    }
  }
  for (int64_t c = 0; c < columns; c++) sums[c] = level[1][c] + level[2][c];
}

/// Sum times `scale`, or divided by the count for a mean.
template <class T>
void sumFloats(Stream& s, const Reduction& r, bool mean) {
  const double count = mean ? static_cast<double>(r.reduced.total) : 1.0;
  if (!r.columns) {
    reduceRows<T, FloatSum<T>>(s, r,
                               [count](char* to, FloatTotal t) { put(to, static_cast<T>(t.value / count)); });
    return;
  }
  reduceColumns(s, r, [&](const char* x, int64_t columns, char* out, int64_t outStride) {
    T sums[kStrip];
    sumColumns<T>(x, r.reduced, columns, sums);
    for (int64_t c = 0; c < columns; c++)
      put(out + c * outStride, static_cast<T>(static_cast<double>(sums[c]) / count));
  });
}

template <class T>
void sumIntegers(Stream& s, const Reduction& r, DType to) {
  if (!r.columns) {
    reduceRows<T, IntSum<T>>(s, r, [to](char* p, IntTotal t) { putInteger(p, to, t.value); });
    return;
  }
  reduceColumns(s, r, [&](const char* x, int64_t columns, char* out, int64_t outStride) {
    uint64_t sums[kStrip];
    sumColumns<T>(x, r.reduced, columns, sums);
    for (int64_t c = 0; c < columns; c++) putInteger(out + c * outStride, to, static_cast<int64_t>(sums[c]));
  });
}

}  // namespace

void sum(Stream& s, const Out& out, const In& x) {
  Reduction r;
  if (!planReduction(s, out, x, r) || r.kept.total == 0) return;
  if (x.dtype == DType::f32 || x.dtype == DType::f64) {
    if (!require(s, out.dtype == x.dtype, "sum: a float sum keeps its dtype")) return;
    withFloat(s, x.dtype, "sum", [&]<class T>() { sumFloats<T>(s, r, false); });
  } else {
    const bool integer = out.dtype == DType::i32 || out.dtype == DType::i64 || out.dtype == DType::u8;
    if (!require(s, integer, "sum: the sum of integers is an integer")) return;
    withAny(s, x.dtype, "sum", [&]<class T>() {
      if constexpr (!kIsFloat<T>) sumIntegers<T>(s, r, out.dtype);
    });
  }
}

void mean(Stream& s, const Out& out, const In& x) {
  Reduction r;
  if (!require(s, out.dtype == x.dtype, "mean: dtypes differ") || !planReduction(s, out, x, r)) return;
  if (r.kept.total == 0) return;
  withFloat(s, x.dtype, "mean", [&]<class T>() { sumFloats<T>(s, r, true); });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
