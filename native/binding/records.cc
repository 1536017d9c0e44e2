// Decoding: what stands in the command buffer becomes staged commands. Nothing here throws except into a
// graph, where capture() catches it: a flush must never lose the records behind the one that failed.
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "environment.h"

namespace wg {
namespace {

// Records that are no ops. lib/native/command-buffer.ts writes the same numbers.
constexpr int32_t kAlloc = -1, kFree = -2, kReplay = -3, kReleaseGraph = -4, kTransfer = -5;
constexpr uint32_t kMaxSlots = 1u << 28;

template <class T>
std::pair<T, T> halves(double word) {
  const auto bits = std::bit_cast<uint64_t>(word);
  return {static_cast<T>(bits & 0xffffffff), static_cast<T>(bits >> 32)};
}

}  // namespace

bool Environment::flush(size_t end, double workNs) {
  ++flushes_;
  const bool sound = decode(end);
  runOrPublish(workNs, kInlineFlushNs);
  report();
  return sound;
}

bool Environment::decode(size_t end) {
  words_[kDecoded] = 1;
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
  else if (op == kTransfer && end - at == 6 && !graph) decodeTransfer(at + 2, *queue);
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
    block = queue.pool.get(static_cast<size_t>(bytes));
    if (!block) {
      trim();
      block = queue.pool.get(static_cast<size_t>(bytes));
    }
    if (!block) {
      const Backend& backend = queue.device.backend;
      const bool lost = backend.lost && backend.lost(queue.device.memory.index());
      const FailureRecord record{lost ? Code::deviceLost : Code::outOfMemory, kAlloc, queue.nextSeq(),
                                 lost ? "the device is lost" : "the device is out of memory"};
      exhausted_ = log(record, &queue);
    }
  }
  Slot* bound = bind(index, generation, static_cast<size_t>(bytes), number, block);
  if (bound) bound->failure = exhausted_;
  else if (block) release(block);  // the slot table cannot grow: the slot stays unknown, and reads as freed
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

// Bytes of one device's tensor to another's new one. The queue that runs it is the target's, unless only the
// source's can reach both memories.
void Environment::decodeTransfer(const double* at, Queue& queue) {
  const auto [toIndex, toGeneration] = halves<uint32_t>(at[0]);
  const auto [fromIndex, fromGeneration] = halves<uint32_t>(at[1]);
  Slot* to = slot(toIndex, toGeneration);
  Slot* from = slot(fromIndex, fromGeneration);
  int64_t offset = 0, bytes = 0;
  if (!to || !to->block || to->queue != queue.number || to->block->readOnly || to->block->snapshots ||
      !asInteger(at[2], offset) || !asInteger(at[3], bytes) || offset < 0 || bytes < 0 ||
      static_cast<size_t>(bytes) > to->bytes)
    return;
  ++commands_;
  const bool found = from && static_cast<size_t>(offset) <= from->bytes &&
                     static_cast<size_t>(bytes) <= from->bytes - static_cast<size_t>(offset);
  Queue& source = found ? *queues_[static_cast<size_t>(from->queue)] : queue;
  Queue& runs =
      queue.device.memory.hostAccessible() && !source.device.memory.hostAccessible() ? source : queue;
  const bool present = found && from->block;
  Command* c = runs.stage();
  c->kind = present ? Kind::copyIn : Kind::fail;
  c->op = kTransfer;
  c->refsAt = sizeof(Command) + sizeof(CopyArguments);
  use(runs, *c, *to->block);
  if (present) {
    *static_cast<CopyArguments*>(c->arguments()) = {
        to->block->data, static_cast<char*>(from->block->data) + offset, static_cast<uint64_t>(bytes), 0};
    use(runs, *c, *from->block);
    c->inputs = 1;
    c->inputList()[0] = from->block;
  } else {
    uint32_t root = found ? from->failure : 0;
    if (!root) {
      const FailureRecord record{Code::disposed, kTransfer, runs.nextSeq(), "the source was already freed"};
      root = log(record, &runs);
    }
    c->failure = {root, kTransfer, runs.nextSeq()};
  }
  Target* target = c->targetList();
  if (present && from->fresh) *target++ = {from->block, nullptr, 0, kFirst | kReadOnly};
  *target++ = {to->block, nullptr, 0, kCovers | (to->fresh ? kFirst : 0u)};
  c->targets = static_cast<uint32_t>(target - c->targetList());
  to->fresh = false;
  if (present) from->fresh = false;
  runs.commit(c, reinterpret_cast<char*>(target));
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
  Reader r{*this, queue, graph, c, at, end, static_cast<char*>(c->arguments()), limit, inputs_, targets_};
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

}  // namespace wg
