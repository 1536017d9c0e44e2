// Neighbouring elementwise ops of a captured step, run together block by block: what lies between them stays
// in the first-level cache, and what nobody else reads never goes to memory. Plain data between the graph,
// which is compiled once, and the kernels of an ISA; it crosses no library.
#pragma once
#include <cstdint>

#include "../core/stream.h"

namespace wg::cpu {

inline constexpr int kChainSlots = 6;    ///< blocks a chain keeps beside memory
inline constexpr int kChainSides = 4;    ///< an output and at most three inputs
inline constexpr int kPlanBytes = 2048;  ///< room for an ISA's plan of one op
inline constexpr int kNumberBlock = 4096;

/// One operand. Side 0 is the output.
struct ChainSide {
  char* data;
  int64_t item;   ///< bytes an element
  bool lined;     ///< element i lies at data + i * item
  bool isNumber;  ///< then `number` holds one of `item` bytes
  alignas(8) char number[8];
  const char* repeated;  ///< a block of that number, filled by the graph
  int32_t slot;          ///< the block that stands in for memory; -1: none
};

/// One op, taken down instead of run.
struct Link {
  int32_t sides;
  ChainSide side[kChainSides];
  int64_t total;
  int64_t block;  ///< elements that fit a block of its widest operand
  bool flat;      ///< every operand is a number, or lined and of the body's dtype
  bool streams;   ///< the output is better written past the caches
  const void* plan;
};

/// What the stream's `native` points to while ops are taken down.
struct Tape {
  Link* link;
  void* plan;  ///< kPlanBytes, 64-byte aligned
  bool taken;  ///< the kernel was an elementwise one and left its plan
  void (*run)(const Stream&, const Link*, int32_t count);
};

}  // namespace wg::cpu
