// Taking elementwise ops down and running several of them over the same elements, a block after the other.
// Every op gets the same body over the same elements as it would alone, so the bits are the same.
#include "chain.h"
#include "elementwise_plan.h"
#include "simd/stream.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

static_assert(sizeof(Plan) <= kPlanBytes && 1 + kMaxInputs == kChainSides && kStageBytes == kNumberBlock);

/// Whether the side's elements lie one after the other in the plan's order.
bool lined(const Plan& p, const Side& side) {
  int64_t step = side.item;
  for (int k = p.rank - 1; k >= 0; k--) {
    if (side.isNumber || (p.shape[k] != 1 && side.stride[k] != step)) return false;
    step *= p.shape[k];
  }
  return true;
}

using Stages = char (*)[kStageBytes];

/// An op with operands that repeat, stride or convert: its plan, with slots in the place of memory.
void runLink(const Link& link, int64_t i, int64_t n, Stages slots) {
  alignas(64) char stage[kChainSides][kStageBytes];
  const Plan& own = *static_cast<const Plan*>(link.plan);
  fillNumbers(own, n, stage);
  bool moved = own.streams != link.streams;
  for (int j = 0; j < link.sides; j++) moved = moved || link.side[j].slot >= 0;
  if (!moved) return runPlan(own, i, i + n, stage);
  Plan p;
  __builtin_memcpy(&p, &own, sizeof p);
  p.streams = link.streams;
  for (int j = 0; j < link.sides; j++) {
    const ChainSide& side = link.side[j];
    if (side.slot < 0) continue;
    // Where element 0 would be if element i lay at the slot's beginning.
    char* const start = reinterpret_cast<char*>(reinterpret_cast<uintptr_t>(slots[side.slot]) -
                                                static_cast<uintptr_t>(i * side.item));
    p.side[j].data = p.side[j].walk.data = start;
  }
  runPlan(p, i, i + n, stage);
}

void runFlat(const Link& link, int64_t i, int64_t n, Stages slots) {
  const void* pointer[kChainSides] = {};
  for (int j = 0; j < link.sides; j++) {
    const ChainSide& side = link.side[j];
    pointer[j] = side.isNumber    ? side.repeated
                 : side.slot >= 0 ? slots[side.slot]
                                  : side.data + i * side.item;
  }
  void* all[kChainSides];
  __builtin_memcpy(all, pointer, sizeof all);
  runBody(*static_cast<const Plan*>(link.plan), all, n);
}

void runChain(const Stream& s, const Link* links, int32_t count) {
  const int64_t total = links[0].total;
  int64_t block = kStageBytes;
  bool streams = false;
  for (int32_t k = 0; k < count; k++) {
    block = minOf(block, links[k].block);
    streams = streams || links[k].streams;
  }
  const auto chunk = [&](int64_t c) {
    alignas(64) char slots[kChainSlots][kStageBytes];
    const int64_t begin = c * kChunk, end = minOf(begin + kChunk, total);
    for (int64_t i = begin; i < end; i += block) {
      const int64_t n = minOf(block, end - i);
      for (int32_t k = 0; k < count; k++) {
        if (links[k].flat && !links[k].streams) runFlat(links[k], i, n, slots);
        else runLink(links[k], i, n, slots);
      }
    }
    if (streams) simd::endStreaming();
  };
  if (total <= kChunk) chunk(0);
  else parallelSweep(s, ceilDiv(total, kChunk), chunk);
}

}  // namespace

void take(const Plan& p, void* native) {
  Tape& tape = *static_cast<Tape*>(native);
  Link& link = *tape.link;
  __builtin_memcpy(tape.plan, &p, sizeof p);
  link.plan = tape.plan;
  link.sides = p.sides;
  link.total = p.total;
  link.block = p.block;
  link.streams = p.streams;
  link.flat = true;
  for (int j = 0; j < p.sides; j++) {
    const Side& side = p.side[j];
    ChainSide& to = link.side[j];
    to = {side.data, side.isNumber ? side.bodyItem : side.item, lined(p, side), side.isNumber, {}, nullptr,
          -1};
    if (side.isNumber) __builtin_memcpy(to.number, side.number, sizeof to.number);
    link.flat = link.flat && (side.isNumber || (to.lined && side.conversion.count == 0));
  }
  tape.run = runChain;
  tape.taken = true;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
