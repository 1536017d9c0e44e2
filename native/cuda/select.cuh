// The k-th smallest key of a row, found by a block digit by digit from the top.
#pragma once
#include "wg/atomic.h"
#include "wg/block.h"

namespace wg::cuda {

inline constexpr int kSelectThreads = 256;  ///< one a digit of 8 bits

template <class K>
struct Selected {
  K key;
  int64_t smaller;  ///< how many keys are
};

/// key(i) gives the i-th of n keys; k counts from 0. Called by all threads, which get the same answer.
template <class K, class KeyAt>
WG_DEV Selected<K> selectKey(int64_t n, int64_t k, KeyAt key) {
  WG_SHARED(uint32_t, counts, [kSelectThreads]);
  WG_SHARED(uint32_t, digit);
  WG_SHARED(int64_t, before);
  K prefix = 0, mask = 0;
  int64_t smaller = 0;
  for (int shift = static_cast<int>(sizeof(K)) * 8 - 8; shift >= 0; shift -= 8) {
    counts[threadIdx.x] = 0;
    syncBlock();
    for (int64_t i = threadIdx.x; i < n; i += kSelectThreads) {
      const K own = key(i);
      if ((own & mask) == prefix) atomicAdd(&counts[(own >> shift) & 0xff], 1u);
    }
    syncBlock();
    const int64_t own = counts[threadIdx.x];
    const int64_t ahead = smaller + blockScan(own, int64_t{0}, Add{}).before;
    if (ahead <= k && k < ahead + own) {
      digit = threadIdx.x;
      before = ahead;
    }
    syncBlock();
    smaller = before;
    prefix = static_cast<K>(prefix | static_cast<K>(static_cast<K>(digit) << shift));
    mask = static_cast<K>(mask | static_cast<K>(K(0xff) << shift));
  }
  return {prefix, smaller};
}

}  // namespace wg::cuda
