// Running maxima and minima with their places. As in PyTorch the last of equals is named, and of NaNs the
// last so far.
#include "../ops/rows/scan.h"
#include "../ops/scalar.h"
#include "prototype.h"
#include "scan.cuh"

WG_CUDA_PROTOTYPES(WG_SCAN_ROWS)

namespace wg::cuda {
namespace {

template <class K>
struct Place {
  K value;
  int64_t index;  ///< -1: no element yet
};

template <class T>
struct RunningExtreme {
  static constexpr int kViews = 3, kRun = sizeof(T) == 8 ? 2 : 4;
  using Key = std::conditional_t<sizeof(T) == 1, int32_t, T>;  // shuffles move words
  using State = Place<Key>;
  const T* x;
  T* out;
  void* indices;
  bool wide;    ///< indices are int64
  bool turned;  ///< the smallest: values are compared the other way round

  WG_DEV Key turn(Key v) const {
    if constexpr (kIsFloat<T>) return turned ? -v : v;
    else return turned ? static_cast<Key>(~v) : v;
  }
  WG_DEV State neutral() const { return {Key(0), -1}; }
  WG_DEV State combine(const State& a, const State& b) const {
    if (b.index < 0) return a;
    const bool isNaN = b.value != b.value;
    return a.index < 0 || isNaN || (a.value == a.value && b.value >= a.value) ? b : a;
  }
  template <class At>
  WG_DEV void read(const Lines<3>& l, const At& at, int64_t i, int count, State (&states)[kRun]) const {
    T values[kRun];
    detail::readRun(x + at[0] + i * l.step[0], l.step[0], count, l.packed[0], values);
    WG_UNROLL
    for (int k = 0; k < kRun; k++)
      if (k < count) states[k] = {turn(values[k]), i + k};
  }
  template <class At>
  WG_DEV void write(const Lines<3>& l, const At& at, int64_t i, int count,
                    const State (&states)[kRun]) const {
    T values[kRun];
    WG_UNROLL
    for (int k = 0; k < kRun; k++) values[k] = static_cast<T>(turn(states[k].value));
    detail::writeRun(out + at[1] + i * l.step[1], l.step[1], count, l.packed[1], values);
    if (wide) writeIndices<int64_t>(l, at[2] + i * l.step[2], count, states);
    else writeIndices<int32_t>(l, at[2] + i * l.step[2], count, states);
  }

 private:
  template <class I>
  WG_DEV void writeIndices(const Lines<3>& l, int64_t to, int count, const State (&states)[kRun]) const {
    I places[kRun];
    WG_UNROLL
    for (int k = 0; k < kRun; k++) places[k] = static_cast<I>(states[k].index);
    detail::writeRun(static_cast<I*>(indices) + to, l.step[2], count, l.packed[2], places);
  }
};

void extremeScan(Stream& s, const View& out, const View& indices, const View& x, int32_t axis,
                 bool smallest) {
  if (!require(s,
               sameShape(out, x) && out.dtype == x.dtype && sameShape(indices, x) &&
                   (indices.dtype == DType::i32 || indices.dtype == DType::i64),
               "cummax, cummin: outputs and input differ"))
    return;
  withAny(s, x.dtype, smallest ? "cummin" : "cummax", [&]<class T>() {
    using Rule = RunningExtreme<T>;
    Lines<3> l;
    const char* wrong = planLines<3>({&x, &out, &indices}, axis, Rule::kRun, l);
    if (!require(s, wrong == nullptr, wrong) || numel(x) == 0) return;
    scanLines(s, l,
              Rule{static_cast<const T*>(x.data), static_cast<T*>(out.data), indices.data,
                   indices.dtype == DType::i64, smallest});
  });
}

size_t extremeWorkspace(const View& out, const View& indices, const View& x, int32_t axis) {
  Lines<3> l;
  if (planLines<3>({&x, &out, &indices}, axis, itemBytes(x.dtype) == 8 ? 2 : 4, l) != nullptr) return 0;
  return carryBytes<RunningExtreme<double>>(l);
}

}  // namespace

size_t cummaxWorkspace(const Out& out, const Out& indices, const In& x, const int32_t& axis) {
  return extremeWorkspace(out, indices, x, axis);
}
size_t cumminWorkspace(const Out& out, const Out& indices, const In& x, const int32_t& axis) {
  return extremeWorkspace(out, indices, x, axis);
}

void cummax(Stream& s, const Out& out, const Out& indices, const In& x, const int32_t& axis) {
  extremeScan(s, out, indices, x, axis, false);
}
void cummin(Stream& s, const Out& out, const Out& indices, const In& x, const int32_t& axis) {
  extremeScan(s, out, indices, x, axis, true);
}

}  // namespace wg::cuda
