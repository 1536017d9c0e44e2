// Unary kernels and their gradients, from the bodies in native/ops/unary.h.
#include "../ops/rows/elementwise.h"

#include "bodies.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_ELEMENTWISE_ROWS)

namespace wg::cuda {

WG_UNARY(WG_UNARY_KERNELS, )

}  // namespace wg::cuda
