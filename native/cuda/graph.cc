#include "graph.h"

#include <new>

#include "check.h"
#include "memory.h"

namespace wg::cuda {

DeviceGraph* DeviceGraph::make(const DeviceQueue& queue, const Command* first, uint64_t bytes) {
  auto* graph = new (std::nothrow) DeviceGraph(queue.device(), first, bytes);
  if (!graph) return nullptr;
  try {
    if (graph->capture(queue)) return graph;
  } catch (const std::bad_alloc&) {
  }
  delete graph;
  return nullptr;
}

DeviceGraph::~DeviceGraph() {
  cudaSetDevice(device_);
  if (exec_) cudaGraphExecDestroy(exec_);
}

bool DeviceGraph::capture(const DeviceQueue& queue) {
  // A stream of its own: the queue's goes on meanwhile.
  cudaStream_t stream = nullptr;
  if (cudaSetDevice(device_) != cudaSuccess ||
      cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, 0) != cudaSuccess)
    return false;
  bool done = cells_.open(kCells, stream) && cudaStreamSynchronize(stream) == cudaSuccess &&
              cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess;
  if (done) {
    done = record(queue, stream);
    cudaGraph_t graph = nullptr;
    done = cudaStreamEndCapture(stream, &graph) == cudaSuccess && done;
    done = done && cudaGraphInstantiate(&exec_, graph, 0) == cudaSuccess;
    if (graph) cudaGraphDestroy(graph);
  }
  cudaGetLastError();
  cudaStreamDestroy(stream);
  return done;
}

bool DeviceGraph::record(const DeviceQueue& queue, cudaStream_t stream) {
  Suspicions suspicions;
  bool sound = true;
  const QueueShared& shared = queue.shared();
  forEach([&](const Command& c) {
    if (!sound) return;
    const Suspicion suspicion = suspicions.of(c);
    Native native{stream, &cells_, suspicion.after, suspicion.last, cells_.outer()};
    Status status{};
    Stream s{&status, &native, c.scratch, c.scratchBytes, &shared.cancelled, shared.priority};
    c.run(s, c.arguments());
    sound = c.kind == Kind::op && static_cast<Code>(status.code.load()) == Code::ok;
    notes_.push_back(noteOf(native.cell, native.guarded));
    guards_ |= native.guarded;
    changesInPlace_ |= cuda::changesInPlace(c);
    Suspicion result = native.guarded ? Suspicion{} : suspicion;
    if (native.cell) result.join({native.cell - 1, native.cell});
    suspicions.set(c, result);
  });
  return sound;
}

Failure DeviceGraph::spread(EarlyLedger& ledger) const {
  if (ledger.failed.empty()) return {};
  EarlyLedger trial = ledger;
  Failure cause;
  forEach([&](const Command& c) {
    if (cause.root) return;
    begin(c, trial);
    if (const Failure failure = failedInput(c, trial); failure.root)
      cause = {failure.root, c.op, failure.seq};
    else heal(c, trial);
  });
  if (cause.root) fail(cause, ledger, false);
  else ledger = std::move(trial);
  return cause;
}

void* DeviceGraph::launch(Stream& s) {
  Native& native = nativeOf(s);
  if (guards_ && native.after != native.last) {
    foldCells(s, cells_.outer(), *native.cells, native.after, native.last, nullptr);
    outerSet_ = true;
  } else if (outerSet_) {
    outerSet_ = !check(s, cudaMemsetAsync(cells_.outer(), 0, sizeof(uint32_t), native.stream));
  }
  const size_t bytes = cells_.capacity() * sizeof(ErrorCell);
  if (hasCells()) check(s, cudaMemsetAsync(cells_.all(), 0, bytes, native.stream));
  check(s, cudaGraphLaunch(exec_, native.stream));
  if (!hasCells()) return nullptr;
  // For the host to read when this replay is done, and as one cell for what depends on it.
  void* seen = staging().take(bytes);
  if (!seen) {
    check(s, cudaErrorMemoryAllocation);
    return nullptr;
  }
  check(s, cudaMemcpyAsync(seen, cells_.all(), bytes, cudaMemcpyDeviceToHost, native.stream));
  if (ErrorCell* cell = errorCell(s, Code::ok, "%s", ""))
    foldCells(s, &cell->set, cells_, 0, cells_.taken(), nullptr);
  return seen;
}

bool DeviceGraph::settle(const ErrorCell* seen, const QueueShared& queue, uint64_t seq,
                         FinalLedger& ledger) const {
  bool found = false;
  size_t i = 0;
  forEach([&](const Command& c) {
    const uint64_t note = notes_[i++];
    FailureRecord record{Code::ok, c.op, seq, nullptr};
    char message[sizeof(Status::message)];
    begin(c, ledger);
    if (const Failure cause = failedInput(c, ledger); cause.root) {
      wg::mark(c, {cause.root, c.op, seq}, ledger, !isGuarded(note));
    } else if (seen && cellOf(note) && cells_.raised(cellOf(note), seen, record, message, sizeof message)) {
      wg::mark(c, {queue.failed(queue.context, &record), c.op, seq}, ledger);
      found = true;
    } else {
      heal(c, ledger);
    }
  });
  return found;
}

}  // namespace wg::cuda
