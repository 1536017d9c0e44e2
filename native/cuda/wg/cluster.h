// Blocks of a cluster: their barrier, and each other's shared memory (sm_90).
#pragma once
#include "base.h"
#ifndef __CUDACC__
#include "../../emu/async.h"
#endif

namespace wg::cuda {

/// This block's number in its cluster.
WG_DEV int clusterRank() {
#ifdef __CUDACC__
  uint32_t rank = 0;
  WG_ON_SM90(asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank)));
  return static_cast<int>(rank);
#else
  return emu::current->block->rank;
#endif
}

// Every thread of the cluster arrives and waits, each in turn. What was written before the arrival is seen by
// all after the wait. No block may end while another uses its shared memory.

WG_DEV void clusterArrive(WG_ONLY_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory"));
#else
  emu::clusterArrive(place);
#endif
}
WG_DEV void clusterWait(WG_ONLY_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"));
#else
  emu::clusterWait(place);
#endif
}
WG_DEV void clusterSync(WG_ONLY_PLACE) {
  clusterArrive(WG_ONLY_AT);
  clusterWait(WG_ONLY_AT);
}

/// What lies at `p`, in this block's shared memory, in that of block `rank`.
template <class T>
WG_DEV T* clusterMap(T* p, int rank WG_PLACE) {
#ifdef __CUDACC__
  uint64_t there = 0;
  WG_ON_SM90(asm volatile("mapa.u64 %0, %1, %2;" : "=l"(there) : "l"(p), "r"(rank)));
  return reinterpret_cast<T*>(there);
#else
  return static_cast<T*>(emu::clusterMap(p, rank, place));
#endif
}

}  // namespace wg::cuda
