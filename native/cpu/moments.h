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

/// Of `count` elements from the sums of their deviations from `center`, which is `mean` rounded to T, and of
/// their squares: what the rounding leaves of the deviations' sum is taken out again.
template <class T>
inline Moments momentsAround(T center, double mean, double count, double deviation, double square) {
  if (mean - mean != 0) return {count, mean, __builtin_nan("")};
  return {count, static_cast<double>(center) + deviation / count, square - deviation * deviation / count};
}

template <class T>
struct Deviations {
  using V = simd::Vec<T>;
  using Partial = Moments;
  static constexpr int64_t kBlock = 1024;
  Moments sum = {0, 0, 0};
  bool asks = false;

  static Moments block(const T* x, int64_t n, bool asks) {
    simd::SumState<T> total;
    total.asks = asks;
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
    return momentsAround(center, mean, count, deviation, square);
  }
  void add(const T* x, int64_t n) {
    for (int64_t i = 0; i < n; i += kBlock) sum.merge(block(x + i, minOf(kBlock, n - i), asks), 0);
  }
  Moments partial() const { return sum; }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
