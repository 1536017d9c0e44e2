// The kernels that exist for CUDA; every other row of the table reports ERR_UNSUPPORTED.
#pragma once
#include "../ops.h"

namespace wg::cuda {

void fill(Stream& s, const Out& out, const double& value);

}  // namespace wg::cuda
