// cp.async: copies from global to shared memory past the registers, each thread waiting for its own; other
// threads see them after a barrier that follows the wait.
#pragma once
#include "base.h"
#ifndef __CUDACC__
#include "../../emu/async.h"
#endif

namespace wg::cuda {

/// Copies `valid` of 4, 8 or 16 bytes and fills the rest with zeros: 0 for what lies outside a tensor, whose
/// address is not looked at. Both sides are aligned to `bytes`.
template <int bytes>
WG_DEV void copyAsync(void* shared, const void* global, int valid = bytes WG_PLACE) {
  static_assert(bytes == 4 || bytes == 8 || bytes == 16);
#ifdef __CUDACC__
  // Sixteen bytes pass the first-level cache by: tiles are shared by the block, not read again.
  if constexpr (bytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(shared)), "l"(global),
                 "r"(valid)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(sharedAddress(shared)), "l"(global),
                 "n"(bytes), "r"(valid)
                 : "memory");
#else
  emu::copyAsync(shared, global, bytes, valid, place);
#endif
}

/// Ends a group: what the thread has copied since the last one.
WG_DEV void copyAsyncCommit() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  emu::commitCopies();
#endif
}

/// Until at most `left` groups of this thread are in flight.
template <int left>
WG_DEV void copyAsyncWait() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory");
#else
  emu::waitCopies(left);
#endif
}

}  // namespace wg::cuda
