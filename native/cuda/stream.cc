// The issuing side of a queue.
#include "stream.h"

#include <cstdio>
#include <cstring>
#include <new>
#include <system_error>

#include "../core/allocator.h"
#include "check.h"
#include "graph.h"
#include "memory.h"
#include "poller.h"
#include "table.h"

namespace wg::cuda {
namespace {

constexpr int64_t kSpinNs = 50'000;  // bridges the gaps inside a step

/// Whether the host reads and writes the block itself.
bool onHost(const Block& block) { return !block.pool || block.pool->memory().hostAccessible(); }

}  // namespace

bool changesInPlace(const Command& c) {
  if (guardsItself(c.op)) return false;
  for (uint32_t i = 0; i < c.targets; ++i)
    if (c.targetList()[i].flags & kInPlace) return true;
  return false;
}

bool writesHost(const Command& c) { return onHost(*c.targetList()[c.targets - 1].block); }

// ---- life -----------------------------------------------------------------------------------------------

DeviceQueue* DeviceQueue::open(int32_t device, QueueShared& shared) {
  auto* queue = new (std::nothrow) DeviceQueue(device, shared);
  if (!queue) return nullptr;
  try {
    if (queue->prepare()) {
      Poller::instance().add(queue);
      queue->thread_ = std::thread([queue] { queue->loop(); });
      return queue;
    }
  } catch (const std::bad_alloc&) {
  } catch (const std::system_error&) {  // no thread to be had
  }
  delete queue;
  return nullptr;
}

bool DeviceQueue::prepare() {
  issued_ = marked_ = shared_.head.load();
  retired_.store(issued_);
  int least = 0, greatest = 0;
  const auto good = [](cudaError_t result) { return result == cudaSuccess; };
  bool ready = good(cudaSetDevice(device_)) && good(cudaDeviceGetStreamPriorityRange(&least, &greatest)) &&
               good(cudaStreamCreateWithPriority(&compute_, cudaStreamNonBlocking,
                                                 shared_.priority ? greatest : least)) &&
               good(cudaStreamCreateWithPriority(&copy_, cudaStreamNonBlocking, greatest)) &&
               good(cudaEventCreateWithFlags(&copied_, cudaEventDisableTiming)) &&
               cells_.open(kCells, compute_);
  for (Mark& mark : marks_)
    ready = ready && good(cudaEventCreateWithFlags(&mark.event, cudaEventDisableTiming));
  if (!ready) cudaGetLastError();
  return ready;
}

DeviceQueue::~DeviceQueue() {
  shared_.cancelled.store(true);
  wake_.notify();
  room_.notify();
  if (thread_.joinable()) thread_.join();
  Poller::instance().remove(this);
  cudaSetDevice(device_);
  const auto busy = [](cudaStream_t s) { return s && cudaStreamQuery(s) == cudaErrorNotReady; };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while ((busy(compute_) || busy(copy_)) && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  if (busy(compute_) || busy(copy_)) return;  // the driver keeps what the device still uses
  abandon();
  for (const Mark& mark : marks_)
    if (mark.event) cudaEventDestroy(mark.event);
  if (copied_) cudaEventDestroy(copied_);
  if (compute_) cudaStreamDestroy(compute_);
  if (copy_) cudaStreamDestroy(copy_);
}

void DeviceQueue::loop() {
  cudaSetDevice(device_);
  for (;;) {
    wake_.wait([&] { return shared_.cancelled.load() || shared_.tail.load() != issued_; }, kSpinNs);
    const uint64_t tail = shared_.tail.load();
    while (issued_ != tail) {
      if (shared_.cancelled.load()) return;
      Command& c = at(issued_);
      const uint64_t bytes = c.bytes;
      if (c.kind != Kind::pad) {
        issue(c);
        ++commands_;
      }
      issued_ += bytes;
      if (commands_ - markedCommands_ >= window_.load(std::memory_order_relaxed) / 4) mark();
    }
    mark();
    if (shared_.cancelled.load()) return;
  }
}

void DeviceQueue::mark() {
  if (marked_ == issued_) return;
  waitForRoom();
  if (shared_.cancelled.load()) return;
  const uint64_t last = lastMark_.load();
  Mark& mark = marks_[last % kMarks];
  if (!lostRoot_.load()) {
    cudaError_t result = cells_.collect(compute_);
    if (result == cudaSuccess) result = cudaEventRecord(mark.event, compute_);
    if (result != cudaSuccess) lose(result);
  }
  mark.position = marked_ = issued_;
  mark.commands = markedCommands_ = commands_;
  mark.issued = std::chrono::steady_clock::now();
  lastMark_.store(last + 1);
  Poller::instance().kick();
}

void DeviceQueue::waitForRoom() {
  const auto ready = [this] {
    return shared_.cancelled.load() || (lastMark_.load() - firstMark_.load() < kMarks &&
                                        markedCommands_ - retiredCommands_.load() < window_.load());
  };
  room_.wait(ready, kSpinNs);
}

void DeviceQueue::waitRetired() {
  mark();
  room_.wait([this] { return shared_.cancelled.load() || retired_.load() == marked_; }, kSpinNs);
}

void DeviceQueue::catchUp() {
  waitRetired();
  if (shared_.cancelled.load()) return;
  foundSeen_ = found_.load();
  early_.failed = final_.failed;
  suspicions_.clear();
  if (const cudaError_t result = cells_.clear(compute_); result != cudaSuccess) lose(result);
}

Suspicion DeviceQueue::suspicionOf(const Command& c) {
  if (cells_.outstanding()) return suspicions_.of(c);
  suspicions_.clear();
  return {};
}

bool DeviceQueue::moveContents(Command& c) {
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i) {
    if (!targets[i].moveFrom) continue;
    const cudaError_t result = cudaMemcpyAsync(targets[i].block->data, targets[i].moveFrom->data,
                                               targets[i].moveBytes, cudaMemcpyDeviceToDevice, compute_);
    if (result == cudaSuccess) continue;
    fail(c, result);
    return false;
  }
  return true;
}

void DeviceQueue::skip(Command& c, const Failure& cause) {
  c.failure = cause;
  wg::mark(c, cause, early_);
}

void DeviceQueue::fail(Command& c, FailureRecord record) {
  if (shared_.cancelled.load()) return;
  skip(c, {shared_.failed(shared_.context, &record), c.op, c.seq});
}

void DeviceQueue::fail(Command& c, cudaError_t error) {
  if (endsContext(error)) {
    lose(error);
    return skip(c, {lostRoot_.load(), c.op, c.seq});
  }
  cudaGetLastError();
  const Code code = error == cudaErrorMemoryAllocation ? Code::outOfMemory : Code::unsupported;
  fail(c, FailureRecord{code, c.op, c.seq, cudaGetErrorString(error)});
}

void DeviceQueue::lose(cudaError_t error) {
  if (failing_.exchange(true)) {
    while (!lostRoot_.load()) std::this_thread::yield();
    return;
  }
  char message[sizeof(Status::message)];
  int at = std::snprintf(message, sizeof message, "%s: %s; the last ops issued:", cudaGetErrorName(error),
                         cudaGetErrorString(error));
  int32_t last = -1;
  for (uint64_t i = 0; i < 4; ++i) {
    const int32_t op = recent_[(recentCount_.load() + i) % 4].load();
    if (op < 0 || at >= static_cast<int>(sizeof message)) continue;
    at += std::snprintf(message + at, sizeof message - static_cast<size_t>(at), " %s", opName(op));
    last = op;
  }
  const FailureRecord record{Code::deviceLost, last, shared_.completed.load() + 1, message};
  lostRoot_.store(shared_.failed(shared_.context, &record));
}

// ---- one command ------------------------------------------------------------------------------------------

void DeviceQueue::issue(Command& c) {
  for (const Wait& wait : c.waits) {
    if (!wait.queue) continue;
    mark();  // the other may wait for us
    if (!shared_.awaitQueue(wait.queue, wait.seq, &shared_.cancelled)) return;
  }
  if (found_.load() != foundSeen_) catchUp();
  if (cells_.full()) waitRetired();
  try {
    begin(c, early_);
    if (lostRoot_.load()) return skip(c, {lostRoot_.load(), c.op, c.seq});
    if (!moveContents(c)) return;
    switch (c.kind) {
      case Kind::op:
        return issueOp(c);
      case Kind::fail:
        return wg::mark(c, c.failure, early_);
      case Kind::copyIn:
        return issueCopyIn(c);
      case Kind::copyOut:
        return issueCopyOut(c);
      case Kind::replay:
        return issueReplay(c);
      case Kind::fence:
      case Kind::wait:
      case Kind::pad:
        return;
    }
  } catch (const std::bad_alloc&) {
    fail(c, FailureRecord{Code::outOfMemory, c.op, c.seq, "the host is out of memory"});
  }
}

void DeviceQueue::issueOp(Command& c) {
  if (const Failure cause = failedInput(c, early_); cause.root) return skip(c, {cause.root, c.op, c.seq});
  recent_[recentCount_.fetch_add(1) % 4].store(c.op);
  Suspicion suspicion = suspicionOf(c);
  if (suspicion.any() && changesInPlace(c)) {
    // Should what it reads turn out to be spoiled, its target has to stay as it is: wait and see.
    waitRetired();
    if (shared_.cancelled.load()) return;
    if (found_.load() != foundSeen_) catchUp();
    begin(c, early_);
    if (const Failure cause = failedInput(c, early_); cause.root) return skip(c, {cause.root, c.op, c.seq});
    suspicion = {};
  }
  Native native{compute_, &cells_, suspicion.after, suspicion.last, nullptr};
  Status status{};
  Stream stream{&status, &native, c.scratch, c.scratchBytes, &shared_.cancelled, shared_.priority};
  c.run(stream, c.arguments());
  c.id = noteOf(native.cell, native.guarded);
  if (const auto code = static_cast<Code>(status.code.load()); code != Code::ok) {
    if (code == Code::deviceLost) lose(cudaPeekAtLastError());
    return fail(c, FailureRecord{code, c.op, c.seq, status.message});
  }
  heal(c, early_);
  // A guarded op left alone what it should not write.
  Suspicion result = native.guarded ? Suspicion{} : suspicion;
  if (native.cell) result.join({native.cell - 1, native.cell});
  if (cells_.outstanding()) suspicions_.set(c, result);
}

void DeviceQueue::issueCopyIn(Command& c) {
  if (const Failure cause = failedInput(c, early_); cause.root) return skip(c, cause);
  auto& copy = *static_cast<CopyArguments*>(c.arguments());
  if (copy.bytes) {
    void* to = copy.to;
    if (writesHost(c) && !(to = staging().take(copy.bytes)))
      return fail(c, FailureRecord{Code::outOfMemory, c.op, c.seq, "no host memory to copy through"});
    cudaError_t result =
        cudaMemcpyAsync(to, copy.from, copy.bytes, cudaMemcpyDefault, copy.idle ? copy_ : compute_);
    if (to != copy.to) copy.from = to;
    if (copy.idle && result == cudaSuccess) {
      result = cudaEventRecord(copied_, copy_);
      if (result == cudaSuccess) result = cudaStreamWaitEvent(compute_, copied_, 0);
    }
    if (result != cudaSuccess) return fail(c, result);
  }
  heal(c, early_);
  if (cells_.outstanding()) suspicions_.set(c, suspicionOf(c));
}

// Through pinned memory: into any other the runtime copies only when the stream has come that far, and the
// issuing thread would wait for it. The retiring side does the rest.
void DeviceQueue::issueCopyOut(Command& c) {
  auto& copy = *static_cast<CopyArguments*>(c.arguments());
  if (copy.bytes == 0 || early_.of(*c.inputList()[0]).root) return;
  void* through = staging().take(copy.bytes);
  if (!through)
    return fail(c, FailureRecord{Code::outOfMemory, c.op, c.seq, "no host memory to copy through"});
  const cudaError_t result =
      cudaMemcpyAsync(through, copy.from, copy.bytes, cudaMemcpyDeviceToHost, compute_);
  copy.from = through;
  if (result != cudaSuccess) fail(c, result);
}

void DeviceQueue::issueReplay(Command& c) {
  const auto& replay = *static_cast<const ReplayArguments*>(c.arguments());
  // As for DeviceGraph::make: the backend's own graph, changed by its own queue alone.
  auto& graph = *static_cast<DeviceGraph*>(const_cast<void*>(replay.graph));
  if (const Failure cause = graph.spread(early_); cause.root) {
    c.failure = cause;
    return;
  }
  if (graph.hasCells() && cells_.full()) waitRetired();
  Suspicion suspicion;
  if (cells_.outstanding())
    graph.forEach([&](const Command& inner) { suspicion.join(suspicions_.of(inner)); });
  if (suspicion.any() && graph.changesInPlace()) {
    waitRetired();
    if (shared_.cancelled.load()) return;
    if (found_.load() != foundSeen_) {
      catchUp();
      return issueReplay(c);
    }
    suspicion = {};
  }
  Status status{};
  Native native{compute_, &cells_, suspicion.after, suspicion.last, nullptr};
  Stream stream{&status, &native, nullptr, 0, &shared_.cancelled, shared_.priority};
  c.scratch = graph.launch(stream);
  c.id = noteOf(native.cell, false);
  if (status.code.load() != static_cast<int32_t>(Code::ok)) {
    const auto code = static_cast<Code>(status.code.load());
    if (code == Code::deviceLost) lose(cudaPeekAtLastError());
    const FailureRecord record{code, c.op, c.seq, status.message};
    c.failure = {shared_.failed(shared_.context, &record), c.op, c.seq};
    graph.fail(c.failure, early_, false);
    return;
  }
  if (native.cell) suspicion.join({native.cell - 1, native.cell});
  if (cells_.outstanding()) graph.forEach([&](const Command& inner) { suspicions_.set(inner, suspicion); });
}

}  // namespace wg::cuda
