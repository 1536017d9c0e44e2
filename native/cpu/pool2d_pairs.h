// Pooling by 2x2 windows with stride 2 and no padding, the commonest form: a
// register of outputs at a time, the two columns of each window separated by
// shuffles. The general path builds rows tap by tap and costs six times as
// much.
#pragma once
#include "kernel.h"
#include "simd/shuffle.h"

namespace wg::cpu {
inline namespace WG_ISA {

#if defined(__AVX512F__)
#define WG_EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define WG_ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define WG_LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#elif defined(__AVX2__)
#define WG_EVEN_LANES 0, 2, 4, 6, 8, 10, 12, 14
#define WG_ODD_LANES 1, 3, 5, 7, 9, 11, 13, 15
#define WG_LANE_NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#else
#define WG_EVEN_LANES 0, 2, 4, 6
#define WG_ODD_LANES 1, 3, 5, 7
#define WG_LANE_NUMBERS 0, 1, 2, 3
#endif

/// Lanes 0, 2, 4 … of two registers, and 1, 3, 5 …
inline simd::Vec<float> evenLanes(simd::Vec<float> low, simd::Vec<float> high) {
  return simd::Vec<float>(__builtin_shufflevector(low.raw, high.raw, WG_EVEN_LANES));
}
inline simd::Vec<float> oddLanes(simd::Vec<float> low, simd::Vec<float> high) {
  return simd::Vec<float>(__builtin_shufflevector(low.raw, high.raw, WG_ODD_LANES));
}
inline simd::Vec<int32_t> laneNumbers() {
  return simd::Vec<int32_t>(simd::Vec<int32_t>::Raw{WG_LANE_NUMBERS});
}

/// The running maximum of each window and where it was found.
struct PairMax {
  using Values = simd::Vec<float>;
  using Places = simd::Vec<int32_t>;
  static constexpr int64_t kLanes = Values::kLanes;
  Values best;
  Places where;

  /// NaN wins over everything, the first of equals stays.
  void take(Values value, Places place) {
    const auto better = (value > best) | (value != value);
    best = simd::select(better, value, best);
    where = simd::select(better, place, where);
  }
};

/// At most two registers of a row: `columns` values from `row` on, zeros behind
/// them.
inline void loadPairs(const float* row, int64_t columns, PairMax::Values& even, PairMax::Values& odd) {
  using V = PairMax::Values;
  constexpr int64_t n = PairMax::kLanes;
  const V low = columns >= n ? simd::load<V>(row) : simd::loadPart<V>(row, columns);
  const V high = columns >= 2 * n ? simd::load<V>(row + n)
                 : columns > n    ? simd::loadPart<V>(row + n, columns - n)
                                  : V(0.0f);
  even = evenLanes(low, high);
  odd = oddLanes(low, high);
}

/// One plane: out and index [outHeight, outWidth], x [>= 2 outHeight, >= 2
/// outWidth], all with unit column stride.
inline void maxPairs(float* out, int64_t outPitch, int32_t* index, int64_t indexPitch, const float* x,
                     int64_t pitch, int64_t width, int64_t outHeight, int64_t outWidth) {
  using Values = PairMax::Values;
  using Places = PairMax::Places;
  const Places lanes = laneNumbers();
  for (int64_t y = 0; y < outHeight; ++y) {
    const float* const top = x + 2 * y * pitch;
    for (int64_t at = 0; at < outWidth; at += PairMax::kLanes) {
      const int64_t count = outWidth - at < PairMax::kLanes ? outWidth - at : PairMax::kLanes;
      const Places first = Places(static_cast<int32_t>(2 * y * width + 2 * at)) + lanes + lanes;
      const Places below = first + Places(static_cast<int32_t>(width));
      Values even, odd;
      loadPairs(top + 2 * at, 2 * count, even, odd);
      PairMax window{even, first};
      window.take(odd, first + Places(1));
      loadPairs(top + pitch + 2 * at, 2 * count, even, odd);
      window.take(even, below);
      window.take(odd, below + Places(1));
      if (count == PairMax::kLanes) {
        simd::store(out + y * outPitch + at, window.best);
        simd::store(index + y * indexPitch + at, window.where);
      } else {
        simd::storePart(out + y * outPitch + at, window.best, count);
        simd::storePart(index + y * indexPitch + at, window.where, count);
      }
    }
  }
}

/// Averages of the same windows.
inline void averagePairs(float* out, int64_t outPitch, const float* x, int64_t pitch, int64_t outHeight,
                         int64_t outWidth, float divisor) {
  using V = simd::Vec<float>;
  for (int64_t y = 0; y < outHeight; ++y) {
    const float* const top = x + 2 * y * pitch;
    for (int64_t at = 0; at < outWidth; at += V::kLanes) {
      const int64_t count = outWidth - at < V::kLanes ? outWidth - at : V::kLanes;
      V a, b, c, d;
      loadPairs(top + 2 * at, 2 * count, a, b);
      loadPairs(top + pitch + 2 * at, 2 * count, c, d);
      // From zero on and in the order of the general way.
      const V mean = ((((V(0.0f) + a) + b) + c) + d) / V(divisor);
      if (count == V::kLanes) simd::store(out + y * outPitch + at, mean);
      else simd::storePart(out + y * outPitch + at, mean, count);
    }
  }
}

/// Two registers, or `columns` of their elements.
inline void storePairs(float* row, int64_t columns, PairMax::Values low, PairMax::Values high) {
  constexpr int64_t n = PairMax::kLanes;
  if (columns >= n) simd::store(row, low);
  else simd::storePart(row, low, columns);
  if (columns >= 2 * n) simd::store(row + n, high);
  else if (columns > n) simd::storePart(row + n, high, columns - n);
}

/// The share of each output in the four elements of its window.
inline void averagePairsGrad(float* dx, int64_t pitch, const float* dy, int64_t dyPitch, int64_t outHeight,
                             int64_t outWidth, float divisor) {
  using V = simd::Vec<float>;
  for (int64_t y = 0; y < outHeight; ++y) {
    float* const top = dx + 2 * y * pitch;
    for (int64_t at = 0; at < outWidth; at += V::kLanes) {
      const int64_t count = outWidth - at < V::kLanes ? outWidth - at : V::kLanes;
      const float* const from = dy + y * dyPitch + at;
      const V g = count == V::kLanes ? simd::load<V>(from) : simd::loadPart<V>(from, count);
      const V share = V(0.0f) + g / V(divisor);
      const V low = simd::interleave<false>(share, share), high = simd::interleave<true>(share, share);
      storePairs(top + 2 * at, 2 * count, low, high);
      storePairs(top + pitch + 2 * at, 2 * count, low, high);
    }
  }
}

#undef WG_EVEN_LANES
#undef WG_ODD_LANES
#undef WG_LANE_NUMBERS

}  // namespace WG_ISA
}  // namespace wg::cpu
