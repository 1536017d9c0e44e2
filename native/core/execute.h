// Runs one command: whatever the backend, an op whose inputs failed is skipped and its outputs inherit the
// failure.
#pragma once
#include "command.h"

namespace wg {

/// Not for Kind::pad, which may be shorter than a header. `native` is the backend's stream, handed to
/// kernels.
void execute(const Command& c, QueueShared& queue, void* native);

/// Walks [first, first + bytes), stopping early when the queue is cancelled.
void executeAll(const Command* first, uint64_t bytes, QueueShared& queue, void* native);

inline const Command* next(const Command* c) {
  return reinterpret_cast<const Command*>(reinterpret_cast<const char*>(c) + c->bytes);
}

}  // namespace wg
