#include "execute.h"

#include <cstring>

namespace wg {
namespace {

/// The first failure among what the op reads, or null.
const Failure* failedInput(const Command& c) {
  Block* const* inputs = c.inputList();
  for (uint32_t i = 0; i < c.inputs; ++i)
    if (inputs[i]->failure.root) return &inputs[i]->failure;
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i)
    if (!(targets[i].flags & (kFirst | kCovers)) && targets[i].block->failure.root)
      return &targets[i].block->failure;
  return nullptr;
}

void mark(const Command& c, const Failure& failure) {
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i)
    if (!(targets[i].flags & (kInPlace | kReadOnly)) &&
        (targets[i].flags & kFirst || !targets[i].block->failure.root))
      targets[i].block->failure = failure;
}

/// What must be true of every written block before the op, run or not: a clean slate, its contents where it
/// now lives.
void prepare(const Command& c) {
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i) {
    if (targets[i].flags & kFirst) targets[i].block->failure = {};
    if (targets[i].moveFrom) {
      targets[i].block->failure = targets[i].moveFailure ? *targets[i].moveFailure : Failure{};
      std::memcpy(targets[i].block->data, targets[i].moveFrom, targets[i].moveBytes);
    }
  }
}

void copyBytes(const Command& c) {
  const auto& copy = *static_cast<const CopyArguments*>(c.arguments());
  std::memcpy(copy.to, copy.from, copy.bytes);
}

void runOp(const Command& c, QueueShared& queue, void* native) {
  if (const Failure* cause = failedInput(c)) return mark(c, {cause->root, c.op, c.seq});
  Status status{};
  Stream stream{&status, native, c.scratch, c.scratchBytes, &queue.cancelled, queue.priority};
  c.run(stream, c.arguments());
  const auto code = static_cast<Code>(status.code.load(std::memory_order_relaxed));
  if (code != Code::ok) {
    if (queue.cancelled.load(std::memory_order_relaxed)) return;
    const FailureRecord record{code, c.op, c.seq, status.message};
    return mark(c, {queue.failed(queue.context, &record), c.op, c.seq});
  }
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i)
    if (targets[i].flags & kCovers) targets[i].block->failure = {};
}

}  // namespace

void execute(const Command& c, QueueShared& queue, void* native) {
  for (const Wait& wait : c.waits)
    if (wait.queue && !queue.awaitQueue(wait.queue, wait.seq, &queue.cancelled)) return;
  prepare(c);
  switch (c.kind) {
    case Kind::op:
      runOp(c, queue, native);
      break;
    case Kind::fail:
      mark(c, c.failure);
      break;
    case Kind::copyIn: {
      Block& block = *c.targetList()[0].block;
      if (c.targetList()[0].flags & kCovers) block.failure = {};
      copyBytes(c);
      break;
    }
    case Kind::copyOut: {
      const Block& block = *c.inputList()[0];
      if (!block.failure.root) copyBytes(c);
      queue.done(queue.context, c.id, &block.failure);
      break;
    }
    case Kind::fence: {
      const Failure none{};
      queue.done(queue.context, c.id, c.inputs ? &c.inputList()[0]->failure : &none);
      break;
    }
    case Kind::replay: {
      const auto& replay = *static_cast<const ReplayArguments*>(c.arguments());
      replay.run(replay.graph, queue, native);
      break;
    }
    case Kind::wait:
    case Kind::pad:
      break;
  }
}

void executeAll(const Command* first, uint64_t bytes, QueueShared& queue, void* native) {
  const auto* end = reinterpret_cast<const char*>(first) + bytes;
  for (const Command* c = first; reinterpret_cast<const char*>(c) < end; c = next(c)) {
    if (queue.cancelled.load(std::memory_order_relaxed)) return;
    if (c->kind != Kind::pad) execute(*c, queue, native);
  }
}

}  // namespace wg
