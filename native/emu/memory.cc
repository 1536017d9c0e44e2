// Memory of the emulated devices, pinned memory, and copies.
#include <cstdlib>
#include <cstring>
#include <map>

#include "stream.h"

namespace wg::emu {
namespace {

constexpr unsigned char kPoison = 0xff;  // NaN, -1

struct Range {
  size_t bytes;
  int device;  ///< -1: pinned host memory
};

/// Leaked on purpose, as everything that threads may use while the process ends.
struct Memory {
  std::mutex mutex;
  std::map<uintptr_t, Range> ranges;
  size_t used[kDevices] = {};
};
Memory& memory() {
  static auto* instance = new Memory;
  return *instance;
}

/// Where [data, data + bytes) lies: a device's number, -1 for the host, -2 when it reaches out of an
/// allocation.
int placeOf(const void* data, size_t bytes) {
  Memory& m = memory();
  std::lock_guard lock(m.mutex);
  const auto at = reinterpret_cast<uintptr_t>(data);
  auto above = m.ranges.upper_bound(at);
  if (above == m.ranges.begin()) return -1;
  const auto& [start, range] = *--above;
  if (at >= start + range.bytes) return -1;
  return at + bytes <= start + range.bytes ? range.device : -2;
}

cudaError_t allocate(void** data, size_t bytes, int device) {
  size_t most;
  {
    std::lock_guard lock(hooks.mutex);
    most = static_cast<size_t>(hooks.deviceBytes);
  }
  Memory& m = memory();
  std::lock_guard lock(m.mutex);
  const size_t rounded = std::max<size_t>((bytes + 255) / 256 * 256, 256);
  if (device >= 0 && m.used[device] + rounded > most) return cudaErrorMemoryAllocation;
  // No more than was asked for: a sanitizer then sees what reaches beyond.
  if (posix_memalign(data, 256, std::max<size_t>(bytes, 1))) return cudaErrorMemoryAllocation;
  std::memset(*data, kPoison, bytes);
  m.ranges[reinterpret_cast<uintptr_t>(*data)] = {bytes, device};
  if (device >= 0) m.used[device] += rounded;
  return cudaSuccess;
}

cudaError_t release(void* data, bool device) {
  if (!data) return cudaSuccess;
  Memory& m = memory();
  std::lock_guard lock(m.mutex);
  const auto found = m.ranges.find(reinterpret_cast<uintptr_t>(data));
  if (found == m.ranges.end() || (found->second.device >= 0) != device) return cudaErrorInvalidValue;
  if (device) m.used[found->second.device] -= std::max<size_t>((found->second.bytes + 255) / 256 * 256, 256);
  m.ranges.erase(found);
  std::free(data);
  return cudaSuccess;
}

/// Whether a copy between these places is what `kind` says.
bool kindFits(cudaMemcpyKind kind, int to, int from) {
  if (to == -2 || from == -2) return false;
  switch (kind) {
    case cudaMemcpyHostToHost:
      return to < 0 && from < 0;
    case cudaMemcpyHostToDevice:
      return to >= 0 && from < 0;
    case cudaMemcpyDeviceToHost:
      return to < 0 && from >= 0;
    case cudaMemcpyDeviceToDevice:
      return to >= 0 && from >= 0;
    case cudaMemcpyDefault:
      return true;
  }
  return false;
}

}  // namespace
}  // namespace wg::emu

using namespace wg::emu;

cudaError_t cudaMalloc(void** data, size_t bytes) {
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  {
    std::lock_guard lock(hooks.mutex);
    if (due(hooks.failAllocation)) return note(cudaErrorMemoryAllocation);
  }
  return guarded([&] { return allocate(data, bytes, currentDevice); });
}
cudaError_t cudaFree(void* data) {
  if (!data) return note(cudaSuccess);
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  cudaDeviceSynchronize();  // as on a device, where whoever forgets a wait is saved by this one as well
  return note(release(data, true));
}
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  return guarded([&] { return allocate(data, bytes, -1); });
}
cudaError_t cudaFreeHost(void* data) {
  cudaDeviceSynchronize();
  return note(release(data, false));
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  if (bytes == 0) return note(cudaSuccess);
  if (!kindFits(kind, placeOf(to, bytes), placeOf(from, bytes))) return note(cudaErrorInvalidValue);
  std::memcpy(to, from, bytes);
  return note(cudaSuccess);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  if (bytes == 0) return note(cudaSuccess);
  if (!kindFits(kind, placeOf(to, bytes), placeOf(from, bytes))) return note(cudaErrorInvalidValue);
  return guarded([&] { return stream->enqueue(taskOf([=] { std::memmove(to, from, bytes); })); });
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return note(cudaSuccess);
  if (placeOf(to, bytes) < 0) return note(cudaErrorInvalidValue);
  return guarded([&] { return stream->enqueue(taskOf([=] { std::memset(to, value, bytes); })); });
}
