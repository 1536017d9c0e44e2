// Device memory for core's caching allocator, and pinned host memory for copies.
#pragma once
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace wg::cuda {

/// Null when exhausted, which is no failure of the device.
void* allocate(int32_t device, size_t bytes);
/// Whether the device's context has ended.
int32_t isLost(int32_t device);
void release(int32_t device, void* data, size_t bytes);
/// Idle device memory to the host's; the calling thread waits for the copy alone. 0 on success.
int32_t readNow(int32_t device, void* to, const void* from, uint64_t bytes);

/// Host memory that the device copies from and to by itself, kept for reuse. Used from any thread; leaked, as
/// what the device may still touch must be.
class Staging {
 public:
  /// Null when exhausted. Beyond a share of the memory it is not pinned: slower, but not taken from
  /// everybody.
  void* take(size_t bytes);
  /// False: it is none of ours.
  bool give(const void* data);

 private:
  static constexpr int kClasses = 40;
  void* fresh(int sizeClass);

  std::mutex mutex_;
  std::vector<void*> free_[kClasses];
  std::unordered_map<const void*, int> out_;  // by address: its size class
  size_t pinned_ = 0;
};
Staging& staging();

}  // namespace wg::cuda
