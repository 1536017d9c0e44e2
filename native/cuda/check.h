// Errors of the CUDA runtime, as the status of an op.
#pragma once
#include <cuda_runtime_api.h>

#include "../core/stream.h"

namespace wg::cuda {

/// Whether the call succeeded; if not, the op fails with CUDA's own words.
bool check(Stream& s, cudaError_t result);

}  // namespace wg::cuda
