#include "stream.h"

#include <cstdio>

#include "simt.h"

namespace wg::emu {

cudaError_t StreamState::enqueue(TaskPointer task) {
  std::lock_guard lock(mutex);
  if (capture) {
    capture->tasks.push_back(std::move(task));
    return cudaSuccess;
  }
  tasks.push_back(std::move(task));
  if (!thread.joinable()) thread = std::thread([this] { loop(); });
  changed.notify_all();
  return cudaSuccess;
}

void StreamState::loop() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return ending || !tasks.empty(); });
    if (tasks.empty()) return;
    TaskPointer task = std::move(tasks.front());
    tasks.pop_front();
    running = true;
    lock.unlock();
    pause();
    {
      std::lock_guard hold(hooks.mutex);
      if (due(hooks.loseDevice)) lost[device].store(cudaErrorIllegalAddress);
    }
    if (lost[device].load() == cudaSuccess) task->run(task->closure);
    if (std::string failure = takeFailure(); !failure.empty()) {
      std::fprintf(stderr, "%s\n", failure.c_str());
      std::lock_guard hold(hooks.mutex);
      if (lostWords().empty()) lostWords() = std::move(failure);
      lost[device].store(cudaErrorLaunchFailure);
    }
    task.reset();
    lock.lock();
    running = false;
    if (tasks.empty()) changed.notify_all();
  }
}

bool StreamState::idle() {
  std::lock_guard lock(mutex);
  return tasks.empty() && !running;
}

void StreamState::synchronize() {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return tasks.empty() && !running; });
}

Streams& streams() {
  static auto* instance = new Streams;
  return *instance;
}

}  // namespace wg::emu

using namespace wg::emu;

cudaError_t wgEmuEnqueue(cudaStream_t stream, void (*run)(void*), void (*drop)(void*), void* closure) {
  if (stream->device != currentDevice) {
    drop(closure);
    return note(cudaErrorInvalidResourceHandle);
  }
  TaskPointer task;
  try {
    task.reset(new Task{run, drop, closure});
  } catch (const std::bad_alloc&) {
    drop(closure);
    return note(cudaErrorMemoryAllocation);
  }
  return guarded([&] { return stream->enqueue(std::move(task)); });
}

cudaError_t cudaDeviceSynchronize() {
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  std::lock_guard lock(streams().mutex);
  for (StreamState* stream : streams().all)
    if (stream->device == currentDevice) stream->synchronize();
  return note(cudaSuccess);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
  return guarded([&] {
    auto made = std::make_unique<StreamState>();
    std::lock_guard lock(streams().mutex);
    streams().all.push_back(made.get());
    *stream = made.release();
    return cudaSuccess;
  });
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}
/// Runs what is queued first.
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  {
    std::lock_guard lock(streams().mutex);
    std::erase(streams().all, stream);
  }
  {
    std::lock_guard lock(stream->mutex);
    stream->ending = true;
    stream->changed.notify_all();
  }
  if (stream->thread.joinable()) stream->thread.join();
  delete stream;
  return note(cudaSuccess);
}
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return note(stream->idle() ? cudaSuccess : cudaErrorNotReady, stream->device);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  if (stream->capture) return note(cudaErrorStreamCaptureUnsupported);
  stream->synchronize();
  return note(cudaSuccess, stream->device);
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return guarded([&] {
    *event = new EventState;
    return cudaSuccess;
  });
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return note(cudaSuccess);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (stream->capture) return note(cudaErrorStreamCaptureUnsupported);
  if (stream->device != event->device) return note(cudaErrorInvalidResourceHandle);
  return guarded([&] {
    uint64_t count;
    {
      std::lock_guard lock(event->progress->mutex);
      count = ++event->progress->recorded;
    }
    return stream->enqueue(taskOf([progress = event->progress, count] { progress->reach(count); }));
  });
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  std::lock_guard lock(event->progress->mutex);
  return note(event->progress->reached >= event->progress->recorded ? cudaSuccess : cudaErrorNotReady,
              event->device);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  uint64_t count;
  {
    std::lock_guard lock(event->progress->mutex);
    count = event->progress->recorded;
  }
  event->progress->wait(count);
  return note(cudaSuccess);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (stream->capture) return note(cudaErrorStreamCaptureUnsupported);
  return guarded([&] {
    uint64_t count;
    {
      std::lock_guard lock(event->progress->mutex);
      count = event->progress->recorded;
    }
    return stream->enqueue(taskOf([progress = event->progress, count] { progress->wait(count); }));
  });
}
