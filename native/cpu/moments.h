// Mean and squared deviations of a run, reading it once: deviations from a block's own mean, blocks joined as
// in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
// (1979).
#pragma once
#include "kernel.h"
#include "simd/fold.h"

namespace wg::cpu {
inline namespace WG_ISA {

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

/// Moments of a run of `count` elements, which visit(take) hands over in registers: take(register, keep, k)
/// with keep(v) leaving zeros in lanes that do not count, and k < 4 in turns. One pass, around `guess`:
/// Shifted data, in the paper above. Squares around a center far from the mean lose digits, so that an eighth
/// must be left of them: else the run is passed over again, for its mean and around that.
template <class T, class Visit>
class MomentsOfRun {
  using V = simd::Vec<T>;
  struct Sums {
    double deviation, square;
  };
  static WG_SIMD Sums around(T center, const Visit& visit) {
    const V shift(center);
    V deviation[4], square[4];
    for (int k = 0; k < 4; k++) deviation[k] = square[k] = V(T(0));
    visit([&](V v, auto keep, int k) {
      const V d = keep(v - shift);
      deviation[k] = deviation[k] + d;
      square[k] = square[k] + d * d;
    });
    return {simd::addLanes((deviation[0] + deviation[1]) + (deviation[2] + deviation[3])),
            simd::addLanes((square[0] + square[1]) + (square[2] + square[3]))};
  }
  static Moments joined(T center, double count, Sums sums) {
    const double distance = sums.deviation / count;
    return {count, static_cast<double>(center) + distance, sums.square - sums.deviation * distance};
  }
  static __attribute__((noinline, cold)) Moments aroundMean(double count, const Visit& visit) {
    double mean = 0;
    for (bool found = false;; found = true) {
      const Sums sums = around(static_cast<T>(mean), visit);
      if (found) return joined(static_cast<T>(mean), count, sums);
      mean = sums.deviation / count;
      if (mean - mean != 0) return {count, mean, __builtin_nan("")};
    }
  }

 public:
  static WG_SIMD Moments near(T guess, double count, const Visit& visit) {
    const Sums sums = around(guess, visit);
    const Moments found = joined(guess, count, sums);
    return found.square * 8 >= sums.square ? found : aroundMean(count, visit);
  }
};

template <class T>
struct Deviations {
  using V = simd::Vec<T>;
  using Partial = Moments;
  static constexpr int64_t kBlock = 1024;
  Moments sum = {0, 0, 0};
  bool asks = false;

  /// Of at most kBlock elements, one or more.
  template <bool kAsks>
  static WG_SIMD Moments block(const T* x, int64_t n, int64_t ahead) {
    const auto visit = [x, n, ahead](auto take) {
      const auto all = [](V v) { return v; };
      int64_t i = 0;
      for (; i + 4 * V::kLanes <= n; i += 4 * V::kLanes) {
        for (int k = 0; k < 4; k++) {
          simd::askBehind<kAsks>(x + i + k * V::kLanes, k, ahead);
          take(simd::load<V>(x + i + k * V::kLanes), all, k);
        }
      }
      for (; i + V::kLanes <= n; i += V::kLanes) take(simd::load<V>(x + i), all, 0);
      if (i < n)
        take(
            simd::loadPart<V>(x + i, n - i), [i, n](V v) { return simd::firstOf(v, n - i); }, 1);
    };
    // The mean of four elements far from each other.
    const auto quarter = [x, n](int64_t k) { return x[n * k / 4] * static_cast<T>(0.25); };
    const T guess = (quarter(0) + quarter(1)) + (quarter(2) + quarter(3));
    return MomentsOfRun<T, decltype(visit)>::near(guess, static_cast<double>(n), visit);
  }
  /// `ahead`: bytes from what is read to what is asked for meanwhile, where the state asks.
  void add(const T* x, int64_t n, int64_t ahead = simd::kFoldAhead * 64) {
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t count = minOf(kBlock, n - i);
      sum.merge(asks ? block<true>(x + i, count, ahead) : block<false>(x + i, count, ahead), 0);
    }
  }
  Moments partial() const { return sum; }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
