// What all of the emulated runtime shares: fault hooks, the devices that were lost, and what belongs to a
// thread.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <new>
#include <string>
#include <system_error>

#include "runtime.h"

namespace wg::emu {

constexpr int kDevices = 2;
constexpr size_t kDeviceBytes = size_t{2} << 30;  // of each, unless a test says otherwise

struct Hooks {
  std::mutex mutex;
  double delayUs = 0;          ///< longest random pause of a stream before a task
  int64_t failAllocation = 0;  ///< countdown: the n-th cudaMalloc from now fails; 0: none
  int64_t deviceBytes = kDeviceBytes;
  int64_t failGraph = 0;   ///< likewise for instantiating a graph
  int64_t loseDevice = 0;  ///< likewise: the n-th task from now ends the context
  uint64_t state = 1;      ///< of the random sequence
  int32_t injected = 0;    ///< faults so far
};
extern Hooks hooks;

extern std::atomic<int> lost[kDevices];  ///< the error that ended a device's context
std::string& lostWords();                ///< what the emulator said of the first
extern constinit thread_local cudaError_t lastError;
extern constinit thread_local int currentDevice;
/// What waits or allocates is refused meanwhile, as on a device.
extern constinit thread_local bool capturing;

/// The result of a call that has to do with a device, by default the current one.
cudaError_t note(cudaError_t error, int device = currentDevice);
/// Counts a hook down; true when it is its turn. Under the hooks' mutex.
bool due(int64_t& hook);
/// As long as the hook `delayUs` allows.
void pause();

/// Runs `f`, which may run out of host memory or threads.
template <class F>
cudaError_t guarded(F f) {
  try {
    return note(f());
  } catch (const std::bad_alloc&) {
    return note(cudaErrorMemoryAllocation);
  } catch (const std::system_error&) {
    return note(cudaErrorMemoryAllocation);
  }
}

}  // namespace wg::emu
