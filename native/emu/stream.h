// Streams, events and graphs of the emulated runtime. A stream is a thread with a queue of tasks.
#pragma once
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "runtime_state.h"

namespace wg::emu {

/// Work in a stream; graphs share it.
struct Task {
  void (*run)(void*);
  void (*drop)(void*);
  void* closure;
  ~Task() { drop(closure); }
};
using TaskPointer = std::shared_ptr<Task>;

template <class F>
TaskPointer taskOf(F f) {
  return TaskPointer(new Task{[](void* c) { (*static_cast<F*>(c))(); },
                              [](void* c) { delete static_cast<F*>(c); }, new F(std::move(f))});
}

struct GraphState {
  std::vector<TaskPointer> tasks;
  int device = currentDevice;
};

/// Where an event stands; shared, because its handle may go while a stream still waits.
struct EventProgress {
  std::mutex mutex;
  std::condition_variable moved;
  uint64_t recorded = 0, reached = 0;

  void reach(uint64_t count) {
    std::lock_guard lock(mutex);
    reached = std::max(reached, count);
    moved.notify_all();
  }
  void wait(uint64_t count) {
    std::unique_lock lock(mutex);
    moved.wait(lock, [&] { return reached >= count; });
  }
};

struct EventState {
  std::shared_ptr<EventProgress> progress = std::make_shared<EventProgress>();
  int device = currentDevice;
};

/// A queue of tasks and the thread that runs them, which starts with the first one.
struct StreamState {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<TaskPointer> tasks;
  bool running = false, ending = false;
  const int device = currentDevice;
  std::unique_ptr<GraphState> capture;
  std::thread thread;

  cudaError_t enqueue(TaskPointer task);
  bool idle();
  void synchronize();

 private:
  void loop();
};

/// Every stream there is, for what waits for the whole device.
struct Streams {
  std::mutex mutex;
  std::vector<StreamState*> all;
};
Streams& streams();

}  // namespace wg::emu
