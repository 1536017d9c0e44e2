// The only place that launches kernels: asynchronously, in the order of the op's stream.
#pragma once
#include <utility>

#include "../check.h"
#include "../native.h"
#include "base.h"
#ifndef __CUDACC__
#include "../../emu/call.h"
#endif

namespace wg::cuda {

/// Runs `kernel` on `grid` blocks of `block` threads, `cluster` of them on neighbouring multiprocessors. A
/// failure is noted in the op's status: of the launch itself now, of the kernel when it is noticed.
template <class... P, class... A>
void launchCluster(Stream& s, void (*kernel)(P...), dim3 cluster, dim3 grid, dim3 block, size_t sharedBytes,
                   A&&... arguments) {
#ifdef __CUDACC__
  constexpr size_t kFree = 48 << 10;  // more has to be asked for
  if (sharedBytes > kFree &&
      !check(s, cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(sharedBytes))))
    return;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = cluster.x;
  attribute.val.clusterDim.y = cluster.y;
  attribute.val.clusterDim.z = cluster.z;
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = sharedBytes;
  config.stream = streamOf(s);
  config.attrs = &attribute;
  config.numAttrs = cluster.x * cluster.y * cluster.z > 1 ? 1 : 0;
  check(s, cudaLaunchKernelEx(&config, kernel, static_cast<P>(std::forward<A>(arguments))...));
#else
  using Call = emu::KernelCall<P...>;
  const emu::LaunchInfo info{reinterpret_cast<const void*>(kernel), grid, block, cluster, sharedBytes};
  check(s, wgEmuEnqueue(streamOf(s), &Call::run, &Call::drop,
                        new Call{info, kernel, {static_cast<P>(std::forward<A>(arguments))...}}));
#endif
}

template <class... P, class... A>
void launch(Stream& s, void (*kernel)(P...), dim3 grid, dim3 block, size_t sharedBytes, A&&... arguments) {
  launchCluster(s, kernel, dim3(1), grid, block, sharedBytes, std::forward<A>(arguments)...);
}

}  // namespace wg::cuda
