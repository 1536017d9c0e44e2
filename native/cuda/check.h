// Errors of the CUDA runtime, as the status of an op.
#pragma once
#include "../core/stream.h"
#include "runtime.h"

namespace wg::cuda {

/// Whether the call succeeded; if not, the op fails with CUDA's own words.
bool check(Stream& s, cudaError_t result);

/// Whether nothing on the device can be trusted or used any more.
bool endsContext(cudaError_t result);

}  // namespace wg::cuda
