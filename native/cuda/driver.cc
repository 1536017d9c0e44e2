#include "driver.h"

#include <dlfcn.h>

#include <cstdio>
#include <initializer_list>

#include "runtime.h"

namespace wg::cuda {
namespace {

/// The version the installed driver supports (13000 for 13.0); 0: there is no driver, -1: it does not say.
/// Asked of the driver itself, because the runtime answers the same error for a missing driver and an old
/// one.
int driverVersion() {
  void* library = nullptr;
  for (const char* name :
       {"libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/usr/local/nvidia/lib64/libcuda.so.1"})
    if ((library = dlopen(name, RTLD_NOW | RTLD_LOCAL))) break;
  if (!library) return 0;
  const auto ask = reinterpret_cast<int (*)(int*)>(dlsym(library, "cuDriverGetVersion"));
  int version = 0;
  return ask && ask(&version) == 0 ? version : -1;
}

struct Answer {
  int32_t count = 0;
  char message[200] = "";
};

Answer query() {
  Answer a;
  const int version = driverVersion();
  if (version == 0) {
    std::snprintf(a.message, sizeof a.message, "no NVIDIA driver (libcuda.so.1 was not found)");
    return a;
  }
  if (version > 0 && version / 1000 < CUDART_VERSION / 1000) {
    std::snprintf(a.message, sizeof a.message,
                  "the NVIDIA driver supports CUDA %d.%d; warpgrad was built for %d.%d: update the driver",
                  version / 1000, version % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    return a;
  }
  int count = 0;
  if (const cudaError_t result = cudaGetDeviceCount(&count); result != cudaSuccess) {
    std::snprintf(a.message, sizeof a.message, "%s", cudaGetErrorString(result));
    return a;
  }
  a.count = count;
  return a;
}

}  // namespace

int32_t deviceCount(char* message, int32_t capacity) {
  static const Answer answer = query();
  if (message && capacity > 0) std::snprintf(message, static_cast<size_t>(capacity), "%s", answer.message);
  return answer.count;
}

}  // namespace wg::cuda
