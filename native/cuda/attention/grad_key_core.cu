// The gradients of attention's keys and values, of float16 and bfloat16.
#include "grad_key.cuh"

namespace wg::cuda::flash {

template void runGradKey(Stream&, const Backward<float, F16>&, int64_t, int64_t);
template void runGradKey(Stream&, const Backward<float, Bf16>&, int64_t, int64_t);

}  // namespace wg::cuda::flash
