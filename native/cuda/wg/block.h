// What the threads of a one-dimensional block do together: reductions and scans, in an order that depends on
// the block's size alone. Every thread of the block has to call them.
#pragma once
#include "warp.h"

namespace wg::cuda {

WG_DEV void syncBlock(WG_ONLY_PLACE) {
#ifdef __CUDACC__
  __syncthreads();
#else
  __syncthreads(place);
#endif
}

/// combine(…) of every thread's value, in every thread. `neutral` changes nothing when combined. Begins and
/// ends with a barrier's worth of safety: it may be called again at once.
template <class T, class F>
WG_DEV T blockReduce(T value, T neutral, F combine WG_PLACE) {
  WG_SHARED(T, partial, [32]);
  value = warpReduce(value, combine, kWarp, kFullMask WG_AT);
  if (blockDim.x <= kWarp) return value;
  syncBlock(WG_ONLY_AT);  // an earlier call may still be reading
  if (laneId() == 0) partial[warpId()] = value;
  syncBlock(WG_ONLY_AT);
  const int warps = static_cast<int>((blockDim.x + 31) / 32);
  // Each warp does the last step for itself, which saves a third barrier.
  return warpReduce(laneId() < warps ? partial[laneId()] : neutral, combine, kWarp, kFullMask WG_AT);
}
template <class T>
WG_DEV T blockSum(T value WG_PLACE) {
  return blockReduce(
      value, T(0), Add {} WG_AT);
}

/// Two values at once for the price of one: what a mean and a variance, or a maximum and its index, need.
template <class A, class B>
struct Pair {
  A first;
  B second;
};

/// blockReduce for a pair: combine(Pair, Pair).
template <class A, class B, class F>
WG_DEV Pair<A, B> blockReducePair(Pair<A, B> value, Pair<A, B> neutral, F combine WG_PLACE) {
  WG_SHARED(A, firsts, [32]);
  WG_SHARED(B, seconds, [32]);
  const auto reduceWarp = [&](Pair<A, B> v) {
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
      const Pair<A, B> other{shuffleXor(v.first, distance, kFullMask WG_AT),
                             shuffleXor(v.second, distance, kFullMask WG_AT)};
      v = threadIdx.x & static_cast<unsigned>(distance) ? combine(other, v) : combine(v, other);
    }
    return v;
  };
  value = reduceWarp(value);
  if (blockDim.x <= kWarp) return value;
  syncBlock(WG_ONLY_AT);
  if (laneId() == 0) {
    firsts[warpId()] = value.first;
    seconds[warpId()] = value.second;
  }
  syncBlock(WG_ONLY_AT);
  const bool mine = laneId() < static_cast<int>((blockDim.x + 31) / 32);
  return reduceWarp(mine ? Pair<A, B>{firsts[laneId()], seconds[laneId()]} : neutral);
}

/// What a scan tells a thread: combine(…) of the values before its own, and of the whole block's.
template <class T>
struct Scanned {
  T before;
  T total;
};

/// Exclusive scan in thread order. A sum is exact for integers only; of floats its order is fixed.
template <class T, class F>
WG_DEV Scanned<T> blockScan(T value, T neutral, F combine WG_PLACE) {
  WG_SHARED(T, sums, [32]);
  const int lane = laneId(), warp = warpId(), warps = static_cast<int>((blockDim.x + 31) / 32);
  const T inclusive = warpScan(value, combine, kFullMask WG_AT);
  T before = shuffleUp(inclusive, 1, kWarp, kFullMask WG_AT);
  if (lane == 0) before = neutral;
  syncBlock(WG_ONLY_AT);
  const int last = warp + 1 == warps ? static_cast<int>((blockDim.x - 1) & 31) : kWarp - 1;
  if (lane == last) sums[warp] = inclusive;
  syncBlock(WG_ONLY_AT);
  const T ofWarps = warpScan(lane < warps ? sums[lane] : neutral, combine, kFullMask WG_AT);
  const T ahead = shuffle(ofWarps, warp == 0 ? 0 : warp - 1, kWarp, kFullMask WG_AT);
  const T total = shuffle(ofWarps, warps - 1, kWarp, kFullMask WG_AT);
  return {warp == 0 ? before : combine(ahead, before), total};
}

}  // namespace wg::cuda
