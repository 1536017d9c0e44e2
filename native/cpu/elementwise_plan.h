// How an elementwise op goes over its operands: settled once, then walked over any part of the elements.
#pragma once
#include "elementwise.h"

namespace wg::cpu {
inline namespace WG_ISA {

inline constexpr int kMaxInputs = 3;

struct Side {
  char* data;
  int64_t item;      ///< bytes an element takes in memory
  int64_t bodyItem;  ///< and in the body
  Conversion conversion;
  bool isNumber;
  alignas(8) char number[8];
  int64_t stride[kMaxRank];  ///< bytes, over Plan::shape
  Walk walk;                 ///< of its own axes; used for short rows
};

struct Plan {
  int sides;  ///< 0 is the output
  Side side[1 + kMaxInputs];
  int rank;
  int64_t shape[kMaxRank];
  int64_t total;
  bool rows;
  bool streams;   ///< the output is contiguous and larger than caches: staged, then written past them
  int64_t block;  ///< elements of a staging buffer
  Body body;
  BodyWith bodyWith;  ///< instead of body, with `numbers`
  double numbers[kMaxNumbers];
};

inline void runBody(const Plan& p, void* const* pointer, int64_t n) {
  if (p.bodyWith != nullptr) p.bodyWith(pointer[0], pointer[1], pointer[2], pointer[3], n, p.numbers);
  else p.body(pointer[0], pointer[1], pointer[2], pointer[3], n);
}

/// The body over elements [begin, end), which lie in one chunk; the blocks of numbers are filled.
void runPlan(const Plan& p, int64_t begin, int64_t end, char (*stage)[kStageBytes]);
/// Repeats the numbers among the operands for blocks of up to n elements.
void fillNumbers(const Plan& p, int64_t n, char (*stage)[kStageBytes]);

/// Leaves the plan on the tape instead of running it (elementwise_chain.cc).
void take(const Plan& p, void* tape);

}  // namespace WG_ISA
}  // namespace wg::cpu
