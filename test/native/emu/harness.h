// Tests of native/cuda/wg: kernels of a few lines, run by the emulator — and by a card where nvcc compiles
// this file and there is one.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "../../../native/cuda/wg/base.h"

#ifndef __CUDACC__
#include "../../../native/emu/call.h"
#include "../../../native/emu/schedule.h"
#endif

namespace harness {

using wg::cuda::ceilDiv;

/// TEST(name) { … CHECK(condition); … }
struct Test {
  Test(const char* name, void (*run)());
};
void failed(const char* file, int line, const std::string& what);

#define TEST(name)                                                                 \
  static void test_##name();                                                       \
  [[maybe_unused]] static const harness::Test register_##name(#name, test_##name); \
  static void test_##name()
#define CHECK(condition)                                               \
  do {                                                                 \
    if (!(condition)) harness::failed(__FILE__, __LINE__, #condition); \
  } while (false)
#define CHECK_EQUAL(got, wanted) harness::checkEqual(__FILE__, __LINE__, #got, got, wanted)
#define CHECK_SAYS(message, part) harness::checkSays(__FILE__, __LINE__, message, part)

inline std::string text(const std::string& s) { return "'" + s + "'"; }
template <class T>
std::string text(T value) {
  return std::to_string(value);
}

template <class T, class U>
void checkEqual(const char* file, int line, const char* what, const T& got, const U& wanted) {
  const T expected = static_cast<T>(wanted);
  if (!(got == expected)) failed(file, line, what + (" is " + text(got)) + ", not " + text(expected));
}
inline void checkSays(const char* file, int line, const std::string& message, const char* part) {
  if (message.find(part) == std::string::npos)
    failed(file, line, "'" + message + "' does not say '" + part + "'");
}

/// Memory that kernels and the host reach.
template <class T>
class Buffer {
 public:
  explicit Buffer(size_t count, T value = T()) : count_(count) {
#ifdef __CUDACC__
    cudaMallocManaged(&data_, count * sizeof(T));
#else
    data_ = static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{256}));
#endif
    for (size_t i = 0; i < count; i++) data_[i] = value;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() {
#ifdef __CUDACC__
    cudaFree(data_);
#else
    ::operator delete (data_, std::align_val_t{256});
#endif
  }
  T* data() { return data_; }
  size_t size() const { return count_; }
  T& operator[](size_t i) { return data_[i]; }
  T* begin() { return data_; }
  T* end() { return data_ + count_; }

 private:
  T* data_ = nullptr;
  size_t count_;
};

struct Shape {
  dim3 grid{1}, block{32};
  size_t shared = 0;
  dim3 cluster{1};
};

/// Runs a kernel to its end; what went wrong, or "".
template <class... P, class... A>
std::string run(const Shape& shape, void (*kernel)(P...), A... arguments) {
#ifdef __CUDACC__
  cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shape.shared));
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = shape.cluster.x;
  attribute.val.clusterDim.y = shape.cluster.y;
  attribute.val.clusterDim.z = shape.cluster.z;
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared;
  config.attrs = &attribute;
  config.numAttrs = shape.cluster.x * shape.cluster.y * shape.cluster.z > 1 ? 1 : 0;
  const cudaError_t result = cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...);
  const cudaError_t ended = cudaDeviceSynchronize();
  return result != cudaSuccess  ? cudaGetErrorString(result)
         : ended != cudaSuccess ? cudaGetErrorString(ended)
                                : "";
#else
  using Call = wg::emu::KernelCall<P...>;
  Call call{{reinterpret_cast<const void*>(kernel), shape.grid, shape.block, shape.cluster, shape.shared},
            kernel,
            {static_cast<P>(arguments)...}};
  Call::run(&call);
  return wg::emu::takeFailure();
#endif
}

/// Runs f under every schedule (on a card: once); f gets its name.
template <class F>
void underEverySchedule(F f) {
#ifdef __CUDACC__
  f("card");
#else
  const wg::emu::Schedule before = wg::emu::schedule();
  for (const char* order : {"forward", "reverse", "random"})
    for (const char* pace : {"-lockstep", "-greedy"})
      for (const char* async : {"-early", "-late"}) {
        const std::string name = std::string(order) + pace + async;
        wg::emu::setSchedule(name.c_str());
        f(name.c_str());
      }
  wg::emu::setSchedule(before);
#endif
}

/// Under how many of the schedules `f` finds what it looks for: f() is true.
template <class F>
int countSchedules(F f) {
  int count = 0;
  underEverySchedule([&](const char*) { count += f() ? 1 : 0; });
  return count;
}

}  // namespace harness
