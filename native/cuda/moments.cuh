// Mean and squared deviations of values that are seen once: deviations from a chunk's own mean, chunks joined
// as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
// (1979).
#pragma once
#include "wg/base.h"

namespace wg::cuda {

/// 1 / n within a rounding or two. A division of doubles is a function call on the device.
template <class T>
WG_DEV T inverse(T n) {
  if constexpr (sizeof(T) == 4) return T(1) / n;
  T r = static_cast<T>(1.0f / static_cast<float>(n));
  r = r * (T(2) - n * r);
  return r * (T(2) - n * r);
}

template <class T>
struct Moments {
  T count, mean, square;  ///< square: the sum of squared deviations from the mean

  /// n more values, each less `center`.
  template <int n>
  WG_DEV void take(const T* v, T center);
};

template <class T>
WG_DEV Moments<T> joined(const Moments<T>& a, const Moments<T>& b) {
  const T total = a.count + b.count, share = total > T(0) ? b.count * inverse(total) : T(0),
          delta = b.mean - a.mean;
  return {total, a.mean + delta * share, a.square + b.square + delta * delta * (a.count * share)};
}

template <class T>
template <int n>
WG_DEV void Moments<T>::take(const T* v, T center) {
  T sum = T(0), deviations = T(0);
  WG_UNROLL
  for (int i = 0; i < n; i++) sum += v[i] - center;
  const T own = sum * (T(1) / T(n));
  WG_UNROLL
  for (int i = 0; i < n; i++) {
    const T d = v[i] - center - own;
    deviations += d * d;
  }
  *this = joined(*this, {T(n), own, deviations});
}

}  // namespace wg::cuda
