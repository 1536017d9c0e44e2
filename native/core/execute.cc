#include "execute.h"

#include <cstring>

#include "failures.h"

namespace wg {
namespace {

BlockLedger ledger;

void moveContents(const Command& c) {
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i)
    if (targets[i].moveFrom)
      std::memcpy(targets[i].block->data, targets[i].moveFrom->data, targets[i].moveBytes);
}

void copyBytes(const Command& c) {
  const auto& copy = *static_cast<const CopyArguments*>(c.arguments());
  std::memcpy(copy.to, copy.from, copy.bytes);
}

void runOp(const Command& c, QueueShared& queue, void* native) {
  if (const Failure cause = failedInput(c, ledger); cause.root)
    return mark(c, {cause.root, c.op, c.seq}, ledger);
  Status status{};
  Stream stream{&status, native, c.scratch, c.scratchBytes, &queue.cancelled, queue.priority};
  c.run(stream, c.arguments());
  const auto code = static_cast<Code>(status.code.load(std::memory_order_relaxed));
  if (code != Code::ok) {
    if (queue.cancelled.load(std::memory_order_relaxed)) return;
    const FailureRecord record{code, c.op, c.seq, status.message};
    return mark(c, {queue.failed(queue.context, &record), c.op, c.seq}, ledger);
  }
  heal(c, ledger);
}

}  // namespace

void execute(const Command& c, QueueShared& queue, void* native) {
  for (const Wait& wait : c.waits)
    if (wait.queue && !queue.awaitQueue(wait.queue, wait.seq, &queue.cancelled)) return;
  begin(c, ledger);
  moveContents(c);
  switch (c.kind) {
    case Kind::op:
      runOp(c, queue, native);
      break;
    case Kind::fail:
      mark(c, c.failure, ledger);
      break;
    case Kind::copyIn: {
      if (const Failure cause = failedInput(c, ledger); cause.root) {
        mark(c, cause, ledger);
        break;
      }
      heal(c, ledger);
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
