#include "memory.h"

#include <bit>
#include <cstdlib>
#include <new>

#include "check.h"

namespace wg::cuda {
namespace {

constexpr int kSmallest = 8;                     // log2 of the smallest piece of staging memory
constexpr int kSlab = 16;                        // log2 of what smaller pieces are cut from
constexpr size_t kMostPinned = size_t{1} << 30;  // of the whole process

}  // namespace

void* allocate(int32_t device, size_t bytes) {
  void* data = nullptr;
  if (cudaSetDevice(device) == cudaSuccess && cudaMalloc(&data, bytes) == cudaSuccess) return data;
  cudaGetLastError();  // so that no launch reports it as its own
  return nullptr;
}

int32_t isLost(int32_t device) {
  // Freeing nothing does nothing but tell of it.
  const bool lost = endsContext(cudaSetDevice(device)) || endsContext(cudaFree(nullptr));
  cudaGetLastError();
  return lost;
}

void release(int32_t device, void* data, size_t) {
  cudaSetDevice(device);
  cudaFree(data);
}

int32_t readNow(int32_t device, void* to, const void* from, uint64_t bytes) {
  if (bytes == 0) return 0;
  return cudaSetDevice(device) == cudaSuccess &&
                 cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost) == cudaSuccess
             ? 0
             : -1;
}

void* Staging::fresh(int sizeClass) {
  const size_t bytes = size_t{1} << sizeClass;
  if (sizeClass < kSlab) {
    void* slab = fresh(kSlab);
    if (!slab) return nullptr;
    for (size_t at = bytes; at < size_t{1} << kSlab; at += bytes)
      free_[sizeClass].push_back(static_cast<char*>(slab) + at);
    return slab;
  }
  void* data = nullptr;
  if (pinned_ + bytes <= kMostPinned && cudaHostAlloc(&data, bytes, cudaHostAllocDefault) == cudaSuccess) {
    pinned_ += bytes;
    return data;
  }
  cudaGetLastError();
  return std::malloc(bytes);
}

void* Staging::take(size_t bytes) {
  const int wanted = static_cast<int>(std::bit_width(bytes > 0 ? bytes - 1 : 0));
  const int sizeClass = wanted < kSmallest ? kSmallest : wanted;
  if (sizeClass >= kClasses) return nullptr;
  std::lock_guard lock(mutex_);
  try {
    auto& list = free_[sizeClass];
    void* data;
    if (list.empty()) {
      data = fresh(sizeClass);
    } else {
      data = list.back();
      list.pop_back();
    }
    if (data) out_.emplace(data, sizeClass);
    return data;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

bool Staging::give(const void* data) {
  std::lock_guard lock(mutex_);
  const auto found = out_.find(data);
  if (found == out_.end()) return false;
  try {
    free_[found->second].push_back(const_cast<void*>(data));
  } catch (const std::bad_alloc&) {  // no room to remember it
  }
  out_.erase(found);
  return true;
}

Staging& staging() {
  static auto* instance = new Staging;
  return *instance;
}

}  // namespace wg::cuda
