#include "runtime.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "simt.h"

namespace wg::emu {
namespace {

constexpr int kDevices = 2;
constexpr size_t kDeviceBytes = size_t{2} << 30;  // of each, unless a test says otherwise
constexpr unsigned char kPoison = 0xff;           // NaN, -1

struct Hooks {
  std::mutex mutex;
  double delayUs = 0;          ///< longest random pause of a stream before a task
  int64_t failAllocation = 0;  ///< countdown: the n-th cudaMalloc from now fails; 0: none
  int64_t deviceBytes = kDeviceBytes;
  int64_t failGraph = 0;   ///< likewise for instantiating a graph
  int64_t loseDevice = 0;  ///< likewise: the n-th task from now ends the context
  uint64_t state = 1;      ///< of the random sequence
  int32_t injected = 0;    ///< faults so far
} hooks;

std::atomic<int> lost[kDevices];  // the error that ended a device's context
std::string& lostWords() {        // what the emulator said of the first
  static auto* words = new std::string;
  return *words;
}
thread_local cudaError_t lastError = cudaSuccess;
thread_local int currentDevice = 0;
thread_local bool capturing = false;  // what waits or allocates is refused meanwhile, as on a device

/// The result of a call that has to do with a device, by default the current one.
cudaError_t note(cudaError_t error, int device = currentDevice) {
  if (const auto ended = static_cast<cudaError_t>(lost[device].load()); ended != cudaSuccess) error = ended;
  if (error != cudaSuccess && error != cudaErrorNotReady) lastError = error;
  return error;
}

bool due(int64_t& hook) {
  if (hook <= 0 || --hook != 0) return false;
  ++hooks.injected;
  return true;
}

void pause() {
  double us;
  {
    std::lock_guard lock(hooks.mutex);
    if (hooks.delayUs <= 0) return;
    uint64_t z = hooks.state += 0x9e3779b97f4a7c15u;  // splitmix64
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    us = static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53 * hooks.delayUs;
  }
  std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<int64_t>(us * 1000)));
}

// ---- memory

struct Range {
  size_t bytes;
  int device;  ///< -1: pinned host memory
};

/// Leaked on purpose, as everything that threads may use while the process ends.
struct Memory {
  std::mutex mutex;
  std::map<uintptr_t, Range> ranges;
  size_t used[kDevices] = {};
};
Memory& memory() {
  static auto* instance = new Memory;
  return *instance;
}

/// Where [data, data + bytes) lies: a device's number, -1 for the host, -2 when it reaches out of an
/// allocation.
int placeOf(const void* data, size_t bytes) {
  Memory& m = memory();
  std::lock_guard lock(m.mutex);
  const auto at = reinterpret_cast<uintptr_t>(data);
  auto above = m.ranges.upper_bound(at);
  if (above == m.ranges.begin()) return -1;
  const auto& [start, range] = *--above;
  if (at >= start + range.bytes) return -1;
  return at + bytes <= start + range.bytes ? range.device : -2;
}

cudaError_t allocate(void** data, size_t bytes, int device) {
  size_t most;
  {
    std::lock_guard lock(hooks.mutex);
    most = static_cast<size_t>(hooks.deviceBytes);
  }
  Memory& m = memory();
  std::lock_guard lock(m.mutex);
  const size_t rounded = std::max<size_t>((bytes + 255) / 256 * 256, 256);
  if (device >= 0 && m.used[device] + rounded > most) return cudaErrorMemoryAllocation;
  // No more than was asked for: a sanitizer then sees what reaches beyond.
  if (posix_memalign(data, 256, std::max<size_t>(bytes, 1))) return cudaErrorMemoryAllocation;
  std::memset(*data, kPoison, bytes);
  m.ranges[reinterpret_cast<uintptr_t>(*data)] = {bytes, device};
  if (device >= 0) m.used[device] += rounded;
  return cudaSuccess;
}

cudaError_t release(void* data, bool device) {
  if (!data) return cudaSuccess;
  Memory& m = memory();
  std::lock_guard lock(m.mutex);
  const auto found = m.ranges.find(reinterpret_cast<uintptr_t>(data));
  if (found == m.ranges.end() || (found->second.device >= 0) != device) return cudaErrorInvalidValue;
  if (device) m.used[found->second.device] -= std::max<size_t>((found->second.bytes + 255) / 256 * 256, 256);
  m.ranges.erase(found);
  std::free(data);
  return cudaSuccess;
}

// ---- streams

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

}  // namespace

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

  cudaError_t enqueue(TaskPointer task) {
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
  void loop() {
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
  bool idle() {
    std::lock_guard lock(mutex);
    return tasks.empty() && !running;
  }
  void synchronize() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return tasks.empty() && !running; });
  }
};

namespace {

/// Every stream there is, for what waits for the whole device.
struct Streams {
  std::mutex mutex;
  std::vector<StreamState*> all;
};
Streams& streams() {
  static auto* instance = new Streams;
  return *instance;
}

/// Runs `f`, which may run out of host memory or threads.
template <class F>
cudaError_t guarded(F f) {
  try {
    return note(f());
  } catch (const std::bad_alloc&) {
    return note(cudaErrorMemoryAllocation);
  } catch (const std::system_error&) {
    return note(cudaErrorMemoryAllocation);
  }
}

/// Whether a copy between these places is what `kind` says.
bool kindFits(cudaMemcpyKind kind, int to, int from) {
  if (to == -2 || from == -2) return false;
  switch (kind) {
    case cudaMemcpyHostToHost:
      return to < 0 && from < 0;
    case cudaMemcpyHostToDevice:
      return to >= 0 && from < 0;
    case cudaMemcpyDeviceToHost:
      return to < 0 && from >= 0;
    case cudaMemcpyDeviceToDevice:
      return to >= 0 && from >= 0;
    case cudaMemcpyDefault:
      return true;
  }
  return false;
}

}  // namespace

int32_t configureRuntime(const char* key, double value) {
  std::lock_guard lock(hooks.mutex);
  const auto integer = static_cast<int64_t>(value);
  if (!std::strcmp(key, "delayUs")) hooks.delayUs = value;
  else if (!std::strcmp(key, "failAllocation")) hooks.failAllocation = integer;
  else if (!std::strcmp(key, "deviceBytes"))
    hooks.deviceBytes = integer > 0 ? integer : static_cast<int64_t>(kDeviceBytes);
  else if (!std::strcmp(key, "graphFailure")) hooks.failGraph = integer;
  else if (!std::strcmp(key, "loseDevice")) hooks.loseDevice = integer;
  else if (!std::strcmp(key, "seed")) hooks.state = static_cast<uint64_t>(value);
  else if (!std::strcmp(key, "injected")) return hooks.injected;
  else return -1;
  return 0;
}

void countInjected() {
  std::lock_guard lock(hooks.mutex);
  ++hooks.injected;
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

// ---- errors and devices

#define WG_EMU_ERRORS(X)                                                         \
  X(cudaSuccess, "no error")                                                     \
  X(cudaErrorInvalidValue, "invalid argument")                                   \
  X(cudaErrorMemoryAllocation, "out of memory")                                  \
  X(cudaErrorInvalidConfiguration, "invalid configuration argument")             \
  X(cudaErrorNoDevice, "no CUDA-capable device is detected")                     \
  X(cudaErrorInvalidDevice, "invalid device ordinal")                            \
  X(cudaErrorInvalidResourceHandle, "invalid resource handle")                   \
  X(cudaErrorNotReady, "device not ready")                                       \
  X(cudaErrorIllegalAddress, "an illegal memory access was encountered")         \
  X(cudaErrorLaunchFailure, "unspecified launch failure")                        \
  X(cudaErrorStreamCaptureUnsupported, "operation not permitted when capturing") \
  X(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture")

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define WG_CASE(name, text) \
  case name:                \
    return #name;
    WG_EMU_ERRORS(WG_CASE)
#undef WG_CASE
  }
  return "cudaErrorUnknown";
}

const char* cudaGetErrorString(cudaError_t error) {
  if (error == cudaErrorLaunchFailure && !lostWords().empty()) return lostWords().c_str();
  switch (error) {
#define WG_CASE(name, text) \
  case name:                \
    return text;
    WG_EMU_ERRORS(WG_CASE)
#undef WG_CASE
  }
  return "unknown error";
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  lastError = cudaSuccess;
  return error;
}

cudaError_t cudaPeekAtLastError() {
  const auto ended = static_cast<cudaError_t>(lost[currentDevice].load());
  return ended != cudaSuccess ? ended : lastError;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = kDevices;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) {
  if (device < 0 || device >= kDevices) return note(cudaErrorInvalidDevice);
  currentDevice = device;
  return note(cudaSuccess);
}
cudaError_t cudaGetDevice(int* device) {
  *device = currentDevice;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  if (device < 0 || device >= kDevices) return note(cudaErrorInvalidDevice);
  *p = {};
  std::snprintf(p->name, sizeof p->name, "emulated device %d", device);
  p->totalGlobalMem = kDeviceBytes;
  p->sharedMemPerBlock = 48 << 10;
  p->sharedMemPerBlockOptin = 227 << 10;
  p->sharedMemPerMultiprocessor = 228 << 10;
  p->major = 9;
  p->minor = 0;
  p->multiProcessorCount = 4;
  p->warpSize = 32;
  p->regsPerBlock = 65536;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsPerMultiProcessor = 2048;
  p->l2CacheSize = 4 << 20;
  p->asyncEngineCount = 2;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  std::lock_guard lock(streams().mutex);
  for (StreamState* stream : streams().all)
    if (stream->device == currentDevice) stream->synchronize();
  return note(cudaSuccess);
}

// ---- memory

cudaError_t cudaMalloc(void** data, size_t bytes) {
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  {
    std::lock_guard lock(hooks.mutex);
    if (due(hooks.failAllocation)) return note(cudaErrorMemoryAllocation);
  }
  return guarded([&] { return allocate(data, bytes, currentDevice); });
}
cudaError_t cudaFree(void* data) {
  if (!data) return note(cudaSuccess);
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  cudaDeviceSynchronize();  // as on a device, where whoever forgets a wait is saved by this one as well
  return note(release(data, true));
}
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  return guarded([&] { return allocate(data, bytes, -1); });
}
cudaError_t cudaFreeHost(void* data) {
  cudaDeviceSynchronize();
  return note(release(data, false));
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (capturing) return note(cudaErrorStreamCaptureUnsupported);
  if (bytes == 0) return note(cudaSuccess);
  if (!kindFits(kind, placeOf(to, bytes), placeOf(from, bytes))) return note(cudaErrorInvalidValue);
  std::memcpy(to, from, bytes);
  return note(cudaSuccess);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  if (bytes == 0) return note(cudaSuccess);
  if (!kindFits(kind, placeOf(to, bytes), placeOf(from, bytes))) return note(cudaErrorInvalidValue);
  return guarded([&] { return stream->enqueue(taskOf([=] { std::memmove(to, from, bytes); })); });
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return note(cudaSuccess);
  if (placeOf(to, bytes) < 0) return note(cudaErrorInvalidValue);
  return guarded([&] { return stream->enqueue(taskOf([=] { std::memset(to, value, bytes); })); });
}

// ---- streams and events

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

// ---- graphs

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  return guarded([&] {
    std::lock_guard lock(stream->mutex);
    if (stream->capture) return cudaErrorStreamCaptureUnsupported;
    stream->capture = std::make_unique<GraphState>();
    capturing = true;
    return cudaSuccess;
  });
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  std::lock_guard lock(stream->mutex);
  *graph = stream->capture.release();
  capturing = false;
  return note(*graph ? cudaSuccess : cudaErrorStreamCaptureInvalidated);
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
  {
    std::lock_guard lock(hooks.mutex);
    if (due(hooks.failGraph)) return note(cudaErrorMemoryAllocation);
  }
  return guarded([&] {
    *made = new GraphState(*graph);
    return cudaSuccess;
  });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  if (graph->device != stream->device) return note(cudaErrorInvalidResourceHandle);
  return guarded([&] {
    return stream->enqueue(taskOf([tasks = graph->tasks] {
      for (const TaskPointer& task : tasks) task->run(task->closure);
    }));
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return note(cudaSuccess);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) { return cudaGraphDestroy(graph); }
