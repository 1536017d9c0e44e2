// The process-wide thread pool. Work arrives as chunks; which thread runs a chunk never changes what it
// computes.
//
// Rules for kernels: chunk boundaries are functions of shape and dtype only; a chunk should take 20 us to 1
// ms; small work is one chunk and never touches the pool. workerScratch() is private to the thread and valid
// inside one body call only: what several chunks share lives in s.scratch.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../core/stream.h"

#ifndef WG_ISA
#define WG_ISA generic
#endif

namespace wg::cpu {

/// Runs body(context, i) for every i in [0, chunks), in any order, on the caller and whichever workers are
/// free. Returns when all of them ended. Chunks of a serve stream (s.priority) are taken before any other.
/// When *s.cancelled becomes true the chunks not yet begun are dropped and the status becomes
/// Code::cancelled.
void parallelRun(const Stream& s, int64_t chunks, void (*body)(void*, int64_t), void* context);
/// The same where chunks are neighbouring parts of tensors: each thread takes its own from first to last in
/// one sweep and from last to first in the next, which so begins with what the sweep before left in the
/// caches.
void parallelSweepRun(const Stream& s, int64_t chunks, void (*body)(void*, int64_t), void* context);

/// Number of threads a job may use, the caller included; at first what affinity and the cgroup quota allow.
int32_t threads();
/// Values outside [1, 256] are clamped. Running jobs keep the helpers they have.
void setThreads(int32_t count);

inline constexpr size_t kWorkerScratchBytes = size_t{1} << 20;
/// The calling thread's own packing buffer, 64-byte aligned; null when memory ran out (then
/// fail(Code::outOfMemory)).
void* workerScratch();
/// Allocates the caller's packing buffer ahead of time; an executor calls it once at its start. False: out of
/// memory.
bool registerThread();

inline namespace WG_ISA {

template <class Body>
struct ChunkCall {
  Body& body;
  static void run(void* self, int64_t chunk) { static_cast<ChunkCall*>(self)->body(chunk); }
};

/// parallelRun for a callable taking the chunk's number.
template <class Body>
inline void parallelFor(const Stream& s, int64_t chunks, Body&& body) {
  ChunkCall<Body> call{body};
  parallelRun(s, chunks, &call.run, &call);
}
/// parallelSweepRun for a callable taking the chunk's number.
template <class Body>
inline void parallelSweep(const Stream& s, int64_t chunks, Body&& body) {
  ChunkCall<Body> call{body};
  parallelSweepRun(s, chunks, &call.run, &call);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
