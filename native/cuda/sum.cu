// sum and mean over any axes: floats in their own precision with many partial sums, integers wrap.
#include "../ops/rows/reduce.h"

#include "../ops/scalar.h"
#include "prototype.h"
#include "reduction.cuh"

WG_CUDA_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cuda {
namespace {

template <class T>
struct Sum {
  using Value = T;
  using State = Wide<T, T>;
  State count;  ///< divides the sum
  DType to;

  WG_DEV State empty() const { return State(0); }
  template <int n>
  WG_DEV void take(State& sum, const T* v, T, int64_t, int64_t) const {
    // Halves onto each other, as registers of a vector are: fewer roundings in a row.
    if constexpr (n == 1) {
      sum += static_cast<State>(*v);
    } else {
      State part[n / 2];
      WG_UNROLL
      for (int i = 0; i < n / 2; i++) part[i] = static_cast<State>(v[i]) + static_cast<State>(v[i + n / 2]);
      WG_UNROLL
      for (int i = 1; i < n / 2; i++) part[0] += part[i];
      sum += part[0];
    }
  }
  WG_DEV State merge(State a, State b) const { return a + b; }
  WG_DEV void finish(void* out, int64_t at, State sum) const {
    if constexpr (kIsFloat<T>) static_cast<T*>(out)[at] = sum / count;
    else putInteger(out, to, at, sum);
  }
};

}  // namespace

size_t sumWorkspace(const Out& out, const In& x) {
  return reductionWorkspace(out, x, x.dtype == DType::f32 ? 4 : 8);
}
size_t meanWorkspace(const Out& out, const In& x) { return sumWorkspace(out, x); }

void sum(Stream& s, const Out& out, const In& x) {
  Reduction r;
  if (!planReduction(s, out, x, r) || r.outputs == 0) return;
  if (x.dtype == DType::f32 || x.dtype == DType::f64) {
    if (!require(s, out.dtype == x.dtype, "sum: a float sum keeps its dtype")) return;
  } else {
    const bool integer = out.dtype == DType::i32 || out.dtype == DType::i64 || out.dtype == DType::u8;
    if (!require(s, integer, "sum: the sum of integers is an integer")) return;
  }
  withAny(s, x.dtype, "sum", [&]<class T>() { reduce(s, r, Sum<T>{1, out.dtype}); });
}

void mean(Stream& s, const Out& out, const In& x) {
  Reduction r;
  if (!require(s, out.dtype == x.dtype, "mean: dtypes differ") || !planReduction(s, out, x, r)) return;
  if (r.outputs == 0) return;
  withFloat(s, x.dtype, "mean", [&]<class T>() {
    reduce(s, r, Sum<T>{static_cast<T>(r.length), out.dtype});
  });
}

}  // namespace wg::cuda
