// The gradients of attention's keys and values, of float32 and float64.
#include "grad_key.cuh"

namespace wg::cuda::flash {

template void runGradKey(Stream&, const Backward<float, float>&, int64_t, int64_t);
template void runGradKey(Stream&, const Backward<double, double>&, int64_t, int64_t);

}  // namespace wg::cuda::flash
