// Waiting for a condition another thread makes true: spin a little, then sleep.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace wg {

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// The store that makes `ready` true and the loads inside it must be seq_cst: that pairs them with
/// `sleepers_`.
class Signal {
 public:
  static constexpr int64_t kForever = INT64_MAX;

  /// Returns whether `ready` held before `sleepNs` passed.
  template <class Ready>
  bool wait(Ready ready, int64_t spinNs, int64_t sleepNs = kForever) {
    if (ready()) return true;
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(spinNs);
    do {
      for (int i = 0; i < 64; ++i) {
        if (ready()) return true;
        relax();
      }
      // The thread we wait for may have been put on this very core.
      std::this_thread::yield();
    } while (std::chrono::steady_clock::now() < end);
    std::unique_lock lock(mutex_);
    sleepers_.fetch_add(1);
    bool is = true;
    if (sleepNs == kForever) condition_.wait(lock, ready);
    else is = condition_.wait_for(lock, std::chrono::nanoseconds(sleepNs), ready);
    sleepers_.fetch_sub(1);
    return is;
  }

  void notify() {
    if (sleepers_.load() == 0) return;
    std::lock_guard lock(mutex_);
    condition_.notify_all();
  }

 private:
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable condition_;
};

}  // namespace wg
