// Scans along an axis: each element is what came before it combined with itself. A line is one chain of
// dependent steps, so lines are the unit of work; those that lie side by side in memory advance together.
#include "../ops/rows/scan.h"

#include "lines.h"
#include "simd/exponent.h"

WG_PROTOTYPES(WG_SCAN_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class T>
T read(const char* p) {
  T v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
void write(char* p, T v) {
  __builtin_memcpy(p, &v, sizeof v);
}

/// What floats and integers are accumulated in.
template <class T, bool = kIsFloat<T>>
struct Wide {
  using Type = double;
};
template <class T>
struct Wide<T, false> {
  using Type = uint64_t;  // integers wrap
};

// States: take(x) moves on by one element, value() is the scan there. Sums and products of floats are kept in
// double, so a long float32 scan errs by the rounding of its results alone.

template <class T>
struct RunningSum {
  using Sum = typename Wide<T>::Type;
  Sum sum = Sum(0);
  void take(T x) { sum += static_cast<Sum>(x); }
  T value() const { return static_cast<T>(sum); }
};
template <class T>
struct RunningProduct {
  using Product = typename Wide<T>::Type;
  Product product = Product(1);
  void take(T x) { product *= static_cast<Product>(x); }
  T value() const { return static_cast<T>(product); }
};
double expOf(double x) { return math::exp(simd::Vec<double>(x)).raw[0]; }
/// log of the sum of exp, as the largest exponent and the sum relative to it.
template <class T>
struct RunningLogSum {
  double top = -__builtin_inf(), sum = 0;
  void take(T element) {
    const double x = static_cast<double>(element);
    if (top != top) return;  // NaN stays
    if (x == top) {
      sum += 1;
    } else if (x < top) {
      sum += expOf(x - top);
    } else {
      sum = sum * expOf(top - x) + 1;
      top = x;
    }
  }
  T value() const { return static_cast<T>(top + simd::logOf(sum)); }
};

template <class T, class State>
void scanStrip(const Lines<2>& l, char* out, const char* x, int64_t lanes) {
  const int64_t item = static_cast<int64_t>(sizeof(T));
  if (lanes == 1) {
    State state;
    for (int64_t i = 0; i < l.length; i++) {
      state.take(read<T>(x + i * l.along[1]));
      write(out + i * l.along[0], state.value());
    }
    return;
  }
  State states[kLanes];
  for (int64_t i = 0; i < l.length; i++, out += l.along[0], x += l.along[1]) {
    if (l.across[0] == item && l.across[1] == item) {
      for (int64_t c = 0; c < lanes; c++) {
        states[c].take(read<T>(x + c * item));
        write(out + c * item, states[c].value());
      }
    } else {
      for (int64_t c = 0; c < lanes; c++) {
        states[c].take(read<T>(x + c * l.across[1]));
        write(out + c * l.across[0], states[c].value());
      }
    }
  }
}

template <class T, class State>
void scan(Stream& s, const View& out, const View& x, int32_t axis) {
  Lines<2> lines;
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype, "scan: output and input differ")) return;
  if (!linesOf(s, {&out, &x}, axis, lines) || numel(x) == 0) return;
  forEachLine(s, lines, [&](char* const* start, int64_t lanes) {
    scanStrip<T, State>(lines, start[0], start[1], lanes);
  });
}

template <class T, bool kLargest>
struct RunningExtreme {
  T value;
  int64_t index = -1;
  // As in PyTorch the last of equals is named, and every NaN after the first.
  void take(T x, int64_t i) {
    const bool isNaN = x != x, better = kLargest ? x >= value : x <= value;
    if (index < 0 || isNaN || (value == value && better)) {
      value = x;
      index = i;
    }
  }
};

template <bool kLargest>
void extremeScan(Stream& s, const View& out, const View& indices, const View& x, int32_t axis) {
  Lines<3> l;
  if (!require(s,
               sameShape(out, x) && out.dtype == x.dtype && sameShape(indices, x) &&
                   (indices.dtype == DType::i32 || indices.dtype == DType::i64),
               "cummax, cummin: outputs and input differ"))
    return;
  if (!linesOf(s, {&out, &indices, &x}, axis, l) || numel(x) == 0) return;
  const bool wide = indices.dtype == DType::i64;
  withAny(s, x.dtype, kLargest ? "cummax" : "cummin", [&]<class T>() {
    forEachLine(s, l, [&](char* const* start, int64_t lanes) {
      RunningExtreme<T, kLargest> states[kLanes];
      for (int64_t i = 0; i < l.length; i++) {
        for (int64_t c = 0; c < lanes; c++) {
          states[c].take(read<T>(start[2] + i * l.along[2] + c * l.across[2]), i);
          write(start[0] + i * l.along[0] + c * l.across[0], states[c].value);
          char* place = start[1] + i * l.along[1] + c * l.across[1];
          if (wide) write(place, states[c].index);
          else write(place, static_cast<int32_t>(states[c].index));
        }
      }
    });
  });
}

}  // namespace

void cumsum(Stream& s, const Out& out, const In& x, const int32_t& axis) {
  withNumber(s, x.dtype, "cumsum", [&]<class T>() { scan<T, RunningSum<T>>(s, out, x, axis); });
}
void cumprod(Stream& s, const Out& out, const In& x, const int32_t& axis) {
  withNumber(s, x.dtype, "cumprod", [&]<class T>() { scan<T, RunningProduct<T>>(s, out, x, axis); });
}
void logcumsumexp(Stream& s, const Out& out, const In& x, const int32_t& axis) {
  withFloat(s, x.dtype, "logcumsumexp", [&]<class T>() { scan<T, RunningLogSum<T>>(s, out, x, axis); });
}
void cummax(Stream& s, const Out& out, const Out& indices, const In& x, const int32_t& axis) {
  extremeScan<true>(s, out, indices, x, axis);
}
void cummin(Stream& s, const Out& out, const Out& indices, const In& x, const int32_t& axis) {
  extremeScan<false>(s, out, indices, x, axis);
}

void linearScan(Stream& s, const Out& out, const In& a, const In& b, const int32_t& axis) {
  Lines<3> l;
  if (!require(s, sameShape(out, b) && out.dtype == b.dtype && a.dtype == b.dtype,
               "linearScan: outputs and inputs differ"))
    return;
  if (!linesOf(s, {&out, &a, &b}, axis, l) || numel(b) == 0) return;
  if (!require(s, a.shape[axis] == l.length - 1, "linearScan: a is not one shorter than b")) return;
  withFloat(s, b.dtype, "linearScan", [&]<class T>() {
    forEachLine(s, l, [&](char* const* start, int64_t lanes) {
      double states[kLanes];
      for (int64_t c = 0; c < lanes; c++) {
        states[c] = static_cast<double>(read<T>(start[2] + c * l.across[2]));
        write(start[0] + c * l.across[0], static_cast<T>(states[c]));
      }
      for (int64_t i = 1; i < l.length; i++) {
        const char *ratio = start[1] + (i - 1) * l.along[1], *added = start[2] + i * l.along[2];
        for (int64_t c = 0; c < lanes; c++) {
          const double r = static_cast<double>(read<T>(ratio + c * l.across[1]));
          states[c] = static_cast<double>(read<T>(added + c * l.across[2])) + r * states[c];
          write(start[0] + i * l.along[0] + c * l.across[0], static_cast<T>(states[c]));
        }
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
