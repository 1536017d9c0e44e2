// Exponentials, logarithms, trigonometric and hyperbolic functions, from the bodies in
// native/ops/elementary.h.
#include "../ops/rows/elementary.h"

#include "bodies.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_ELEMENTARY_ROWS)

namespace wg::cuda {

WG_ELEMENTARY(WG_UNARY_KERNELS, )

}  // namespace wg::cuda
