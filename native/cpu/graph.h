// A captured step on the CPU: its commands in order, with runs of elementwise ops made into chains (chain.h).
#pragma once
#include <memory>
#include <vector>

#include "../core/command.h"
#include "chain.h"

namespace wg::cpu {

class Graph {
 public:
  /// The addon keeps the commands as long as the graph. Without `chains` they run one after the other.
  Graph(const Command* first, uint64_t bytes, bool chains);
  void run(QueueShared& queue, void* native) const;

 private:
  struct PlanRoom {
    alignas(64) char bytes[kPlanBytes];
  };
  /// Commands that lie one after the other; with links, to be run as a chain.
  struct Piece {
    const Command* first;
    uint64_t bytes;
    size_t firstLink;
    int32_t links;
  };
  struct Builder;

  std::vector<Piece> pieces_;
  std::vector<Link> links_;
  std::vector<std::unique_ptr<PlanRoom>> plans_;
  std::vector<std::unique_ptr<char[]>> numbers_;
  void (*run_)(const Stream&, const Link*, int32_t count) = nullptr;
};

}  // namespace wg::cpu
