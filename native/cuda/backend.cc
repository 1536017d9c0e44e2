// The CUDA backend's table. Memory is managed, so the host half of a queue (copies, moves, snapshots) is
// core's own; an op is finished when its function returns.
#include "../core/backend.h"

#include <cuda_runtime_api.h>

#include <cstdio>
#include <new>
#include <system_error>

#include "../core/executor.h"
#include "driver.h"
#include "kernels.h"

namespace wg::cuda {
namespace {

const char* const kNames[] = {
#define WG_NAME(name, args, names) #name,
    WG_OPS(WG_NAME)
#undef WG_NAME
};

template <int op>
void unsupported(Stream& s, const void*) {
  auto expected = static_cast<int32_t>(Code::ok);
  if (s.status->code.compare_exchange_strong(expected, static_cast<int32_t>(Code::unsupported)))
    std::snprintf(s.status->message, sizeof s.status->message,
                  "%s: has no CUDA kernel; move its inputs to 'cpu'", kNames[op]);
}

const KernelRow* kernels() {
  static KernelRow rows[static_cast<int>(Op::count)] = {
#define WG_ROW(name, args, names) {&unsupported<static_cast<int>(Op::name)>, nullptr},
      WG_OPS(WG_ROW)
#undef WG_ROW
  };
  rows[static_cast<int>(Op::fill)].run = &thunk<void(Out, double), &fill>;
  return rows;
}

int32_t deviceInfo(int32_t device, DeviceInfo* info) {
  cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, device) != cudaSuccess) return -1;
  std::snprintf(info->name, sizeof info->name, "%.80s (sm_%d%d)", properties.name, properties.major,
                properties.minor);
  // A reserve stays for the context, the driver and whatever shows the screen.
  constexpr size_t kReserve = size_t{512} << 20;
  info->memoryBytes =
      static_cast<int64_t>(properties.totalGlobalMem > kReserve ? properties.totalGlobalMem - kReserve : 0);
  info->hostAccessible = 1;
  return 0;
}

void* allocate(int32_t, size_t bytes) {
  void* data = nullptr;
  return cudaMallocManaged(&data, bytes) == cudaSuccess ? data : nullptr;
}

void* openQueue(int32_t, QueueShared* shared) {
  try {
    return new Executor(
        *shared, [] { cudaSetDevice(0); }, nullptr);
  } catch (const std::bad_alloc&) {
    return nullptr;
  } catch (const std::system_error&) {  // no thread to be had
    return nullptr;
  }
}

struct Graph {
  const Command* first;
  uint64_t bytes;
};

Backend make() {
  Backend b{};
  b.name = "cuda";
  b.architecture = [] { return WG_CUDA_ARCHITECTURES; };
  b.kernels = kernels();
  b.deviceCount = deviceCount;
  b.deviceInfo = deviceInfo;
  b.allocate = allocate;
  b.release = [](int32_t, void* data, size_t) { cudaFree(data); };
  b.openQueue = openQueue;
  b.kick = [](void* queue) { static_cast<Executor*>(queue)->kick(); };
  b.closeQueue = [](void* queue) { delete static_cast<Executor*>(queue); };
  b.makeGraph = [](void*, const Command* first, uint64_t bytes) -> void* {
    return new (std::nothrow) Graph{first, bytes};
  };
  b.runGraph = [](const void* graph, QueueShared& queue, void* native) {
    const auto& g = *static_cast<const Graph*>(graph);
    executeAll(g.first, g.bytes, queue, native);
  };
  b.freeGraph = [](void* graph) { delete static_cast<Graph*>(graph); };
  return b;
}

}  // namespace
}  // namespace wg::cuda

extern "C" __attribute__((visibility("default"))) const wg::Backend* wg_backend(uint32_t abi,
                                                                                const wg::Host*) {
  if (abi != wg::abi()) return nullptr;
  static const wg::Backend instance = wg::cuda::make();
  return &instance;
}
