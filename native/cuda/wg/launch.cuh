// The only place with <<< >>>: every launch goes through here and is checked where it is made.
#pragma once
#include <cuda_runtime.h>

#include "../check.h"

namespace wg::cuda {

/// Runs `kernel` on `grid` blocks of `block` threads and waits for it; a failure is noted in the op's status.
template <class... P, class... A>
void launch(Stream& s, void (*kernel)(P...), dim3 grid, dim3 block, A... arguments) {
  kernel<<<grid, block, 0, cudaStreamPerThread>>>(arguments...);
  // The queue runs host copies between ops and may not overtake the device.
  if (check(s, cudaGetLastError())) check(s, cudaStreamSynchronize(cudaStreamPerThread));
}

}  // namespace wg::cuda
