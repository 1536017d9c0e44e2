// The emulator as the wrappers of native/cuda/wg see it: one fiber a CUDA thread, blocks one after another,
// those of a cluster together. What fails inside a kernel ends the launch with a message that names kernel,
// block, thread and place.
#pragma once
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>

#include "types.h"

namespace wg::emu {

using Place = std::source_location;

struct LaunchInfo {
  const void* kernel;  ///< its address, for its name in reports
  dim3 grid, block, cluster;
  size_t sharedBytes;  ///< dynamic shared memory
};

/// Runs all threads on the calling host thread. False: it failed, and takeFailure() says how.
bool launch(const LaunchInfo& info, void (*body)(const void* arguments), const void* arguments);

/// The message of this host thread's last failed launch, once; "" when none failed.
std::string takeFailure();

// ---- the running thread ---------------------------------------------------------------------------------

class Machine;

/// A block that is resident.
struct Block {
  uint3 index;  ///< blockIdx
  Machine* machine;
  const LaunchInfo* info;
  char* shared;     ///< its shared memory, dynamic first, 1024-byte aligned
  int rank;         ///< within its cluster
  int firstThread;  ///< number of its first thread among the resident ones
};

struct Thread {
  uint3 index;  ///< threadIdx
  int number;   ///< among the threads of its block
  Block* block;
};

/// The CUDA thread that runs on this host thread; null outside kernels. Of the static kind: it is read for
/// every threadIdx.
extern constinit thread_local Thread* current __attribute__((tls_model("initial-exec")));

inline int lane() { return current->number & 31; }

/// Ends the launch; says what went wrong in the running thread.
[[noreturn]] void fail(Place place, const char* format, ...) __attribute__((format(printf, 2, 3)));

// ---- meeting other threads ------------------------------------------------------------------------------

/// What lanes showed each other. Valid until the thread that got it meets others again.
struct Shown {
  uint32_t lanes;   ///< who took part: all in the mask but those that have ended
  uint32_t ballot;  ///< the flags, a bit a lane
  uint64_t values[32];
};
/// Every lane of `mask` shows a value and a flag, and all see them.
const Shown& show(uint32_t mask, uint64_t value, bool flag, const char* operation, Place place);

/// Every lane of `mask` brings an argument; `act` runs once with all of them, those of absent lanes null.
/// All must come from the same place, as PTX asks of what it calls .aligned.
void meet(uint32_t mask, void* argument, void (*act)(void* const* arguments), const char* operation,
          Place place);

/// Barrier `id` (0 to 15) of the block; `count` threads, a multiple of 32, or 0 for all.
void barrierSync(int id, int count, const char* operation, Place place);
/// Counts as arrived without waiting.
void barrierArrive(int id, int count, const char* operation, Place place);

struct Votes {
  int count;  ///< of flags that were true
  int total;
};
/// Barrier 0 with a flag from every thread.
Votes barrierVote(bool flag, const char* operation, Place place);

/// Lets others run: what a loop that polls memory must call, or it would never end.
void pause(Place place);

// ---- shared memory --------------------------------------------------------------------------------------

/// The block's copy of the variable that `key` stands for; poisoned when the block begins.
void* sharedVariable(const void* key, size_t bytes, size_t alignment, const char* name);
inline char* dynamicShared() { return current->block->shared; }
/// The address within the block's shared memory; fails when [p, p + bytes) is not inside it.
uint32_t sharedAddress(const void* p, size_t bytes, Place place);

/// Fails unless p is a multiple of `alignment`.
inline void requireAligned(const void* p, size_t alignment, const char* operation, Place place) {
  if (reinterpret_cast<uintptr_t>(p) % alignment)
    fail(place, "%s of %p, which is not %zu-byte aligned", operation, p, alignment);
}

}  // namespace wg::emu

#define threadIdx (::wg::emu::current->index)
#define blockIdx (::wg::emu::current->block->index)
#define blockDim (::wg::emu::current->block->info->block)
#define gridDim (::wg::emu::current->block->info->grid)

inline void __syncthreads(std::source_location place = std::source_location::current()) {
  wg::emu::barrierSync(0, 0, "__syncthreads", place);
}
inline int __syncthreads_count(int flag, std::source_location place = std::source_location::current()) {
  return wg::emu::barrierVote(flag != 0, "__syncthreads_count", place).count;
}
inline int __syncthreads_or(int flag, std::source_location place = std::source_location::current()) {
  return wg::emu::barrierVote(flag != 0, "__syncthreads_or", place).count > 0;
}
inline int __syncthreads_and(int flag, std::source_location place = std::source_location::current()) {
  const wg::emu::Votes votes = wg::emu::barrierVote(flag != 0, "__syncthreads_and", place);
  return votes.count == votes.total;
}
inline void __syncwarp(uint32_t mask = 0xffffffffu,
                       std::source_location place = std::source_location::current()) {
  wg::emu::show(mask, 0, false, "__syncwarp", place);
}
// Blocks and warps never run at once, so fences have only the compiler to hold back.
inline void __threadfence() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
