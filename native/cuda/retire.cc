// The retiring side of a queue: what the device has done becomes known to everybody else.
#include <cstring>

#include "graph.h"
#include "memory.h"
#include "stream.h"

namespace wg::cuda {

bool DeviceQueue::poll() {
  bool moved = false;
  for (uint64_t first = firstMark_.load(); first != lastMark_.load(); ++first) {
    const Mark& mark = marks_[first % kMarks];
    if (!lostRoot_.load()) {
      const cudaError_t result = cudaEventQuery(mark.event);
      if (result == cudaErrorNotReady) break;
      if (result != cudaSuccess) lose(result);
    }
    retire(mark.position);
    const auto took = std::chrono::steady_clock::now() - mark.issued;
    const uint64_t window = window_.load();
    if (took < kAhead / 2 && window < kMost) window_.store(window * 2);
    if (took > kAhead && window > kFewest) window_.store(window / 2);
    retiredCommands_.store(mark.commands);
    firstMark_.store(first + 1);
    moved = true;
  }
  if (moved) room_.notify();
  return moved;
}

void DeviceQueue::retire(uint64_t position) {
  uint64_t here = retired_.load(), seq = 0;
  while (here != position) {
    const Command& c = at(here);
    here += c.bytes;
    if (c.kind == Kind::pad) continue;
    settle(c);
    seq = c.seq;
  }
  retired_.store(here);
  shared_.head.store(here);
  if (seq) shared_.completed.store(seq);
  shared_.progressed(shared_.context);
}

Failure DeviceQueue::lostOr(const Command& c) const {
  if (c.failure.root) return c.failure;
  return {lostRoot_.load(), c.op, c.seq};
}

void DeviceQueue::settle(const Command& c) {
  begin(c, final_);
  switch (c.kind) {
    case Kind::op:
    case Kind::fail:
      return settleOp(c);
    case Kind::copyIn:
      return settleCopyIn(c);
    case Kind::replay:
      return settleReplay(c);
    case Kind::copyOut: {
      const auto& copy = *static_cast<const CopyArguments*>(c.arguments());
      Failure failure = lostOr(c);
      if (!failure.root) failure = final_.of(*c.inputList()[0]);
      if (!failure.root && copy.bytes) std::memcpy(copy.to, copy.from, copy.bytes);
      staging().give(copy.from);
      return shared_.done(shared_.context, c.id, &failure);
    }
    case Kind::fence: {
      Failure failure = lostOr(c);
      if (!failure.root && c.inputs) failure = final_.of(*c.inputList()[0]);
      return shared_.done(shared_.context, c.id, &failure);
    }
    case Kind::wait:
    case Kind::pad:
      return;
  }
}

void DeviceQueue::settleOp(const Command& c) {
  const uint64_t cell = cellOf(c.id);
  FailureRecord record{Code::ok, c.op, c.seq, nullptr};
  char message[sizeof(Status::message)];
  if (c.failure.root) {
    wg::mark(c, c.failure, final_);
  } else if (lostRoot_.load()) {
    wg::mark(c, {lostRoot_.load(), c.op, c.seq}, final_, true);
  } else if (const Failure cause = failedInput(c, final_); cause.root) {
    wg::mark(c, {cause.root, c.op, c.seq}, final_, !isGuarded(c.id));
  } else if (cell && cells_.raised(cell, nullptr, record, message, sizeof message)) {
    wg::mark(c, {shared_.failed(shared_.context, &record), c.op, c.seq}, final_);
    ++found_;
  } else {
    heal(c, final_);
  }
  if (cell) cells_.retire(cell);
}

void DeviceQueue::settleCopyIn(const Command& c) {
  const auto& copy = *static_cast<const CopyArguments*>(c.arguments());
  if (const Failure failure = lostOr(c); failure.root) {
    wg::mark(c, failure, final_, c.failure.root == 0);
  } else if (const Failure cause = failedInput(c, final_); cause.root) {
    wg::mark(c, cause, final_, true);
  } else {
    heal(c, final_);
    if (writesHost(c) && copy.bytes) std::memcpy(copy.to, copy.from, copy.bytes);
  }
  staging().give(copy.from);
}

void DeviceQueue::settleReplay(const Command& c) {
  const auto& graph =
      *static_cast<const DeviceGraph*>(static_cast<const ReplayArguments*>(c.arguments())->graph);
  if (c.failure.root) graph.fail(c.failure, final_, false);
  else if (lostRoot_.load()) graph.fail({lostRoot_.load(), c.op, c.seq}, final_, true);
  else if (graph.settle(static_cast<const ErrorCell*>(c.scratch), shared_, c.seq, final_)) ++found_;
  if (c.scratch) staging().give(c.scratch);
  if (cellOf(c.id)) cells_.retire(cellOf(c.id));
}

void DeviceQueue::abandon() {
  for (uint64_t here = retired_.load(); here != shared_.tail.load(); here += at(here).bytes) {
    const Command& c = at(here);
    if (c.kind == Kind::copyIn || c.kind == Kind::copyOut)
      staging().give(static_cast<const CopyArguments*>(c.arguments())->from);
    if (c.kind == Kind::replay && c.scratch) staging().give(c.scratch);
  }
}

}  // namespace wg::cuda
