// amax and amin over any axes, argmax and argmin along one. NaN wins, and the first of equals.
#include "../ops/rows/reduce.h"

#include "reduction.h"
#include "simd/fold.h"

WG_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class T>
bool isNaN(T x) {
  return x != x;
}
template <class T, bool kLargest>
struct ExtremeValue {
  T value;
  void merge(const ExtremeValue& next, int64_t) {
    const bool better = kLargest ? next.value > value : next.value < value;
    if (!isNaN(value) && (better || isNaN(next.value))) value = next.value;
  }
};
template <class T, bool kLargest>
struct Extreme : simd::ExtremeState<T, kLargest> {
  using Partial = ExtremeValue<T, kLargest>;
  Partial partial() const { return {this->value()}; }
};
template <class T, bool kLargest>
struct Place {
  T value;
  int64_t index;
  void merge(const Place& next, int64_t offset) {
    if (simd::PlaceState<T, kLargest>::beats(next.value, value)) *this = {next.value, next.index + offset};
  }
};
template <class T, bool kLargest>
struct Places : simd::PlaceState<T, kLargest> {
  using Partial = Place<T, kLargest>;
  Partial partial() const { return {this->best, this->index}; }
};

// Column folds: rows are taken in order; the loops over a strip are ones that compilers vectorise.

template <class T, bool kLargest>
void extremeColumns(const char* x, const Walk& rows, int64_t columns, T* best) {
  for (int64_t c = 0; c < columns; c++) best[c] = kLargest ? simd::lowest<T>() : simd::highest<T>();
  for (int64_t i = 0; i < rows.total; i++) {
    const T* a = reinterpret_cast<const T*>(x + (at(rows, i) - rows.data));
    for (int64_t c = 0; c < columns; c++) {
      const T v = a[c], b = best[c];
      best[c] = ((kLargest ? v > b : v < b) | (v != v)) ? v : b;
    }
  }
}

/// T's own width of integer for the place, so that values and places are selected by one mask.
template <bool kLargest, class T, class Index>
void placeColumns(const char* x, const Walk& rows, int64_t columns, Index* place) {
  T best[kStrip];
  for (int64_t c = 0; c < columns; c++) {
    best[c] = kLargest ? simd::lowest<T>() : simd::highest<T>();
    place[c] = 0;
  }
  for (int64_t i = 0; i < rows.total; i++) {
    const T* a = reinterpret_cast<const T*>(x + (at(rows, i) - rows.data));
    const Index here = static_cast<Index>(i);
    for (int64_t c = 0; c < columns; c++) {
      const T v = a[c], b = best[c];
      const Index p = place[c];
      const bool wins = (kLargest ? v > b : v < b) | ((v != v) & (b == b));
      best[c] = wins ? v : b;
      place[c] = wins ? here : p;
    }
  }
}

template <bool kLargest>
void extreme(Stream& s, const char* name, const View& out, const View& x) {
  Reduction r;
  if (!require(s, out.dtype == x.dtype, "amax, amin: dtypes differ") || !planReduction(s, out, x, r)) return;
  if (r.kept.total == 0) return;
  if (r.reduced.total == 0) return fail(s, Code::argument, "%s: an empty axis has no extreme", name);
  withAny(s, x.dtype, name, [&]<class T>() {
    if (!r.columns) {
      reduceRows<T, Extreme<T, kLargest>>(s, r,
                                          [](char* to, ExtremeValue<T, kLargest> v) { put(to, v.value); });
      return;
    }
    reduceColumns(s, r, [&](const char* p, int64_t columns, char* to, int64_t step) {
      T best[kStrip];
      extremeColumns<T, kLargest>(p, r.reduced, columns, best);
      for (int64_t c = 0; c < columns; c++) put(to + c * step, best[c]);
    });
  });
}

template <bool kLargest>
void place(Stream& s, const char* name, const View& out, const View& x) {
  Reduction r;
  if (!require(s, out.dtype == DType::i32 || out.dtype == DType::i64,
               "argmax, argmin: the output is not int32 or int64"))
    return;
  if (!planReduction(s, out, x, r) || r.kept.total == 0) return;
  if (r.reduced.total == 0) return fail(s, Code::argument, "%s: an empty axis has no extreme", name);
  if (!require(s, r.reduced.rank <= 1, "argmax, argmin: reduces more than one axis")) return;
  // Along a single axis the reduced walk is in its order, even backwards.
  withAny(s, x.dtype, name, [&]<class T>() {
    if (!r.columns) {
      reduceRows<T, Places<T, kLargest>>(
          s, r, [&](char* to, Place<T, kLargest> p) { putInteger(to, out.dtype, p.index); });
      return;
    }
    reduceColumns(s, r, [&](const char* p, int64_t columns, char* to, int64_t step) {
      const auto fold = [&]<class Index>() {
        Index places[kStrip];
        placeColumns<kLargest, T>(p, r.reduced, columns, places);
        for (int64_t c = 0; c < columns; c++) putInteger(to + c * step, out.dtype, places[c]);
      };
      if constexpr (sizeof(T) == 8) return fold.template operator()<int64_t>();
      if (r.reduced.total > 0x7fffffff) fold.template operator()<int64_t>();
      else fold.template operator()<int32_t>();
    });
  });
}

}  // namespace

void amax(Stream& s, const Out& out, const In& x) { extreme<true>(s, "amax", out, x); }
void amin(Stream& s, const Out& out, const In& x) { extreme<false>(s, "amin", out, x); }

void argmax(Stream& s, const Out& out, const In& x) { place<true>(s, "argmax", out, x); }
void argmin(Stream& s, const Out& out, const In& x) { place<false>(s, "argmin", out, x); }

}  // namespace WG_ISA
}  // namespace wg::cpu
