// The one thread that looks whether devices have got anywhere, for all queues of the process.
#pragma once
#include <mutex>
#include <thread>
#include <vector>

#include "../core/signal.h"

namespace wg::cuda {

class DeviceQueue;

class Poller {
 public:
  /// Leaked on purpose: queues of any worker may use it until the process ends.
  static Poller& instance();
  void add(DeviceQueue* queue);
  /// Afterwards the poller never touches the queue again.
  void remove(DeviceQueue* queue);
  /// Some queue has a new mark.
  void kick() {
    kicks_.fetch_add(1);
    wake_.notify();
  }

 private:
  void loop();
  /// Whether anything moved; `pending`: whether anything is still to come.
  bool round(bool& pending);

  std::mutex mutex_;
  std::vector<DeviceQueue*> queues_;
  std::atomic<uint64_t> kicks_{0};
  Signal wake_;
  std::thread thread_;
};

}  // namespace wg::cuda
