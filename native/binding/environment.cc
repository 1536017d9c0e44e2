#include "environment.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace wg {
namespace {

// Records that are no ops. lib/native/command-buffer.ts writes the same numbers.
constexpr int32_t kAlloc = -1, kFree = -2, kReplay = -3, kReleaseGraph = -4;
constexpr uint32_t kMaxSlots = 1u << 28;
// Reports there is always room for, so that running out of memory can be reported too; and the most that are
// kept, because a loop that never yields must not fill the memory with them.
constexpr size_t kFailureRoom = 64, kMostFailures = 4096;

template <class T>
std::pair<T, T> halves(double word) {
  const auto bits = std::bit_cast<uint64_t>(word);
  return {static_cast<T>(bits & 0xffffffff), static_cast<T>(bits >> 32)};
}

constexpr uint64_t slotKey(uint32_t index, uint32_t generation) {
  return static_cast<uint64_t>(index) << 32 | generation;
}

}  // namespace

Environment::Environment(void (*wake)(void*), void* context) : wake_(wake), context_(context) {
  failures_.reserve(kFailureRoom);
}

Environment::~Environment() {
  close();
  for (auto& graph : graphs_)
    if (graph) freeGraph(*graph);
  for (auto& graph : dying_) freeGraph(*graph);
}

void Environment::close() {
  closed = true;
  cancel();
  for (auto& queue : queues_) queue->close();
}

void Environment::cancel() {
  for (auto& queue : queues_) queue->cancel();
}

void Environment::setBuffer(double* words, size_t bytes) {
  // No record names more tensors than fit the buffer, so decoding never has to grow these.
  inputs_.reserve(bytes / 24 + 1);
  targets_.reserve(bytes / 24 + 1);
  words_ = words;
  bufferBytes_ = bytes;
}

int32_t Environment::openQueue(Device& device, int32_t lane) {
  auto found = std::find(devices_.begin(), devices_.end(), &device);
  const auto number = static_cast<size_t>(found - devices_.begin());
  if (found == devices_.end()) {
    devices_.reserve(number + 1);
    lanes_.reserve(number + 1);
    slotBytes_.reserve(number + 1);
    devices_.push_back(&device);
    lanes_.push_back({});
    slotBytes_.push_back(0);
  }
  queues_.reserve(queues_.size() + 1);
  auto queue = std::make_unique<Queue>(*this, device, static_cast<int32_t>(number), lane, bufferBytes_);
  queue->number = static_cast<int32_t>(queues_.size());
  lanes_[number][static_cast<size_t>(lane)] = queue.get();
  queues_.push_back(std::move(queue));
  return queues_.back()->number;
}

Slot* Environment::slot(uint32_t index, uint32_t generation) {
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  return slot.bound && slot.generation == generation ? &slot : nullptr;
}

Slot* Environment::argumentSlot(Graph* graph, uint32_t index, uint32_t generation) {
  if (!graph) return slot(index, generation);
  const auto inside = graph->slots.find(slotKey(index, generation));
  if (inside != graph->slots.end()) return &inside->second;
  Slot* outside = slot(index, generation);
  if (outside && outside->block) pinOutside(*graph, *outside);
  return outside;
}

Slot& Environment::bind(uint32_t index, uint32_t generation, size_t bytes, int32_t queue, Block* block) {
  if (index >= slots_.size()) slots_.resize(std::max<size_t>(index + 1, slots_.size() * 2));
  Slot& slot = slots_[index];
  slot = {generation, true, true, 0, queue, bytes, block};
  if (block) block->device = queues_[static_cast<size_t>(queue)]->deviceNumber;
  ++liveSlots_;
  slotBytes_[static_cast<size_t>(queues_[static_cast<size_t>(queue)]->deviceNumber)] += roundedSize(bytes);
  return slot;
}

void Environment::unbind(Slot& slot) {
  --liveSlots_;
  slotBytes_[static_cast<size_t>(queues_[static_cast<size_t>(slot.queue)]->deviceNumber)] -=
      roundedSize(slot.bytes);
  if (slot.block) release(slot.block);
  slot.bound = false;
  slot.block = nullptr;
}

void Environment::release(Block* block) {
  if (--block->count) return;
  if (block->pool) return block->pool->put(block);
  // Borrowed memory: its owner may change it once everything queued so far is done.
  const auto& lanes = lanes_[static_cast<size_t>(block->device)];
  Queue& last = lanes[1] && block->lastUse[1] > lanes[1]->completed() ? *lanes[1] : *lanes[0];
  fence(last, block->borrowId, block);
}

bool Environment::isDone(const Block& block) const {
  for (const Queue* queue : lanes_[static_cast<size_t>(block.device)])
    if (queue && !queue->isDone(block)) return false;
  return true;
}

bool Environment::allIdle() const {
  return std::all_of(queues_.begin(), queues_.end(), [](const auto& queue) { return queue->idle(); });
}

void Environment::waitFor(Queue& queue, Command& c, Queue& other, uint64_t seq) {
  uint64_t& waited = queue.waitedFor[other.number];
  if (seq <= waited || seq <= other.completed()) return;
  waited = seq;
  for (Wait& wait : c.waits) {
    if (wait.queue && wait.queue != &other.shared()) continue;
    wait = {&other.shared(), seq};
    return;
  }
}

void Environment::use(Queue& queue, Command& c, Block& block) {
  if (c.seq == kInGraph) return;
  const auto& lanes = lanes_[static_cast<size_t>(block.device)];
  for (int lane = 0; lane < 2; ++lane)
    if (lanes[static_cast<size_t>(lane)] && lanes[static_cast<size_t>(lane)] != &queue)
      waitFor(queue, c, *lanes[static_cast<size_t>(lane)], block.lastUse[lane]);
  if (block.device == queue.deviceNumber) {
    block.lastUse[queue.lane] = queue.nextSeq();
    return;
  }
  // Another device's memory: its queue goes on only when we are done with it.
  Queue& owner = *lanes[0];
  Command* hold = owner.stage();
  hold->kind = Kind::wait;
  hold->waits[0] = {&queue.shared(), queue.nextSeq()};
  owner.commit(hold, static_cast<char*>(hold->arguments()));
  block.lastUse[0] = owner.lastSeq();
}

bool Environment::moveAway(Slot& slot, Target& target, bool keepContents) {
  Block* old = slot.block;
  Block* block = queues_[static_cast<size_t>(slot.queue)]->pool.get(slot.bytes);
  if (!block) return false;
  block->device = old->device;
  if (keepContents) {
    target.moveFrom = old->data;
    target.moveBytes = slot.bytes;
    target.moveFailure = &old->failure;
  }
  slot.block = block;
  // The command being staged still reads the old block; it stays valid in queue order even when this was its
  // last count.
  old->lastUse[queues_[static_cast<size_t>(slot.queue)]->lane] =
      queues_[static_cast<size_t>(slot.queue)]->nextSeq();
  release(old);
  return true;
}

void* Environment::scratch(Queue& queue, Graph* graph, size_t bytes) {
  Block*& arena = graph ? graph->arena : queue.arena;
  if (!arena || arena->bytes < bytes) {
    Block* larger = (graph ? graph->pool : queue.pool).get(bytes);
    if (!larger) return nullptr;
    larger->device = queue.deviceNumber;
    if (arena) release(arena);
    arena = larger;
  }
  arena->lastUse[queue.lane] = queue.nextSeq();
  return arena->data;
}

bool Environment::flush(size_t end, double workNs) {
  ++flushes_;
  const bool sound = decode(end);
  runOrPublish(workNs, kInlineFlushNs);
  report();
  return sound;
}

bool Environment::decode(size_t end) {
  exhausted_ = 0;
  if (!dying_.empty()) reapGraphs();
  const double* const stop = words_ + std::min(end, bufferBytes_ / 8);
  for (const double* at = words_ + kStatusWords; at < stop;) {
    const auto [length, op] = halves<int32_t>(at[0]);
    if (length < 2 || length > stop - at) return false;
    if (!decodeRecord(at, at + length, nullptr, nullptr, nullptr)) return false;
    at += length;
  }
  return true;
}

bool Environment::decodeRecord(const double* at, const double* end, Graph* graph, char** place, char* limit) {
  const int32_t op = halves<int32_t>(at[0]).second;
  const int32_t number = halves<int32_t>(at[1]).first;
  Queue* queue = this->queue(number);
  if (!queue || (graph && queue != &graph->queue)) return false;
  if (op >= 0 && op < static_cast<int32_t>(Op::count)) {
    decodeOp(op, at + 2, end, *queue, graph, place, limit);
    return true;
  }
  if (op == kAlloc && end - at == 4) decodeAlloc(at + 2, *queue, number, graph);
  else if (op == kFree && end - at == 3) decodeFree(at + 2, graph);
  else if (op == kReplay && end - at == 3 && !graph) decodeReplay(at + 2, *queue);
  else if (op == kReleaseGraph && end - at == 3 && !graph) decodeReleaseGraph(at + 2);
  else return false;
  return true;
}

void Environment::decodeAlloc(const double* at, Queue& queue, int32_t number, Graph* graph) {
  const auto [index, generation] = halves<uint32_t>(at[0]);
  int64_t bytes = 0;
  if (index >= kMaxSlots || !asInteger(at[1], bytes) || bytes < 0 || slot(index, generation)) return;
  if (graph) {
    Block* block = graph->pool.get(static_cast<size_t>(bytes));
    if (!block) throw std::bad_alloc();
    block->device = queue.deviceNumber;
    graph->slots[slotKey(index, generation)] = {generation, true, true, 0, number, static_cast<size_t>(bytes),
                                                block};
    return;
  }
  Block* block = nullptr;
  if (!exhausted_) {
    try {
      block = queue.pool.get(static_cast<size_t>(bytes));
      if (!block) {
        trim();
        block = queue.pool.get(static_cast<size_t>(bytes));
      }
    } catch (const std::bad_alloc&) {
    }
    if (!block) {
      const FailureRecord record{Code::outOfMemory, kAlloc, queue.nextSeq(), "the device is out of memory"};
      exhausted_ = log(record, &queue);
    }
  }
  try {
    bind(index, generation, static_cast<size_t>(bytes), number, block).failure = exhausted_;
  } catch (const std::bad_alloc&) {  // the slot table cannot grow: the slot stays unknown, and reads as freed
    if (block) release(block);
  }
}

void Environment::decodeFree(const double* at, Graph* graph) {
  const auto [index, generation] = halves<uint32_t>(at[0]);
  if (graph) {
    const auto inside = graph->slots.find(slotKey(index, generation));
    if (inside == graph->slots.end()) return;  // freed when it was run eagerly; a replay has nothing to free
    release(inside->second.block);
    graph->slots.erase(inside);
    return;
  }
  if (Slot* s = slot(index, generation)) unbind(*s);
}

void Environment::decodeOp(int32_t op, const double* at, const double* end, Queue& queue, Graph* graph,
                           char** place, char* limit) {
  Command* c;
  if (graph) {
    c = reinterpret_cast<Command*>(*place);
    std::memset(static_cast<void*>(c), 0, sizeof(Command));
    c->seq = kInGraph;
  } else {
    c = queue.stage();
    limit = queue.stageLimit();
  }
  ++commands_;
  inputs_.clear();
  targets_.clear();
  const OpEntry& entry = kOps[op];
  Reader r{*this,
           queue,
           graph,
           c,
           at,
           end,
           static_cast<char*>(c->arguments()),
           limit,
           inputs_,
           targets_,
           op == static_cast<int32_t>(Op::copy)};
  if (char* arguments = r.reserve(entry.argumentBytes)) entry.read(r, arguments);
  if (r.fault == Code::ok && r.at != r.end)
    r.fail(Code::argument, "record is longer than its op's arguments");
  const KernelRow& row = queue.device.backend.kernels[op];
  const bool blocked = r.fault != Code::ok || r.failedRoot || exhausted_;
  if (!blocked && row.workspace) {
    c->scratchBytes = row.workspace(c->arguments());
    if (c->scratchBytes && !(c->scratch = scratch(queue, graph, c->scratchBytes)))
      r.fail(Code::outOfMemory, "no memory for %llu bytes of scratch",
             static_cast<unsigned long long>(c->scratchBytes));
  }
  // NOLINTNEXTLINE(bugprone-sizeof-expression): the pointers themselves are copied
  const size_t refBytes = inputs_.size() * sizeof(Block*) + targets_.size() * sizeof(Target);
  char* refs = r.reserve(refBytes);
  if (!refs) {  // cannot mark what does not fit; the record itself is refused
    inputs_.clear();
    targets_.clear();
    refs = r.top = static_cast<char*>(c->arguments());
  }
  c->op = op;
  c->run = row.run;
  c->refsAt = static_cast<uint32_t>(refs - reinterpret_cast<char*>(c));
  c->inputs = static_cast<uint32_t>(inputs_.size());
  c->targets = static_cast<uint32_t>(targets_.size());
  std::copy(inputs_.begin(), inputs_.end(), c->inputList());
  std::copy(targets_.begin(), targets_.end(), c->targetList());
  c->kind = Kind::op;
  if (r.fault != Code::ok) {
    const FailureRecord record{r.fault, op, queue.nextSeq(), r.message.text};
    c->failure = {log(record, &queue), op, queue.nextSeq()};
  } else if (r.failedRoot || exhausted_) {
    c->failure = {exhausted_ ? exhausted_ : r.failedRoot, op, queue.nextSeq()};
  }
  if (c->failure.root) c->kind = Kind::fail;
  if (!graph) return queue.commit(c, r.top);
  c->bytes = static_cast<uint32_t>(r.top - reinterpret_cast<char*>(c));
  c->seq = 0;
  *place = r.top;
}

void Environment::runOrPublish(double workNs, double mostNs) {
  if (workNs > mostNs) return publish();
  Queue* only = nullptr;
  for (auto& queue : queues_) {
    if (!queue->idle()) return publish();
    if (!queue->hasStaged()) continue;
    if (only) return publish();  // they may wait for one another
    only = queue.get();
  }
  if (!only) return;
  if (only->canRunInline()) only->runInline();
  else only->publish();
}

void Environment::publish() {
  for (auto& queue : queues_) queue->publish();
}

void Environment::expectCompletion() {
  std::lock_guard lock(mutex_);
  completions_.reserve(completions_.size() + ++expected_);
}

void Environment::fence(Queue& queue, uint64_t id, Block* block) {
  expectCompletion();
  Command* c = queue.stage();
  c->kind = Kind::fence;
  c->id = id;
  c->refsAt = sizeof(Command);
  if (block) {
    use(queue, *c, *block);
    c->inputs = 1;
    c->inputList()[0] = block;
  }
  queue.commit(c, reinterpret_cast<char*>(c->inputList() + c->inputs));
}

void Environment::copyIn(Queue& queue, Slot& slot, size_t offset, Block& from, size_t bytes) {
  Target target{nullptr, nullptr, 0, nullptr,
                (offset == 0 && bytes == slot.bytes ? kCovers : 0u) | (slot.fresh ? kFirst : 0u)};
  slot.fresh = false;
  if (slot.block->snapshots && !slot.block->fixed && !moveAway(slot, target, !(target.flags & kCovers)))
    throw std::bad_alloc();
  target.block = slot.block;
  Command* c = queue.stage();
  c->kind = Kind::copyIn;
  *static_cast<CopyArguments*>(c->arguments()) = {static_cast<char*>(slot.block->data) + offset, from.data,
                                                  bytes};
  c->refsAt = sizeof(Command) + sizeof(CopyArguments);
  c->targets = 1;
  c->targetList()[0] = target;
  use(queue, *c, *slot.block);
  use(queue, *c, from);
  queue.commit(c, reinterpret_cast<char*>(c->targetList() + 1));
}

void Environment::copyOut(Queue& queue, Block& block, size_t offset, void* to, size_t bytes, uint64_t id) {
  expectCompletion();
  Command* c = queue.stage();
  c->kind = Kind::copyOut;
  c->id = id;
  *static_cast<CopyArguments*>(c->arguments()) = {to, static_cast<char*>(block.data) + offset, bytes};
  c->refsAt = sizeof(Command) + sizeof(CopyArguments);
  c->inputs = 1;
  c->inputList()[0] = &block;
  use(queue, *c, block);
  queue.commit(c, reinterpret_cast<char*>(c->inputList() + 1));
}

uint32_t Environment::log(const FailureRecord& record, const Queue* queue) {
  const uint32_t id = ++failureCount_;
  {
    std::lock_guard lock(mutex_);
    try {
      if (failures_.size() < kMostFailures) {
        LoggedFailure& f = failures_.emplace_back();
        f.id = id;
        f.code = record.code;
        f.op = record.op;
        f.seq = record.seq;
        f.queue = queue->number;
        std::strncpy(f.message, record.message, sizeof f.message - 1);
        f.message[sizeof f.message - 1] = 0;
      }
    } catch (const std::bad_alloc&) {  // the tensor stays marked; only the words are lost
    }
  }
  wake_(context_);
  return id;
}

void Environment::complete(uint64_t id, const Failure& failure) {
  {
    std::lock_guard lock(mutex_);
    completions_.push_back({id, failure});
  }
  wake_(context_);
}

bool Environment::takeFailure(LoggedFailure& failure) {
  std::lock_guard lock(mutex_);
  if (failures_.empty()) return false;
  failure = failures_.front();
  failures_.erase(failures_.begin());
  return true;
}

bool Environment::takeCompletion(Completion& completion) {
  std::lock_guard lock(mutex_);
  if (completions_.empty()) return false;
  completion = completions_.front();
  completions_.erase(completions_.begin());
  --expected_;
  return true;
}

void Environment::trim() {
  for (auto& queue : queues_) {
    queue->pool.trim([this](const Block& block) { return isDone(block); });
    queue->device.memory.trim();
  }
}

void Environment::report() {
  words_[kCrowdedQueue] = 0;
  for (auto& queue : queues_)
    if (queue->crowded()) words_[kCrowdedQueue] = queue->number + 1;
  words_[kFailuresLogged] = failureCount_.load();
  for (size_t d = 0; d < devices_.size() && kOtherBytes + d < kStatusWords; ++d) {
    size_t ours = slotBytes_[d];
    for (const Queue* queue : lanes_[d])
      if (queue) ours += queue->pool.freeBytes();
    const size_t used = devices_[d]->memory.used();
    words_[kOtherBytes + d] = used > ours ? static_cast<double>(used - ours) : 0;
  }
}

size_t Environment::slotBytes(int32_t device) const { return slotBytes_[static_cast<size_t>(device)]; }

}  // namespace wg
