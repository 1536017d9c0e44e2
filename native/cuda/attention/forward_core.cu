// Attention of float16 and bfloat16, on tensor cores.
#include "forward.cuh"

namespace wg::cuda::flash {

template void runForward(Stream&, const Forward<float, F16>&, int64_t, int64_t);
template void runForward(Stream&, const Forward<float, Bf16>&, int64_t, int64_t);

}  // namespace wg::cuda::flash
