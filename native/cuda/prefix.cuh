// Counting before writing: where each block's part of a long sequence begins.
#pragma once
#include "wg/block.h"

namespace wg::cuda {

inline constexpr int kPrefixThreads = 256;

/// The sum of the first `count` numbers goes to the end, and what stands before each takes its place. One
/// block; `stride` elements lie between neighbours.
WG_DEV int64_t prefixInPlace(int64_t* numbers, int64_t stride, int64_t count) {
  constexpr int kEach = 4;
  int64_t before = 0;
  for (int64_t first = 0; first < count; first += kPrefixThreads * kEach) {
    int64_t own[kEach], sum = 0;
    const int64_t i = first + int64_t{threadIdx.x} * kEach;
    WG_UNROLL
    for (int k = 0; k < kEach; k++) {
      own[k] = i + k < count ? numbers[(i + k) * stride] : 0;
      sum += own[k];
    }
    const auto scanned = blockScan(sum, int64_t{0}, Add{});
    int64_t here = before + scanned.before;
    WG_UNROLL
    for (int k = 0; k < kEach; k++) {
      if (i + k < count) numbers[(i + k) * stride] = here;
      here += own[k];
    }
    before += scanned.total;
  }
  if (threadIdx.x == 0) numbers[count * stride] = before;
  return before;
}

}  // namespace wg::cuda
