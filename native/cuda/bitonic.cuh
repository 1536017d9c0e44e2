// Sorting in shared memory, by a bitonic network. It is no stable one: the place of an element decides
// between equal keys.
#pragma once
#include "wg/block.h"

namespace wg::cuda {

/// Sorts each `width` neighbours of `total` keys with their places; both are powers of two. Called by all
/// threads of the block; begins and ends with a barrier.
template <class K, class P>
WG_DEV void bitonicSort(K* keys, P* places, uint32_t width, uint32_t total) {
  for (uint32_t size = 2; size <= width; size *= 2) {
    for (uint32_t stride = size / 2; stride > 0; stride /= 2) {
      syncBlock();
      for (uint32_t pair = threadIdx.x; pair < total / 2; pair += blockDim.x) {
        const uint32_t i = 2 * pair - (pair & (stride - 1)), j = i + stride;
        const bool rising = size == width || (i & size) == 0;
        const K a = keys[i], b = keys[j];
        const P p = places[i], q = places[j];
        if (rising == (b < a || (b == a && q < p))) {
          keys[i] = b;
          keys[j] = a;
          places[i] = q;
          places[j] = p;
        }
      }
    }
  }
  syncBlock();
}

/// The smallest power of two that is not below n.
inline uint32_t powerAbove(int64_t n) {
  uint32_t p = 1;
  while (p < n) p *= 2;
  return p;
}

}  // namespace wg::cuda
