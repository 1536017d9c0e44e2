// What the two sides of a queue know of failures. The issuing side runs ahead: it knows of those the host
// finds and skips what they spoil. The retiring side comes behind the device, finds the others, and is the
// one that writes them into blocks.
#pragma once
#include <unordered_map>

#include "../core/failures.h"

namespace wg::cuda {

using FailedBlocks = std::unordered_map<const Block*, Failure>;

struct EarlyLedger {
  FailedBlocks failed;

  Failure of(const Block& block) const {
    if (failed.empty()) return {};
    const auto found = failed.find(&block);
    return found == failed.end() ? Failure{} : found->second;
  }
  void set(const Block& block, const Failure& failure) {
    if (failure.root) failed[&block] = failure;
    else if (!failed.empty()) failed.erase(&block);
  }
};

/// Blocks, and a list of those that failed for an issuing side that has to catch up.
struct FinalLedger {
  FailedBlocks failed;

  Failure of(const Block& block) const { return block.failure; }
  void set(Block& block, const Failure& failure) {
    block.failure = failure;
    if (failure.root) failed[&block] = failure;
    else if (!failed.empty()) failed.erase(&block);
  }
};

/// Cells (after, last] may turn out to have spoiled a block; none when both are the same.
struct Suspicion {
  uint64_t after = 0, last = 0;

  bool any() const { return after != last; }
  void join(const Suspicion& other) {
    if (!other.any()) return;
    if (!any()) *this = other;
    after = after < other.after ? after : other.after;
    last = last > other.last ? last : other.last;
  }
};

/// Which blocks depend on ops whose cells nobody has read yet.
class Suspicions {
 public:
  /// What the command's results depend on, itself left out.
  Suspicion of(const Command& c) const {
    Suspicion result;
    for (uint32_t i = 0; i < c.inputs; ++i) result.join(of(*c.inputList()[i]));
    for (uint32_t i = 0; i < c.targets; ++i)
      if (!(c.targetList()[i].flags & kFirst)) result.join(of(*c.targetList()[i].block));
    return result;
  }
  void set(const Command& c, const Suspicion& suspicion) {
    for (uint32_t i = 0; i < c.targets; ++i) {
      const Target& target = c.targetList()[i];
      if (target.flags & kReadOnly) continue;
      if (suspicion.any()) blocks_[target.block] = suspicion;
      else if (!blocks_.empty()) blocks_.erase(target.block);
    }
  }
  void clear() { blocks_.clear(); }

 private:
  Suspicion of(const Block& block) const {
    const auto found = blocks_.find(&block);
    return found == blocks_.end() ? Suspicion{} : found->second;
  }
  std::unordered_map<const Block*, Suspicion> blocks_;
};

}  // namespace wg::cuda
