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
  static FloatTotal partialOf(const T* p, int64_t n, bool asks) {
    return {simd::SumState<T>::of(p, n, asks)};
  }
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
// Column folds: a strip of columns at a time, rows in order.

/// level[c] += row(0)[c] + row(1)[c] + ….
template <class T, class Sum, class Row>
WG_SIMD void addRows(Row row, int64_t rows, int64_t columns, Sum* level) {
  if constexpr (kIsFloat<T>) {
    using V = simd::Vec<T>;
    // Registers side by side, which stay registers over all rows; the more, the longer the runs of memory.
    constexpr int kWide = simd::kVecBytes == 64 ? 16 : 8;
    const auto strip = [&]<int kRegisters>(int64_t c, auto load) {
      V sum[kRegisters];
      for (int k = 0; k < kRegisters; k++) sum[k] = load(row(0) + c + k * V::kLanes);
      for (int64_t i = 1; i < rows; i++) {
        const T* const p = row(i) + c;
        for (int k = 0; k < kRegisters; k++) sum[k] = sum[k] + load(p + k * V::kLanes);
      }
      for (int k = 0; k < kRegisters; k++) {
        Sum* const to = level + c + k * V::kLanes;
        store(to, simd::load<V>(to) + sum[k]);  // a strip is whole registers long
      }
    };
    const auto whole = [](const T* p) { return simd::load<V>(p); };
    int64_t c = 0;
    for (; c + kWide * V::kLanes <= columns; c += kWide * V::kLanes)
      strip.template operator()<kWide>(c, whole);
    for (; c + V::kLanes <= columns; c += V::kLanes) strip.template operator()<1>(c, whole);
    const int64_t left = columns - c;
    if (left > 0) strip.template operator()<1>(c, [left](const T* p) { return simd::loadPart<V>(p, left); });
  } else {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
      const T *a = row(i), *b = row(i + 1), *d = row(i + 2), *e = row(i + 3);
      for (int64_t c = 0; c < columns; c++) {
        level[c] += (static_cast<Sum>(a[c]) + static_cast<Sum>(b[c])) +
                    (static_cast<Sum>(d[c]) + static_cast<Sum>(e[c]));
      }
    }
    for (; i < rows; i++) {
      const T* a = row(i);
      for (int64_t c = 0; c < columns; c++) level[c] += static_cast<Sum>(a[c]);
    }
  }
}

/// Sums of a strip's columns over rows [0, rows.total) in a cascade of 64, 4096 ….
template <class T, class Sum>
void sumColumns(const char* x, const Walk& rows, int64_t columns, Sum* sums) {
  constexpr int64_t kGroup = 64;
  alignas(64) Sum level[2][kStrip] = {};
  const int64_t step = rows.stride[0];
  for (int64_t start = 0, groups = 0; start < rows.total; start += kGroup) {
    const int64_t n = minOf(kGroup, rows.total - start);
    const auto add = [&](auto row) {
      addRows<T>([=](int64_t i) { return reinterpret_cast<const T*>(row(start + i)); }, n, columns, level[0]);
    };
    if (rows.rank == 1) add([=](int64_t i) { return x + i * step; });
    else add([x, &rows](int64_t i) { return x + (at(rows, i) - rows.data); });
    if (++groups % kGroup != 0) continue;
    for (int64_t c = 0; c < columns; c++) {
      level[1][c] += level[0][c];
      level[0][c] = Sum(0);
    }
  }
  for (int64_t c = 0; c < columns; c++) sums[c] = level[0][c] + level[1][c];
}

/// Sum times `scale`, or divided by the count for a mean.
template <class T>
void sumFloats(Stream& s, const Reduction& r, bool mean) {
  const double count = mean ? static_cast<double>(r.reduced.total) : 1.0;
  if (!r.columns) {
    reduceRows<T, FloatSum<T>>(s, r, [mean, count](char* to, FloatTotal t) {
      put(to, static_cast<T>(mean ? t.value / count : t.value));
    });
    return;
  }
  reduceColumns(s, r, [&](const char* x, int64_t columns, char* out, int64_t outStride) {
    T sums[kStrip];
    sumColumns<T>(x, r.reduced, columns, sums);
    for (int64_t c = 0; mean && c < columns; c++)
      sums[c] = static_cast<T>(static_cast<double>(sums[c]) / count);
    constexpr int64_t kItem = static_cast<int64_t>(sizeof(T));
    if (outStride == kItem) __builtin_memcpy(out, sums, static_cast<size_t>(columns * kItem));
    else
      for (int64_t c = 0; c < columns; c++) put(out + c * outStride, sums[c]);
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
