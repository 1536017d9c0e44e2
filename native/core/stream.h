// What a kernel gets besides its arguments. Plain data: see view.h.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace wg {

/// Error codes; lib/errors.ts names each one. The numbers cross the border.
enum class Code : int32_t {
  ok,
  disposed,     // ERR_DISPOSED
  bounds,       // ERR_BOUNDS
  argument,     // ERR_ARGUMENT
  index,        // ERR_INDEX
  outOfMemory,  // ERR_OUT_OF_MEMORY
  deviceLost,   // ERR_DEVICE_LOST
  unsupported,  // ERR_UNSUPPORTED
  cancelled,    // the environment is going away
  injected,     // ERR_INJECTED: only the test backend makes it
};

/// How an op ended; nothing is thrown across a library border. Made by fail() in kernel files.
struct Status {
  std::atomic<int32_t> code;  // of enum Code; atomic because any chunk of a kernel may fail first
  char message[240];
};

struct Stream {
  Status* status;  ///< where the running op reports failure
  void* native;    ///< the backend's own stream
  void* scratch;   ///< as many bytes as the op's workspace() asked for, 64-byte aligned
  size_t scratchBytes;
  const std::atomic<bool>* cancelled;  ///< checked once per chunk
  int32_t priority;                    ///< 1 for the serve queue: its chunks go first
};

}  // namespace wg
