// Caching allocation in two storeys. Pool: one per queue and environment, hands out blocks in the queue's own
// order, touched by the JavaScript thread alone. DeviceMemory: one per device and process, behind a mutex,
// between the pools and the device.
#pragma once
#include <array>
#include <atomic>
#include <mutex>
#include <vector>

#include "backend.h"

namespace wg {

/// Rounded up so that freed blocks fit again: eight classes per power of two, at least 64 bytes.
constexpr size_t roundedSize(size_t bytes) {
  if (bytes <= 64) return 64;
  size_t step = 64;
  while (step * 16 < bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}
int sizeClass(size_t rounded);
inline constexpr int kSizeClasses = 400;

class DeviceMemory {
 public:
  DeviceMemory(const Backend& backend, int32_t device);

  /// `bytes` is a rounded size. Null when the limit or the device forbids it; cached memory is given back and
  /// the request retried first.
  void* take(size_t bytes);
  void give(void* data, size_t bytes) noexcept;
  void trim();

  const Backend& backend() const { return backend_; }
  int32_t index() const { return device_; }
  bool hostAccessible() const { return info_.hostAccessible != 0; }
  const DeviceInfo& info() const { return info_; }
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t cached() const { return cached_.load(std::memory_order_relaxed); }
  size_t peak() const { return peak_.load(std::memory_order_relaxed); }
  void resetPeak() { peak_.store(used_.load()); }
  size_t limit() const { return limit_.load(std::memory_order_relaxed); }
  void setLimit(size_t bytes) { limit_.store(bytes); }

 private:
  void trimLocked();

  const Backend& backend_;
  const int32_t device_;
  DeviceInfo info_{};
  std::mutex mutex_;
  std::array<std::vector<void*>, kSizeClasses> free_;
  std::atomic<size_t> used_{0}, cached_{0}, peak_{0}, limit_;
};

class Pool {
 public:
  explicit Pool(DeviceMemory& memory) : memory_(memory) {}
  /// For more work of the queue of this lane: what is free in the queue's own pool is taken before anything
  /// new.
  Pool(Pool& lender, int32_t lane) : memory_(lender.memory_), lender_(&lender), lane_(lane) {}
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// A block of count 1, or null. One whose last use may still be queued: right for work of the same queue.
  Block* get(size_t bytes) noexcept;
  /// One whose last use `isDone` confirms: right for the host.
  template <class IsDone>
  Block* getIdle(size_t bytes, IsDone isDone) noexcept {
    auto& list = free_[static_cast<size_t>(sizeClass(roundedSize(bytes)))];
    // The longest free come first; a few tries, then fresh memory costs less than looking on.
    for (size_t i = 0; i < list.size() && i < 8; ++i)
      if (isDone(*list[i])) {
        Block* block = list[i];
        list[i] = list.back();
        list.pop_back();
        return reuse(block);
      }
    return fresh(roundedSize(bytes));
  }
  void put(Block* block) noexcept;
  /// Gives what is free and `isDone` back to the device's cache.
  template <class IsDone>
  void trim(IsDone isDone) {
    for (auto& list : free_)
      for (size_t i = 0; i < list.size();)
        if (isDone(*list[i])) {
          discard(list[i]);
          list[i] = list.back();
          list.pop_back();
        } else ++i;
  }
  size_t freshBytes() const { return freshBytes_; }
  void forgetFresh() { freshBytes_ = 0; }
  void addFresh(size_t bytes) { freshBytes_ += bytes; }  ///< taken elsewhere for the queue's sake
  size_t freeBytes() const { return freeBytes_; }
  DeviceMemory& memory() { return memory_; }

 private:
  Block* reuse(Block* block);
  Block* fresh(size_t rounded) noexcept;
  Block* borrow(size_t rounded) noexcept;
  Block* unusedBlock();
  void makeRoom(size_t rounded);
  void discard(Block* block);

  DeviceMemory& memory_;
  Pool* const lender_ = nullptr;
  const int32_t lane_ = 0;
  std::array<std::vector<Block*>, kSizeClasses> free_;
  std::vector<Block*> all_;       // every block out or free, so that the destructor finds them
  std::vector<Block*> unused_;    // Block objects without memory
  std::vector<Block*> borrowed_;  // the lender's
  size_t freshBytes_ = 0, freeBytes_ = 0;
};

}  // namespace wg
