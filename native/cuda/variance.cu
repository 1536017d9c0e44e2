// Variance over any axes, reading the input once. Deviations are taken after the output's first value is
// taken off, which is exact where it matters: float32 stays good when values lie far from 0.
#include "../ops/rows/reduce.h"

#include "../ops/scalar.h"
#include "moments.cuh"
#include "prototype.h"
#include "reduction.cuh"

WG_CUDA_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cuda {
namespace {

template <class T>
struct Variance {
  using Value = T;
  using State = Moments<T>;
  T divisor;

  WG_DEV State empty() const { return {T(0), T(0), T(0)}; }
  template <int n>
  WG_DEV void take(State& state, const T* v, T center, int64_t, int64_t) const {
    state.template take<n>(v, center);
  }
  WG_DEV State merge(State a, State b) const { return joined(a, b); }
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
