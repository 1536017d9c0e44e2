// The float32 functions of one instruction set, for ulp.cc: compiled once for each with its WG_ISA and flags.
#include "../../../native/cpu/simd/tanh.h"
#include "../../../native/ops/activation.h"
#include "ulp.h"

namespace wg {
inline namespace WG_ISA {
namespace {

template <class Op>
void over(float* y, const float* x, int64_t n) {
  using V = cpu::simd::Vec<float>;
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) store(y + i, cpu::simd::valueOf<Op>(cpu::simd::load<V>(x + i)));
  for (; i < n; i++) y[i] = Op::value(x[i]);  // the same body over scalars
}

}  // namespace

void evaluate(int function, float* y, const float* x, int64_t n) {
  constexpr void (*all[])(float*, const float*, int64_t) = {
#define WG_ENTRY(Struct, name, bound, least) over<op::Struct>,
      WG_ULP_FUNCTIONS(WG_ENTRY)
#undef WG_ENTRY
  };
  all[function](y, x, n);
}

}  // namespace WG_ISA
}  // namespace wg
