// Products over any axes: floats multiply in double, so that no order of factors overflows alone; integers
// wrap.
#include "../ops/rows/reduce.h"

#include "../ops/scalar.h"
#include "prototype.h"
#include "reduction.cuh"

WG_CUDA_PROTOTYPES(WG_REDUCE_ROWS)

namespace wg::cuda {
namespace {

template <class T>
struct Product {
  using Value = T;
  using State = Wide<T, double>;
  DType to;

  WG_DEV State empty() const { return State(1); }
  template <int n>
  WG_DEV void take(State& product, const T* v, T, int64_t, int64_t) const {
    State part = static_cast<State>(v[0]);
    WG_UNROLL
    for (int i = 1; i < n; i++) part *= static_cast<State>(v[i]);
    product *= part;
  }
  WG_DEV State merge(State a, State b) const { return a * b; }
  WG_DEV void finish(void* out, int64_t at, State product) const {
    if constexpr (kIsFloat<T>) static_cast<T*>(out)[at] = static_cast<T>(product);
    else putInteger(out, to, at, product);
  }
};

}  // namespace

size_t prodWorkspace(const Out& out, const In& x) { return reductionWorkspace(out, x, 8); }

void prod(Stream& s, const Out& out, const In& x) {
  Reduction r;
  const bool isFloat = x.dtype == DType::f32 || x.dtype == DType::f64;
  const bool integer = out.dtype == DType::i32 || out.dtype == DType::i64 || out.dtype == DType::u8;
  if (!require(s, isFloat ? out.dtype == x.dtype : integer, "prod: dtypes do not fit")) return;
  if (!planReduction(s, out, x, r) || r.outputs == 0) return;
  withAny(s, x.dtype, "prod", [&]<class T>() { reduce(s, r, Product<T>{out.dtype}); });
}

}  // namespace wg::cuda
