#include "poller.h"

#include "stream.h"

namespace wg::cuda {

Poller& Poller::instance() {
  static auto* poller = new Poller;
  return *poller;
}

void Poller::add(DeviceQueue* queue) {
  std::lock_guard lock(mutex_);
  queues_.push_back(queue);
  if (!thread_.joinable()) thread_ = std::thread([this] { loop(); });
}

void Poller::remove(DeviceQueue* queue) {
  std::lock_guard lock(mutex_);
  std::erase(queues_, queue);
}

bool Poller::round(bool& pending) {
  std::lock_guard lock(mutex_);
  bool moved = false;
  pending = false;
  for (DeviceQueue* queue : queues_) {
    moved |= queue->poll();
    pending |= queue->pending();
  }
  return moved;
}

void Poller::loop() {
  // Work that ends soon is seen at once; for longer work a core is worth more than some microseconds.
  constexpr std::chrono::microseconds kSpin{50}, kNap{20};
  auto moved = std::chrono::steady_clock::now();
  for (;;) {
    const uint64_t kicks = kicks_.load();
    bool pending;
    if (round(pending)) {
      moved = std::chrono::steady_clock::now();
    } else if (!pending) {
      wake_.wait([&] { return kicks_.load() != kicks; }, 50'000);
      moved = std::chrono::steady_clock::now();
    } else if (std::chrono::steady_clock::now() - moved < kSpin) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(kNap);
    }
  }
}

}  // namespace wg::cuda
