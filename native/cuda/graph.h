// A captured step as a CUDA graph: one launch for all its kernels. Its commands stay where the binding keeps
// them, for what they say of failures.
#pragma once
#include <vector>

#include "../core/execute.h"
#include "stream.h"

namespace wg::cuda {

class DeviceGraph {
 public:
  /// Null: no memory, or an op that cannot be captured. On the JavaScript thread; `first` stays where it is.
  static DeviceGraph* make(const DeviceQueue& queue, const Command* first, uint64_t bytes);
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  bool hasCells() const { return cells_.taken() != 0; }
  bool changesInPlace() const { return changesInPlace_; }
  template <class F>
  void forEach(F f) const {
    const auto* end = reinterpret_cast<const char*>(first_) + bytes_;
    for (const Command* c = first_; reinterpret_cast<const char*>(c) < end; c = next(c)) f(*c);
  }

  /// Before a replay: when something it reads has failed, the whole step is skipped and what it makes fails.
  /// Returns why, or root 0.
  Failure spread(EarlyLedger& ledger) const;
  /// The step was not run, or lost on the way (`written`).
  template <class Ledger>
  void fail(const Failure& failure, Ledger& ledger, bool written) const {
    forEach([&](const Command& c) {
      begin(c, ledger);
      wg::mark(c, {failure.root, c.op, failure.seq}, ledger, written);
    });
  }
  /// Queues a replay; returns the staging memory in which the values of the cells will be, or null.
  void* launch(Stream& s);
  /// After a replay: spreads failures. Returns whether the device has found any.
  bool settle(const ErrorCell* seen, const QueueShared& queue, uint64_t seq, FinalLedger& ledger) const;

 private:
  static constexpr uint64_t kCells = 256;

  DeviceGraph(int32_t device, const Command* first, uint64_t bytes)
      : device_(device), first_(first), bytes_(bytes) {}
  bool capture(const DeviceQueue& queue);
  bool record(const DeviceQueue& queue, cudaStream_t stream);

  const int32_t device_;
  const Command* const first_;
  const uint64_t bytes_;
  ErrorCells cells_;
  std::vector<uint64_t> notes_;  // by command: see noteOf()
  bool guards_ = false;          // some op asks whether what it reads is sound
  bool changesInPlace_ = false;  // some op does that without asking
  bool outerSet_ = false;        // the word that answers for the outside may be set
  cudaGraphExec_t exec_ = nullptr;
};

}  // namespace wg::cuda
