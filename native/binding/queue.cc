#include "queue.h"

#include <cstring>
#include <new>

#include "environment.h"

namespace wg {
namespace {

constexpr int64_t kSliceNs = 10'000'000;
constexpr int64_t kSpinNs = 50'000;

bool awaitQueue(const QueueShared* other, uint64_t seq, const std::atomic<bool>* cancelled) {
  auto& queue = *static_cast<Queue*>(other->context);
  const auto ready = [&] {
    return other->completed.load() >= seq || cancelled->load() || other->cancelled.load();
  };
  while (!queue.progress.wait(ready, kSpinNs, kSliceNs)) {
  }
  return other->completed.load() >= seq;
}

// A third for what is running, one for what is being staged, one lost to the pad at the ring's end.
uint64_t ringBytes(size_t bufferBytes) { return bufferBytes * Queue::kExpansion * 3; }

}  // namespace

Queue::Queue(Environment& environment, Device& device, int32_t deviceNumber, int32_t lane, size_t bufferBytes)
    : environment(environment), device(device), deviceNumber(deviceNumber), lane(lane), pool(device.memory) {
  shared_.priority = lane;
  shared_.context = this;
  shared_.failed = [](void* context, const FailureRecord* record) {
    return static_cast<Queue*>(context)->environment.log(*record, static_cast<Queue*>(context));
  };
  shared_.done = [](void* context, uint64_t id, const Failure* failure) {
    static_cast<Queue*>(context)->environment.complete(id, *failure);
  };
  shared_.progressed = [](void* context) { static_cast<Queue*>(context)->progress.notify(); };
  shared_.awaitQueue = awaitQueue;
  makeRing(ringBytes(bufferBytes));
  handle_ = device.backend.openQueue(device.memory.index(), &shared_);
  if (!handle_) throw std::bad_alloc();
}

void Queue::makeRing(uint64_t capacity) {
  memory_.reset(new char[capacity + 64]);
  shared_.ring = memory_.get() + (64 - reinterpret_cast<uintptr_t>(memory_.get()) % 64);
  shared_.capacity = capacity;
}

Queue::~Queue() { close(); }

void Queue::close() {
  if (handle_) device.backend.closeQueue(handle_);
  handle_ = nullptr;
}

void Queue::pad() {
  const uint64_t left = shared_.capacity - staged_ % shared_.capacity;
  auto* pad = reinterpret_cast<Command*>(shared_.ring + staged_ % shared_.capacity);
  pad->bytes = static_cast<uint32_t>(left);
  pad->kind = Kind::pad;
  staged_ += left;
}

Command* Queue::stage() {
  // An empty queue starts over, so that light traffic keeps to the same few cache lines.
  constexpr uint64_t kWarm = 256 << 10;
  if (staged_ % shared_.capacity > kWarm && shared_.head.load() == staged_) pad();
  auto* c = reinterpret_cast<Command*>(shared_.ring + staged_ % shared_.capacity);
  std::memset(static_cast<void*>(c), 0, sizeof(Command));
  return c;
}

void Queue::commit(Command* c, char* end) {
  auto bytes = static_cast<uint64_t>(end - reinterpret_cast<char*>(c));
  bytes = (bytes + 15) / 16 * 16;
  c->bytes = static_cast<uint32_t>(bytes);
  c->seq = ++seq_;
  staged_ += bytes;
  // A record never wraps: a third of the ring holds the largest one.
  if (shared_.capacity - staged_ % shared_.capacity < shared_.capacity / 3) pad();
}

void Queue::publish() {
  if (publishedSeq_ == seq_ || !handle_) return;
  publishedSeq_ = seq_;
  shared_.tail.store(staged_);
  device.backend.kick(handle_);
}

void Queue::runInline() {
  const uint64_t from = shared_.tail.load();
  // Staged commands may continue at the ring's start behind a pad: run up to it, then the rest.
  for (uint64_t at = from; at < staged_;) {
    const uint64_t left = shared_.capacity - at % shared_.capacity;
    const uint64_t bytes = staged_ - at < left ? staged_ - at : left;
    const auto* first = reinterpret_cast<const Command*>(shared_.ring + at % shared_.capacity);
    device.backend.runInline(handle_, first, bytes);
    at += bytes;
  }
  staged_ = from;  // nobody else has seen them
  publishedSeq_ = seq_;
  shared_.completed.store(seq_);
  progress.notify();
}

void Queue::addReplay(uint64_t seq, uint32_t maxAhead) {
  replays_[replayCount_++ % 512] = seq;
  replayLimit_ = maxAhead < 512 ? maxAhead : 511;
}

bool Queue::crowded() {
  const uint64_t done = completed();
  if (pool.freshBytes() > kMaxFresh) {
    if (done < seq_) return true;
    pool.forgetFresh();
  }
  if (seq_ - done > kMaxAhead || staged_ - shared_.head.load() > shared_.capacity / 4) return true;
  return replayLimit_ && replayCount_ > replayLimit_ &&
         replays_[(replayCount_ - 1 - replayLimit_) % 512] > done;
}

bool Queue::wait(uint64_t seq) {
  return progress.wait([&] { return completed() >= seq; }, kSpinNs, kSliceNs);
}

bool Queue::waitUncrowded() {
  if (pool.freshBytes() > kMaxFresh) {
    if (!progress.wait([&] { return completed() >= publishedSeq_; }, kSpinNs, kSliceNs)) return false;
    pool.forgetFresh();
  }
  return progress.wait([&] { return !crowded(); }, kSpinNs, kSliceNs);
}

bool Queue::resize(size_t bufferBytes) {
  const uint64_t capacity = ringBytes(bufferBytes);
  if (capacity <= shared_.capacity) return true;
  if (!idle() || hasStaged()) return false;
  // The device's side may still be stepping over a pad; after that it looks at the ring only when the tail
  // has moved. Positions go on counting: they mean the same place to both sides again.
  if (!progress.wait([&] { return shared_.head.load() == staged_; }, kSpinNs, kSliceNs)) return false;
  makeRing(capacity);
  if (capacity - staged_ % capacity < capacity / 3) pad();
  return true;
}

}  // namespace wg
