#include "environment.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace wg {

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

Slot* Environment::bind(uint32_t index, uint32_t generation, size_t bytes, int32_t queue,
                        Block* block) noexcept {
  if (index >= slots_.size()) try {
      slots_.resize(std::max<size_t>(index + 1, slots_.size() * 2));
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  Slot& slot = slots_[index];
  slot = {generation, true, true, 0, queue, bytes, block};
  if (block) block->device = queues_[static_cast<size_t>(queue)]->deviceNumber;
  ++liveSlots_;
  slotBytes_[static_cast<size_t>(queues_[static_cast<size_t>(queue)]->deviceNumber)] += roundedSize(bytes);
  return &slot;
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
    target.moveFrom = old;
    target.moveBytes = slot.bytes;
  }
  slot.block = block;
  // The command being staged still reads the old block; it stays valid in queue order even when this was its
  // last count.
  old->lastUse[queues_[static_cast<size_t>(slot.queue)]->lane] =
      queues_[static_cast<size_t>(slot.queue)]->nextSeq();
  release(old);
  return true;
}

constexpr size_t kMuchScratch = size_t{32}
                                << 20;  // what convolutions ask for, one after the other, ends below

/// A graph's ops run in turn with the queue's own, so all share one block; a graph keeps those that its
/// commands point into.
void* Environment::scratch(Queue& queue, Graph* graph, size_t bytes) {
  if (!queue.arena || queue.arena->bytes < bytes) {
    // One that was outgrown fits hardly anything else. What nobody touches takes no memory of the host's.
    size_t ample = queue.arena && queue.device.memory.hostAccessible() ? 4 * queue.arena->bytes : 0;
    if (ample >= kMuchScratch / 8 && ample < kMuchScratch) ample = kMuchScratch;
    Block* larger = ample > bytes ? queue.pool.get(ample) : nullptr;
    if (!larger) larger = queue.pool.get(bytes);
    if (!larger) return nullptr;
    larger->device = queue.deviceNumber;
    if (queue.arena) release(queue.arena);
    queue.arena = larger;
  }
  Block& arena = *queue.arena;
  if (graph && (graph->arenas.empty() || graph->arenas.back() != &arena)) {
    graph->arenas.push_back(&arena);
    ++arena.count;
  }
  arena.lastUse[queue.lane] = queue.nextSeq();
  return arena.data;
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

void Environment::fence(Queue& queue, uint64_t id, Block* block) {
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

bool Environment::copyIn(Queue& queue, Slot& slot, size_t offset, const void* from, size_t bytes, bool idle) {
  // Where the host cannot write itself the backend lends memory that copies fast; a spare block does
  // elsewhere.
  const bool lent = !queue.device.memory.hostAccessible();
  Block* spare =
      lent ? nullptr : queue.pool.getIdle(bytes, [this](const Block& block) { return isDone(block); });
  void* staging = lent ? queue.device.backend.stage(queue.handle(), bytes) : spare ? spare->data : nullptr;
  if (!staging) return false;
  Target target{nullptr, nullptr, 0,
                (offset == 0 && bytes == slot.bytes ? kCovers : 0u) | (slot.fresh ? kFirst : 0u)};
  if (slot.block->snapshots && !slot.block->fixed && !moveAway(slot, target, !(target.flags & kCovers))) {
    if (spare) release(spare);
    return false;
  }
  if (bytes) std::memcpy(staging, from, bytes);
  slot.fresh = false;
  target.block = slot.block;
  Command* c = queue.stage();
  c->kind = Kind::copyIn;
  *static_cast<CopyArguments*>(c->arguments()) = {static_cast<char*>(slot.block->data) + offset, staging,
                                                  bytes, idle};
  c->refsAt = sizeof(Command) + sizeof(CopyArguments);
  c->targets = 1;
  c->targetList()[0] = target;
  use(queue, *c, *slot.block);
  if (spare) {
    spare->device = queue.deviceNumber;
    use(queue, *c, *spare);
    release(spare);
  } else {
    queue.pool.addFresh(bytes);
  }
  queue.commit(c, reinterpret_cast<char*>(c->targetList() + 1));
  return true;
}

void Environment::copyOut(Queue& queue, Block& block, size_t offset, void* to, size_t bytes, uint64_t id) {
  Command* c = queue.stage();
  c->kind = Kind::copyOut;
  c->id = id;
  *static_cast<CopyArguments*>(c->arguments()) = {to, static_cast<char*>(block.data) + offset, bytes, 0};
  c->refsAt = sizeof(Command) + sizeof(CopyArguments);
  c->inputs = 1;
  c->inputList()[0] = &block;
  use(queue, *c, block);
  queue.commit(c, reinterpret_cast<char*>(c->inputList() + 1));
}

void Environment::trim() {
  for (auto& queue : queues_) {
    queue->pool.trim([this](const Block& block) { return isDone(block); });
    queue->device.memory.trim();
  }
}

size_t Environment::slotBytes(int32_t device) const { return slotBytes_[static_cast<size_t>(device)]; }

}  // namespace wg
