// Errors, devices and fault hooks of the emulated runtime; memory, streams and graphs have files of their
// own.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "runtime_state.h"

namespace wg::emu {

Hooks hooks;
std::atomic<int> lost[kDevices];
constinit thread_local cudaError_t lastError = cudaSuccess;
constinit thread_local int currentDevice = 0;
constinit thread_local bool capturing = false;

std::string& lostWords() {
  static auto* words = new std::string;
  return *words;
}

cudaError_t note(cudaError_t error, int device) {
  if (const auto ended = static_cast<cudaError_t>(lost[device].load()); ended != cudaSuccess) error = ended;
  if (error != cudaSuccess && error != cudaErrorNotReady) lastError = error;
  return error;
}

bool due(int64_t& hook) {
  if (hook <= 0 || --hook != 0) return false;
  ++hooks.injected;
  return true;
}

void pause() {
  double us;
  {
    std::lock_guard lock(hooks.mutex);
    if (hooks.delayUs <= 0) return;
    uint64_t z = hooks.state += 0x9e3779b97f4a7c15u;  // splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    us = static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53 * hooks.delayUs;
  }
  std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<int64_t>(us * 1000)));
}

int32_t configureRuntime(const char* key, double value) {
  std::lock_guard lock(hooks.mutex);
  const auto integer = static_cast<int64_t>(value);
  if (!std::strcmp(key, "delayUs")) hooks.delayUs = value;
  else if (!std::strcmp(key, "failAllocation")) hooks.failAllocation = integer;
  else if (!std::strcmp(key, "deviceBytes"))
    hooks.deviceBytes = integer > 0 ? integer : static_cast<int64_t>(kDeviceBytes);
  else if (!std::strcmp(key, "graphFailure")) hooks.failGraph = integer;
  else if (!std::strcmp(key, "loseDevice")) hooks.loseDevice = integer;
  else if (!std::strcmp(key, "seed")) hooks.state = static_cast<uint64_t>(value);
  else if (!std::strcmp(key, "injected")) return hooks.injected;
  else return -1;
  return 0;
}

void countInjected() {
  std::lock_guard lock(hooks.mutex);
  ++hooks.injected;
}

}  // namespace wg::emu

using namespace wg::emu;

#define WG_EMU_ERRORS(X)                                                         \
  X(cudaSuccess, "no error")                                                     \
  X(cudaErrorInvalidValue, "invalid argument")                                   \
  X(cudaErrorMemoryAllocation, "out of memory")                                  \
  X(cudaErrorInvalidConfiguration, "invalid configuration argument")             \
  X(cudaErrorNoDevice, "no CUDA-capable device is detected")                     \
  X(cudaErrorInvalidDevice, "invalid device ordinal")                            \
  X(cudaErrorInvalidResourceHandle, "invalid resource handle")                   \
  X(cudaErrorNotReady, "device not ready")                                       \
  X(cudaErrorIllegalAddress, "an illegal memory access was encountered")         \
  X(cudaErrorLaunchFailure, "unspecified launch failure")                        \
  X(cudaErrorStreamCaptureUnsupported, "operation not permitted when capturing") \
  X(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture")

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define WG_CASE(name, text) \
  case name:                \
    return #name;
    WG_EMU_ERRORS(WG_CASE)
#undef WG_CASE
  }
  return "cudaErrorUnknown";
}

const char* cudaGetErrorString(cudaError_t error) {
  if (error == cudaErrorLaunchFailure && !lostWords().empty()) return lostWords().c_str();
  switch (error) {
#define WG_CASE(name, text) \
  case name:                \
    return text;
    WG_EMU_ERRORS(WG_CASE)
#undef WG_CASE
  }
  return "unknown error";
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  lastError = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  const auto ended = static_cast<cudaError_t>(lost[currentDevice].load());
  return ended != cudaSuccess ? ended : lastError;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = kDevices;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= kDevices) return note(cudaErrorInvalidDevice);
  currentDevice = device;
  return note(cudaSuccess);
}
cudaError_t cudaGetDevice(int* device) {
  *device = currentDevice;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  if (device < 0 || device >= kDevices) return note(cudaErrorInvalidDevice);
  *p = {};
  std::snprintf(p->name, sizeof p->name, "emulated device %d", device);
  p->totalGlobalMem = kDeviceBytes;
  p->sharedMemPerBlock = 48 << 10;
  p->sharedMemPerBlockOptin = 227 << 10;
  p->sharedMemPerMultiprocessor = 228 << 10;
  p->major = 9;
  p->minor = 0;
  p->multiProcessorCount = 4;
  p->warpSize = 32;
  p->regsPerBlock = 65536;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsPerMultiProcessor = 2048;
  p->l2CacheSize = 4 << 20;
  p->asyncEngineCount = 2;
  return cudaSuccess;
}
