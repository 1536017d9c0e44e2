// The gradients of attention's queries, of float16 and bfloat16.
#include "grad_query.cuh"

namespace wg::cuda::flash {

template void runGradQuery(Stream&, const Backward<float, F16>&, int64_t);
template void runGradQuery(Stream&, const Backward<float, Bf16>&, int64_t);

}  // namespace wg::cuda::flash
