// Running sums, products and sums of exponentials, and linear recurrences. Sums and products of floats are
// kept in double, so a long float32 scan errs by the rounding of its results alone; integers wrap.
#include "scan.cuh"

#include "../ops/math.h"
#include "../ops/rows/scan.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_SCAN_ROWS)

namespace wg::cuda {
namespace {

template <class T>
using Wide = std::conditional_t<kIsFloat<T>, double, uint64_t>;
template <class T>
inline constexpr int kRunOf = sizeof(T) == 8 ? 2 : 4;

// What running states are: of(x), combine(before, after), value(state).

template <class T>
struct RunningSum {
  using State = Wide<T>;
  static WG_DEV State neutral() { return State(0); }
  static WG_DEV State of(T x) { return static_cast<State>(x); }
  static WG_DEV State combine(State a, State b) { return a + b; }
  static WG_DEV T value(State sum) { return static_cast<T>(sum); }
};

template <class T>
struct RunningProduct {
  using State = Wide<T>;
  static WG_DEV State neutral() { return State(1); }
  static WG_DEV State of(T x) { return static_cast<State>(x); }
  static WG_DEV State combine(State a, State b) { return a * b; }
  static WG_DEV T value(State product) { return static_cast<T>(product); }
};

/// The log of a sum of exponentials, as the largest exponent and the sum relative to it.
template <class T>
struct LogSum {
  T top, sum;
};
template <class T>
struct RunningLogSum {
  using State = LogSum<T>;
  static WG_DEV State neutral() { return {-Format<T>::kInf, T(0)}; }
  static WG_DEV State of(T x) { return {x, T(1)}; }
  static WG_DEV State combine(State a, State b) {
    if (a.top == b.top) return {a.top, a.sum + b.sum};
    if (a.top < b.top) return {b.top, a.sum * math::exp(a.top - b.top) + b.sum};
    if (b.top < a.top) return {a.top, a.sum + b.sum * math::exp(b.top - a.top)};
    return {Format<T>::kNaN, T(1)};  // one of both was
  }
  static WG_DEV T value(State s) { return s.top + math::log(s.sum); }
};

/// One input, one output.
template <class T, class Running>
struct Simple {
  static constexpr int kViews = 2, kRun = kRunOf<T>;
  using State = typename Running::State;
  const T* x;
  T* out;

  WG_DEV State neutral() const { return Running::neutral(); }
  WG_DEV State combine(const State& a, const State& b) const { return Running::combine(a, b); }
  template <class At>
  WG_DEV void read(const Lines<2>& l, const At& at, int64_t i, int count, State (&states)[kRun]) const {
    T values[kRun];
    detail::readRun(x + at[0] + i * l.step[0], l.step[0], count, l.packed[0], values);
    WG_UNROLL
    for (int k = 0; k < kRun; k++)
      if (k < count) states[k] = Running::of(values[k]);
  }
  template <class At>
  WG_DEV void write(const Lines<2>& l, const At& at, int64_t i, int count,
                    const State (&states)[kRun]) const {
    T values[kRun];
    WG_UNROLL
    for (int k = 0; k < kRun; k++) values[k] = Running::value(states[k]);
    detail::writeRun(out + at[1] + i * l.step[1], l.step[1], count, l.packed[1], values);
  }
};

/// h -> ratio h + added: what a stretch of a recurrence does to the value before it.
struct Affine {
  double ratio, added;
};
template <class T>
struct Recurrence {
  static constexpr int kViews = 3, kRun = kRunOf<T>;
  using State = Affine;
  const T *b, *a;
  T* out;

  WG_DEV State neutral() const { return {1, 0}; }
  WG_DEV State combine(const State& before, const State& after) const {
    // The ratios of a stretch may overflow together; what is still 0 stays so.
    const bool still = before.added == 0 && abs(after.ratio) == Format<double>::kInf;
    return {before.ratio * after.ratio, still ? after.added : after.ratio * before.added + after.added};
  }
  template <class At>
  WG_DEV void read(const Lines<3>& l, const At& at, int64_t i, int count, State (&states)[kRun]) const {
    T values[kRun];
    detail::readRun(b + at[0] + i * l.step[0], l.step[0], count, l.packed[0], values);
    const T* ratio = a + at[1] + (i - 1) * l.step[1];
    WG_UNROLL
    for (int k = 0; k < kRun; k++) {
      if (k >= count) continue;
      const double r = i + k == 0 ? 0 : static_cast<double>(ratio[k * l.step[1]]);
      states[k] = {r, static_cast<double>(values[k])};
    }
  }
  template <class At>
  WG_DEV void write(const Lines<3>& l, const At& at, int64_t i, int count,
                    const State (&states)[kRun]) const {
    T values[kRun];
    WG_UNROLL
    for (int k = 0; k < kRun; k++) values[k] = static_cast<T>(states[k].added);
    detail::writeRun(out + at[2] + i * l.step[2], l.step[2], count, l.packed[2], values);
  }
};

template <class T, class Running>
void scan(Stream& s, const View& out, const View& x, int32_t axis) {
  using Rule = Simple<T, Running>;
  Lines<2> l;
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype, "scan: output and input differ")) return;
  const char* wrong = planLines<2>({&x, &out}, axis, Rule::kRun, l);
  if (!require(s, wrong == nullptr, wrong) || numel(x) == 0) return;
  scanLines(s, l, Rule{static_cast<const T*>(x.data), static_cast<T*>(out.data)});
}

/// With the largest state; a run's length follows from the dtype as the kernels' does.
size_t simpleWorkspace(const View& out, const View& x, int32_t axis) {
  Lines<2> l;
  if (planLines<2>({&x, &out}, axis, itemBytes(x.dtype) == 8 ? 2 : 4, l) != nullptr || l.chunks == 1)
    return 0;
  return static_cast<size_t>(l.lines * l.chunks) * sizeof(LogSum<double>);
}

}  // namespace

size_t cumsumWorkspace(const Out& out, const In& x, const int32_t& axis) {
  return simpleWorkspace(out, x, axis);
}
size_t cumprodWorkspace(const Out& out, const In& x, const int32_t& axis) {
  return simpleWorkspace(out, x, axis);
}
size_t logcumsumexpWorkspace(const Out& out, const In& x, const int32_t& axis) {
  return simpleWorkspace(out, x, axis);
}
size_t linearScanWorkspace(const Out& out, const In& a, const In& b, const int32_t& axis) {
  Lines<3> l;
  if (planLines<3>({&b, &a, &out}, axis, itemBytes(b.dtype) == 8 ? 2 : 4, l) != nullptr) return 0;
  return carryBytes<Recurrence<float>>(l);
}

void cumsum(Stream& s, const Out& out, const In& x, const int32_t& axis) {
  withNumber(s, x.dtype, "cumsum", [&]<class T>() { scan<T, RunningSum<T>>(s, out, x, axis); });
}
void cumprod(Stream& s, const Out& out, const In& x, const int32_t& axis) {
  withNumber(s, x.dtype, "cumprod", [&]<class T>() { scan<T, RunningProduct<T>>(s, out, x, axis); });
}
void logcumsumexp(Stream& s, const Out& out, const In& x, const int32_t& axis) {
  withFloat(s, x.dtype, "logcumsumexp", [&]<class T>() { scan<T, RunningLogSum<T>>(s, out, x, axis); });
}

void linearScan(Stream& s, const Out& out, const In& a, const In& b, const int32_t& axis) {
  if (!require(s, sameShape(out, b) && out.dtype == b.dtype && a.dtype == b.dtype,
               "linearScan: outputs and inputs differ"))
    return;
  withFloat(s, b.dtype, "linearScan", [&]<class T>() {
    using Rule = Recurrence<T>;
    Lines<3> l;
    const char* wrong = planLines<3>({&b, &a, &out}, axis, Rule::kRun, l);
    if (!require(s, wrong == nullptr, wrong) || numel(b) == 0) return;
    if (!require(s, a.shape[axis] == l.length - 1, "linearScan: a is not one shorter than b")) return;
    scanLines(s, l,
              Rule{static_cast<const T*>(b.data), static_cast<const T*>(a.data), static_cast<T*>(out.data)});
  });
}

}  // namespace wg::cuda
