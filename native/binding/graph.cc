// Captured steps: decoding a recorded stream once, with memory of its own, so that a replay is one command.
#include <bit>
#include <cstring>
#include <utility>

#include "environment.h"

namespace wg {

int32_t Environment::capture(const double* words, size_t count, Queue& queue, uint32_t maxAhead,
                             const char*& error) {
  auto graph = std::make_unique<Graph>(queue);
  graph->maxAhead = maxAhead;
  graphs_.reserve(graphs_.size() + 1);
  dying_.reserve(graphs_.size() + 1);  // each may end up there, when nothing may fail
  const size_t room = count * 8 * Queue::kExpansion + 4096;
  graph->memory.reset(new char[room]);
  char* const first = graph->memory.get() + (64 - reinterpret_cast<uintptr_t>(graph->memory.get()) % 64);
  char* place = first;
  const uint32_t failuresBefore = failureCount_.load();
  exhausted_ = 0;
  try {
    for (const double* at = words; at < words + count && !error;) {
      const auto length = static_cast<int32_t>(std::bit_cast<uint64_t>(at[0]) & 0xffffffff);
      if (length < 2 || length > words + count - at || static_cast<size_t>(length) > bufferBytes_ / 8 ||
          !decodeRecord(at, at + length, graph.get(), &place, graph->memory.get() + room))
        error = "an op of another queue or device cannot be captured";
      at += length;
    }
    graph->survivors.reserve(graph->slots.size());
  } catch (const std::bad_alloc&) {
    error = "the device is out of memory";
  }
  if (!error && failureCount_.load() != failuresBefore) error = "an op of the step cannot be replayed";
  if (!error)
    graph->handle = queue.device.backend.makeGraph(queue.handle(), reinterpret_cast<const Command*>(first),
                                                   static_cast<uint64_t>(place - first));
  if (!error && !graph->handle) error = "the backend could not build the graph";
  if (error) {
    freeGraph(*graph);
    return -1;
  }
  bindSurvivors(*graph);
  graphs_.push_back(std::move(graph));
  return static_cast<int32_t>(graphs_.size() - 1);
}

void Environment::pinOutside(Graph& graph, Slot& slot) {
  if (slot.block->snapshots && !slot.block->fixed) {
    // Somebody looks through this block: later writes would move the tensor, so move it now, before its
    // address is fixed.
    Queue& queue = *queues_[static_cast<size_t>(slot.queue)];
    Block* old = slot.block;
    Target target{};
    if (!moveAway(slot, target, true)) throw std::bad_alloc();
    Command* c = queue.stage();
    c->kind = Kind::copyIn;
    *static_cast<CopyArguments*>(c->arguments()) = {slot.block->data, old->data, slot.bytes, 0};
    c->refsAt = sizeof(Command) + sizeof(CopyArguments);
    c->targets = 1;
    c->targetList()[0] = {slot.block, nullptr, 0, kFirst};
    use(queue, *c, *slot.block);
    queue.commit(c, reinterpret_cast<char*>(c->targetList() + 1));
  }
  for (const Block* known : graph.outside)
    if (known == slot.block) return;
  graph.outside.push_back(slot.block);
  ++slot.block->fixed;
  ++slot.block->count;
}

void Environment::bindSurvivors(Graph& graph) {
  for (auto& [key, inside] : graph.slots) {
    graph.survivors.push_back(inside.block);
    Slot* outer = slot(static_cast<uint32_t>(key >> 32), static_cast<uint32_t>(key));
    if (!outer || !outer->block) continue;
    Block* eager = outer->block;
    Command* c = graph.queue.stage();
    c->kind = Kind::copyIn;
    *static_cast<CopyArguments*>(c->arguments()) = {inside.block->data, eager->data, outer->bytes, 0};
    c->refsAt = sizeof(Command) + sizeof(CopyArguments);
    c->targets = 1;
    c->targetList()[0] = {inside.block, nullptr, 0, kFirst};
    use(graph.queue, *c, *inside.block);
    use(graph.queue, *c, *eager);
    graph.queue.commit(c, reinterpret_cast<char*>(c->targetList() + 1));
    ++inside.block->count;
    ++inside.block->fixed;
    outer->block = inside.block;
    outer->fresh = false;
    release(eager);
  }
  graph.slots.clear();
}

void Environment::decodeReplay(const double* at, Queue& queue) {
  const auto number = std::bit_cast<uint64_t>(at[0]) & 0xffffffff;
  if (number >= graphs_.size() || !graphs_[number] || &graphs_[number]->queue != &queue) return;
  Graph& graph = *graphs_[number];
  ++commands_;
  Command* c = queue.stage();
  c->kind = Kind::replay;
  c->refsAt = sizeof(Command) + sizeof(ReplayArguments);
  *static_cast<ReplayArguments*>(c->arguments()) = {graph.handle, queue.device.backend.runGraph};
  for (Block* block : graph.outside) use(queue, *c, *block);
  for (Block* block : graph.survivors) use(queue, *c, *block);
  queue.commit(c, static_cast<char*>(c->arguments()) + sizeof(ReplayArguments));
  graph.lastSeq = queue.lastSeq();
  queue.addReplay(graph.lastSeq, graph.maxAhead);
}

void Environment::decodeReleaseGraph(const double* at) {
  const auto number = std::bit_cast<uint64_t>(at[0]) & 0xffffffff;
  if (number < graphs_.size() && graphs_[number]) {
    dying_.push_back(std::move(graphs_[number]));
    reapGraphs();
  }
}

void Environment::reapGraphs() {
  std::erase_if(dying_, [this](std::unique_ptr<Graph>& graph) {
    if (graph->queue.completed() < graph->lastSeq) return false;
    for (const Block* block : graph->survivors)
      if (block->count > 1 || !isDone(*block)) return false;  // a result is still in somebody's hands
    freeGraph(*graph);
    return true;
  });
}

void Environment::freeGraph(Graph& graph) {
  if (graph.handle) graph.queue.device.backend.freeGraph(graph.handle);
  graph.handle = nullptr;
  for (Block* block : graph.outside) {
    --block->fixed;
    release(block);
  }
  graph.outside.clear();
  for (Block* arena : graph.arenas) release(arena);
  graph.arenas.clear();
}

}  // namespace wg
