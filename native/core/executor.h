// A queue run by a thread of its own on host memory: the CPU's stream, and the test backend's.
#pragma once
#include <thread>

#include "execute.h"
#include "signal.h"

namespace wg {

class Executor {
 public:
  /// On the queue's thread `started` is called once and `before` ahead of each command; both may be null.
  /// Throws std::system_error when there is no thread to be had.
  Executor(QueueShared& queue, void (*started)(), void (*before)(const Command&))
      : queue_(queue), started_(started), before_(before), thread_([this] { loop(); }) {}

  /// Drops what is queued; the running op stops at its next chunk.
  ~Executor() {
    queue_.cancelled.store(true);
    wake_.notify();
    thread_.join();
  }

  void kick() { wake_.notify(); }
  QueueShared& queue() { return queue_; }

 private:
  void loop();

  QueueShared& queue_;
  void (*started_)();
  void (*before_)(const Command&);
  Signal wake_;
  std::thread thread_;  // last: starts when everything above is ready
};

}  // namespace wg
