// Variance over any axes, reading the input once: deviations from a chunk's own mean, chunks joined as in
// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
// (1979). All of it after the output's first value is taken off, which is exact where it matters: float32
// stays good when values lie far from 0.
#include "../ops/rows/reduce.h"

#include "../ops/scalar.h"
#include "prototype.h"
#include "reduction.cuh"

WG_CUDA_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cuda {
namespace {

template <class T>
struct Moments {
  T count, mean, square;  ///< square: the sum of squared deviations from the mean
};

/// 1 / n within a rounding or two. A division of doubles is a function call on the device.
template <class T>
WG_DEV T inverse(T n) {
  if constexpr (sizeof(T) == 4) return T(1) / n;
  T r = static_cast<T>(1.0f / static_cast<float>(n));
  r = r * (T(2) - n * r);
  return r * (T(2) - n * r);
}

template <class T>
struct Variance {
  using Value = T;
  using State = Moments<T>;
  T divisor;

  WG_DEV State empty() const { return {T(0), T(0), T(0)}; }
  template <int n>
  WG_DEV void take(State& state, const T* v, T center, int64_t, int64_t) const {
    T sum = T(0), square = T(0);
    WG_UNROLL
    for (int i = 0; i < n; i++) sum += v[i] - center;
    const T mean = sum * (T(1) / T(n));
    WG_UNROLL
    for (int i = 0; i < n; i++) {
      const T d = v[i] - center - mean;
      square += d * d;
    }
    state = merge(state, {T(n), mean, square});
  }
  WG_DEV State merge(State a, State b) const {
    const T total = a.count + b.count, share = total > T(0) ? b.count * inverse(total) : T(0),
            delta = b.mean - a.mean;
    return {total, a.mean + delta * share, a.square + b.square + delta * delta * (a.count * share)};
  }
  WG_DEV void finish(void* out, int64_t at, State state) const {
    // What is not finite has no deviations, even where one of them alone would be 0.
    const T square = state.mean - state.mean == T(0) ? state.square : Format<T>::kNaN;
    static_cast<T*>(out)[at] = square / divisor;
  }
};

}  // namespace

size_t varianceWorkspace(const Out& out, const In& x, const double&) {
  return reductionWorkspace(out, x, static_cast<size_t>(3 * itemBytes(x.dtype)));
}

void variance(Stream& s, const Out& out, const In& x, const double& correction) {
  Reduction r;
  if (!require(s, out.dtype == x.dtype, "variance: dtypes differ")) return;
  if (!planReduction(s, out, x, r) || r.outputs == 0) return;
  const double divisor = static_cast<double>(r.length) - correction;
  withFloat(s, x.dtype, "variance",
            [&]<class T>() { reduce(s, r, Variance<T>{static_cast<T>(divisor > 0 ? divisor : 0)}); });
}

}  // namespace wg::cuda
