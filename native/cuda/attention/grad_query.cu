// The gradients of attention's queries, of float32 and float64.
#include "grad_query.cuh"

namespace wg::cuda::flash {

template void runGradQuery(Stream&, const Backward<float, float>&, int64_t);
template void runGradQuery(Stream&, const Backward<double, double>&, int64_t);

}  // namespace wg::cuda::flash
