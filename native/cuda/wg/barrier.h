// Barriers for some warps of a block, by number; and barriers that lie in shared memory and also count the
// bytes of asynchronous copies (sm_90).
#pragma once
#include "base.h"
#ifndef __CUDACC__
#include "../../emu/async.h"
#endif

namespace wg::cuda {

// Barriers 1 to 15; 0 is __syncthreads. `threads` is a multiple of 32: of those that wait and those that
// merely arrive.

WG_DEV void barrierSync(int id, int threads WG_PLACE) {
#ifdef __CUDACC__
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  emu::barrierSync(id, threads, "barrierSync", place);
#endif
}
WG_DEV void barrierArrive(int id, int threads WG_PLACE) {
#ifdef __CUDACC__
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
#else
  emu::barrierArrive(id, threads, "barrierArrive", place);
#endif
}

/// In shared memory. A phase ends when its arrivals and its bytes have come; phases are told apart by parity,
/// the first one's being 0.
struct alignas(8) MBarrier {
  uint64_t word;
};

/// By one thread, before fenceBarrierInit and a barrier of the block (or cluster).
WG_DEV void initBarrier(MBarrier& b, int arrivals WG_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(sharedAddress(&b)), "r"(arrivals)
                          : "memory"));
#else
  emu::mbarrierInit(&b.word, arrivals, place);
#endif
}
/// Lets the other threads of the cluster, and copies, see the barriers that this thread has made.
WG_DEV void fenceBarrierInit() {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("fence.mbarrier_init.release.cluster;\n\tfence.proxy.async.shared::cta;" ::
                              : "memory"));
#endif
}
/// Lets tensor copies and wgmma see what this thread has written to shared memory.
WG_DEV void fenceAsync() {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("fence.proxy.async.shared::cta;" ::: "memory"));
#endif
}

WG_DEV void arrive(MBarrier& b WG_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("mbarrier.arrive.release.cta.shared::cta.b64 _, [%0];" ::"r"(sharedAddress(&b))
                          : "memory"));
#else
  emu::mbarrierArrive(&b.word, 0, place);
#endif
}
/// Arrives, and announces bytes that the phase has to wait for.
WG_DEV void arriveExpect(MBarrier& b, int bytes WG_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile(
      "mbarrier.arrive.expect_tx.release.cta.shared::cta.b64 _, [%0], %1;" ::"r"(sharedAddress(&b)),
      "r"(bytes)
      : "memory"));
#else
  emu::mbarrierArrive(&b.word, bytes, place);
#endif
}
/// Announces bytes alone.
WG_DEV void expect(MBarrier& b, int bytes WG_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], %1;" ::"r"(sharedAddress(&b)),
                          "r"(bytes)
                          : "memory"));
#else
  emu::mbarrierExpect(&b.word, bytes, place);
#endif
}
/// Arrives at the same barrier of another block of the cluster.
WG_DEV void arriveRemote(MBarrier& b, int rank WG_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile(
      "{\n\t.reg .b32 remote;\n\tmapa.shared::cluster.u32 remote, %0, %1;\n\t"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];\n\t}" ::"r"(sharedAddress(&b)),
      "r"(rank)
      : "memory"));
#else
  auto* remote = static_cast<MBarrier*>(emu::clusterMap(&b, rank, place));
  emu::mbarrierArrive(&remote->word, 0, place);
#endif
}
/// Arrives when the cp.async copies that this thread has issued are done; they belong to no group any more.
WG_DEV void arriveAfterCopies(MBarrier& b WG_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(sharedAddress(&b))
                          : "memory"));
#else
  emu::mbarrierArriveAfterCopies(&b.word, place);
#endif
}

/// Whether the phase of this parity has ended; may take a while to say no.
WG_DEV bool tryWait(const MBarrier& b, int parity WG_PLACE) {
#ifdef __CUDACC__
  uint32_t done = 0;
  WG_ON_SM90(
      asm volatile("{\n\t.reg .pred p;\n\tmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n\tselp.u32 "
                   "%0, 1, 0, p;\n\t}"
                   : "=r"(done)
                   : "r"(sharedAddress(&b)), "r"(parity)
                   : "memory"));
  return done != 0;
#else
  return emu::mbarrierTry(&b.word, parity, place);
#endif
}
WG_DEV void wait(const MBarrier& b, int parity WG_PLACE) {
#ifdef __CUDACC__
  while (!tryWait(b, parity)) {
  }
#else
  emu::mbarrierWait(&b.word, parity, place);
#endif
}

}  // namespace wg::cuda
