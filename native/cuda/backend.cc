// The CUDA backend's table.
#include "backend.h"

#include <cstdio>

#include "driver.h"
#include "graph.h"
#include "kernels.h"
#include "memory.h"
#include "table.h"

namespace wg::cuda {
namespace {

int32_t deviceInfo(int32_t device, DeviceInfo* info) {
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) return -1;
  std::snprintf(info->name, sizeof info->name, "%.80s (sm_%d%d)", properties.name, properties.major,
                properties.minor);
  // A reserve stays for the context, the driver and whatever shows the screen.
  constexpr size_t kReserve = size_t{512} << 20;
  info->memoryBytes =
      static_cast<int64_t>(properties.totalGlobalMem > kReserve ? properties.totalGlobalMem - kReserve : 0);
  info->hostAccessible = 0;
  return 0;
}

DeviceQueue* queueOf(void* queue) { return static_cast<DeviceQueue*>(queue); }

Backend make() {
  Backend b{};
  b.name = "cuda";
  b.architecture = [] { return WG_CUDA_ARCHITECTURES; };
  b.kernels = table();
  b.deviceCount = deviceCount;
  b.deviceInfo = deviceInfo;
  b.allocate = allocate;
  b.release = release;
  b.read = readNow;
  b.lost = isLost;
  b.openQueue = [](int32_t device, QueueShared* shared) -> void* {
    return DeviceQueue::open(device, *shared);
  };
  b.kick = [](void* queue) { queueOf(queue)->kick(); };
  b.stage = [](void*, uint64_t bytes) { return staging().take(bytes); };
  b.closeQueue = [](void* queue) { delete queueOf(queue); };
  b.makeGraph = [](void* queue, const Command* first, uint64_t bytes) -> void* {
    return DeviceGraph::make(*queueOf(queue), first, bytes);
  };
  b.freeGraph = [](void* graph) { delete static_cast<DeviceGraph*>(graph); };
  return b;
}

}  // namespace

const Backend& backend() {
  static const Backend instance = make();
  return instance;
}

}  // namespace wg::cuda

#ifndef WG_EMU  // whose entry adds what tests need
extern "C" __attribute__((visibility("default"))) const wg::Backend* wg_backend(uint32_t abi,
                                                                                const wg::Host*) {
  return abi == wg::abi() ? &wg::cuda::backend() : nullptr;
}
#endif
