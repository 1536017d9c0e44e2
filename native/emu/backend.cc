// The CUDA backend on the emulator, as tests load it: device `cuda-emu`. Adds the fault hooks.
#include "../cuda/backend.h"

#include <atomic>
#include <cstdio>
#include <cstring>

#include "runtime.h"

namespace wg::emu {
namespace {

std::atomic<int64_t> failOp{0};  // countdown: the n-th op from now fails; 0: none

/// Stands before each kernel of the table: fails in its place when the hook says so.
template <int op>
void mayFail(Stream& s, const void* arguments) {
  int64_t left = failOp.load();
  while (left > 0 && !failOp.compare_exchange_weak(left, left - 1)) {
  }
  if (left != 1) return cuda::backend().kernels[op].run(s, arguments);
  countInjected();
  std::snprintf(s.status->message, sizeof s.status->message, "failure injected by the test device");
  s.status->code = static_cast<int32_t>(Code::injected);
}

const KernelRow* kernels() {
  static KernelRow rows[static_cast<int>(Op::count)];
#define WG_EMU_ROW(name, args, names)                                                     \
  rows[static_cast<int>(Op::name)] = cuda::backend().kernels[static_cast<int>(Op::name)]; \
  rows[static_cast<int>(Op::name)].run = &mayFail<static_cast<int>(Op::name)>;
  WG_OPS(WG_EMU_ROW)
#undef WG_EMU_ROW
  return rows;
}

Backend make() {
  Backend b = cuda::backend();
  b.name = "cuda-emu";
  b.kernels = kernels();
  b.deviceCount = [](char*, int32_t) -> int32_t {
    int count = 0;
    cudaGetDeviceCount(&count);
    return count;
  };
  b.configure = [](const char* key, double value) -> int32_t {
    if (std::strcmp(key, "failOp")) return configureRuntime(key, value);
    failOp = static_cast<int64_t>(value);
    return 0;
  };
  return b;
}

}  // namespace
}  // namespace wg::emu

extern "C" __attribute__((visibility("default"))) const wg::Backend* wg_backend(uint32_t abi,
                                                                                const wg::Host*) {
  if (abi != wg::abi()) return nullptr;
  static const wg::Backend instance = wg::emu::make();
  return &instance;
}
