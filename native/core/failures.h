// How failures spread from the tensors an op reads to those it makes. `Ledger` says where they are kept:
// ledger.of(block) is what is known of a block, ledger.set(block, failure) changes it.
#pragma once
#include "command.h"

namespace wg {

/// Failures where everybody looks for them: in the blocks.
struct BlockLedger {
  Failure of(const Block& block) const { return block.failure; }
  void set(Block& block, const Failure& failure) { block.failure = failure; }
};

/// The first failure among what the command reads; root 0: none.
template <class Ledger>
Failure failedInput(const Command& c, const Ledger& ledger) {
  Block* const* inputs = c.inputList();
  for (uint32_t i = 0; i < c.inputs; ++i)
    if (const Failure failure = ledger.of(*inputs[i]); failure.root) return failure;
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i) {
    if (targets[i].flags & (kFirst | kCovers)) continue;
    if (const Failure failure = ledger.of(*targets[i].block); failure.root) return failure;
  }
  return {};
}

/// The command failed: what it should have made has no value. Tensors that existed before stay as they are,
/// unless they were `written`.
template <class Ledger>
void mark(const Command& c, const Failure& failure, Ledger& ledger, bool written = false) {
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i) {
    if (targets[i].flags & kReadOnly || (targets[i].flags & kInPlace && !written)) continue;
    if (targets[i].flags & kFirst || !ledger.of(*targets[i].block).root)
      ledger.set(*targets[i].block, failure);
  }
}

/// Ahead of every command, run or not: a clean slate for what is used for the first time, and what moves here
/// brings its failure along.
template <class Ledger>
void begin(const Command& c, Ledger& ledger) {
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i) {
    if (targets[i].flags & kFirst) ledger.set(*targets[i].block, {});
    if (targets[i].moveFrom) ledger.set(*targets[i].block, ledger.of(*targets[i].moveFrom));
  }
}

/// The command went well: what it overwrote wholly is sound again.
template <class Ledger>
void heal(const Command& c, Ledger& ledger) {
  const Target* targets = c.targetList();
  for (uint32_t i = 0; i < c.targets; ++i)
    if (targets[i].flags & kCovers) ledger.set(*targets[i].block, {});
}

}  // namespace wg
