// Pooling of float32 rows by windows of any size whose steps are 1 or 2: a tap is a register of values, one
// for each of as many windows, read from a line in which padding has values too.
#pragma once
#include "pool2d_pairs.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// One axis of the window over one plane.
struct Axis {
  int64_t in, out, kernel, stride, pad, dilation;

  /// First and one past the last output whose tap falls inside the input, within [begin, end).
  void range(int64_t tap, int64_t begin, int64_t end, int64_t& from, int64_t& to) const {
    const int64_t shift = pad - tap * dilation;  // output o reads o * stride - shift
    from = maxOf(begin, shift > 0 ? ceilDiv(shift, stride) : 0);
    to = in - 1 + shift < 0 ? 0 : minOf(end, (in - 1 + shift) / stride + 1);
  }
  /// Elements of a window that an average counts.
  int64_t extent(int64_t o, bool countPad) const {
    const int64_t begin = o * stride - pad, end = minOf(begin + kernel, in + pad);
    const int64_t n = countPad ? end - begin : minOf(end, in) - maxOf(begin, 0);
    return maxOf(n, 0);
  }
};

/// Columns of an output row worked on at a time; they live on the stack.
inline constexpr int64_t kStrip = 256;
inline constexpr int64_t kMostTaps = 32;

inline bool hasLines(const Axis& w) { return w.dilation == 1 && w.stride <= 2 && w.kernel <= kMostTaps; }

/// What outputs [x0, x0 + count) of a row read of one input row, and whole registers behind it.
struct Line {
  static constexpr int64_t kLanes = simd::Vec<float>::kLanes;
  alignas(64) float value[2 * kStrip + kMostTaps + 4 * kLanes];
  int64_t first, begin, end;  // value[begin, end) is the row's, from its element `first` + begin on

  /// The padding around the row, the same for all rows.
  void frame(const Axis& w, int64_t x0, int64_t count, float padding) {
    const int64_t length = (count + kLanes) * w.stride + w.kernel;
    first = x0 * w.stride - w.pad;
    begin = minOf(maxOf(-first, 0), length);
    end = maxOf(begin, minOf(length, w.in - first));
    for (int64_t i = 0; i < begin; ++i) value[i] = padding;
    for (int64_t i = end; i < length + kLanes; ++i) value[i] = padding;
  }
  void fill(const float* row) {
    __builtin_memcpy(value + begin, row + first + begin, static_cast<size_t>(end - begin) * sizeof(float));
  }
  /// Tap q of the windows i, i + 1 …
  template <int kStride>
  simd::Vec<float> tap(int64_t i, int64_t q) const {
    using V = simd::Vec<float>;
    if constexpr (kStride == 1) return simd::load<V>(value + i + q);
    const V low = simd::load<V>(value + 2 * i + q), high = simd::load<V>(value + 2 * i + q + kLanes);
    return evenLanes(low, high);
  }
};

/// f(input row) for the rows of window y that exist.
template <class F>
inline void eachRowOf(const Axis& h, int64_t y, F f) {
  for (int64_t r = 0; r < h.kernel; ++r) {
    const int64_t row = y * h.stride - h.pad + r * h.dilation;
    if (row >= 0 && row < h.in) f(row);
  }
}

/// Maxima and their places in one plane, all with unit column stride.
template <int kStride>
inline void maxLines(float* out, int64_t outPitch, int32_t* index, int64_t indexPitch, const float* x,
                     int64_t pitch, const Axis& h, const Axis& w) {
  using Places = PairMax::Places;
  constexpr int64_t kLanes = Line::kLanes;
  const Places lanes = laneNumbers(), steps = kStride == 1 ? lanes : lanes + lanes;
  // Rows that are filled before they are read: a load across what was just stored waits.
  constexpr int64_t kLines = 4;
  Line lines[kLines];
  alignas(64) float best[kStrip];
  alignas(64) int32_t where[kStrip], begin[kStrip];
  for (int64_t x0 = 0; x0 < w.out; x0 += kStrip) {
    const int64_t count = minOf(kStrip, w.out - x0), whole = ceilDiv(count, kLanes) * kLanes;
    for (Line& line : lines) line.frame(w, x0, count, -__builtin_inff());
    for (int64_t i = 0; i < count; ++i) {
      const int64_t left = (x0 + i) * kStride - w.pad, inside = maxOf(left, 0);
      begin[i] = inside < minOf(left + w.kernel, w.in) ? static_cast<int32_t>(inside) : -1;
    }
    for (int64_t y = 0; y < h.out; ++y) {
      int64_t held = 0, start[kLines];  // of the input rows in `lines`, their first element's number
      bool first = true;
      for (int64_t i = 0; i < whole; ++i) best[i] = -__builtin_inff(), where[i] = -1;
      const auto takeLines = [&] {
        // Nothing is greater than the lowest value: the window's first element is its winner until beaten.
        for (int64_t i = 0; first && held > 0 && i < count; ++i)
          where[i] = begin[i] < 0 ? -1 : static_cast<int32_t>(start[0]) + begin[i];
        first = first && held == 0;
        for (int64_t i = 0; i < count; i += kLanes) {
          PairMax window{simd::load<PairMax::Values>(best + i), simd::load<Places>(where + i)};
          for (int64_t k = 0; k < held; ++k) {
            const Places from = Places(static_cast<int32_t>(start[k] + (x0 + i) * kStride - w.pad)) + steps;
            for (int64_t q = 0; q < w.kernel; ++q)
              window.take(lines[k].template tap<kStride>(i, q), from + Places(static_cast<int32_t>(q)));
          }
          simd::store(best + i, window.best);
          simd::store(where + i, window.where);
        }
        held = 0;
      };
      eachRowOf(h, y, [&](int64_t row) {
        lines[held].fill(x + row * pitch);
        start[held++] = row * w.in;
        if (held == kLines) takeLines();
      });
      takeLines();
      __builtin_memcpy(out + y * outPitch + x0, best, static_cast<size_t>(count) * sizeof(float));
      __builtin_memcpy(index + y * indexPitch + x0, where, static_cast<size_t>(count) * sizeof(int32_t));
    }
  }
}

/// What averages divide by: a number given, or the window's elements, with or without padding.
struct Divisors {
  Axis h, w;
  double given;
  bool countPad;

  double at(int64_t y, int64_t x) const {
    if (given != 0) return given;
    const int64_t count = h.extent(y, countPad) * w.extent(x, countPad);
    return count > 0 ? static_cast<double>(count) : 1;
  }
  /// Of outputs [x0, x0 + count) of row y, from the widths of their windows.
  void row(float* to, const float* widths, int64_t y, int64_t count) const {
    const auto height = static_cast<float>(h.extent(y, countPad)), constant = static_cast<float>(given);
    for (int64_t i = 0; i < count; ++i) {
      const float area = height * widths[i];
      to[i] = constant != 0 ? constant : area > 0 ? area : 1.0f;
    }
  }
  void widths(float* to, int64_t x0, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(w.extent(x0 + i, countPad));
  }
};

/// Averages of one plane, each window summed row by row, with unit column stride.
template <int kStride>
inline void averageLines(float* out, int64_t outPitch, const float* x, int64_t pitch,
                         const Divisors& divisors) {
  using V = simd::Vec<float>;
  constexpr int64_t kLanes = Line::kLanes;
  const Axis &h = divisors.h, &w = divisors.w;
  Line line;
  alignas(64) float sums[kStrip], widths[kStrip], divisor[kStrip];
  for (int64_t x0 = 0; x0 < w.out; x0 += kStrip) {
    const int64_t count = minOf(kStrip, w.out - x0);
    divisors.widths(widths, x0, count);
    line.frame(w, x0, count, 0.0f);
    for (int64_t y = 0; y < h.out; ++y) {
      for (int64_t i = 0; i < count; i += kLanes) simd::store(sums + i, V(0.0f));
      eachRowOf(h, y, [&](int64_t row) {
        line.fill(x + row * pitch);
        for (int64_t i = 0; i < count; i += kLanes) {
          V sum = simd::load<V>(sums + i);
          for (int64_t q = 0; q < w.kernel; ++q) sum = sum + line.template tap<kStride>(i, q);
          simd::store(sums + i, sum);
        }
      });
      divisors.row(divisor, widths, y, count);
      float* const to = out + y * outPitch + x0;
      for (int64_t i = 0; i < count; ++i) to[i] = sums[i] / divisor[i];
    }
  }
}

/// dx += the share of each output in its window's elements: spread along a line first, which is then added to
/// the window's rows.
inline void averageLinesGrad(float* dx, int64_t pitch, const float* dy, int64_t dyPitch,
                             const Divisors& divisors) {
  const Axis &h = divisors.h, &w = divisors.w;
  alignas(64) float line[2 * kStrip + kMostTaps], share[kStrip], widths[kStrip];
  for (int64_t x0 = 0; x0 < w.out; x0 += kStrip) {
    const int64_t count = minOf(kStrip, w.out - x0), length = (count - 1) * w.stride + w.kernel;
    const int64_t first = x0 * w.stride - w.pad;
    const int64_t begin = minOf(maxOf(-first, 0), length), end = minOf(length, w.in - first);
    divisors.widths(widths, x0, count);
    for (int64_t y = 0; y < h.out; ++y) {
      divisors.row(share, widths, y, count);
      const float* const from = dy + y * dyPitch + x0;
      for (int64_t i = 0; i < count; ++i) share[i] = from[i] / share[i];
      for (int64_t i = 0; i < length; ++i) line[i] = 0;
      for (int64_t q = 0; q < w.kernel; ++q) {
        if (w.stride == 1) {
          for (int64_t i = 0; i < count; ++i) line[i + q] += share[i];
        } else {
          for (int64_t i = 0; i < count; ++i) line[2 * i + q] += share[i];
        }
      }
      eachRowOf(h, y, [&](int64_t row) {
        float* const to = dx + row * pitch + first;
        for (int64_t i = begin; i < end; ++i) to[i] += line[i];
      });
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
