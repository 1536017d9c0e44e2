// A piece of device memory and what is known about its contents.
#pragma once
#include <cstddef>
#include <cstdint>

namespace wg {

class Pool;

/// Why a tensor has no value: the failure at the root, and the op that should have made this tensor.
struct Failure {
  uint32_t root = 0;  ///< id in the environment's failure log; 0: none
  int32_t op = 0;
  uint64_t seq = 0;
};

/// Slots, reads, snapshots, borrows and graphs each hold one count; at zero the block goes back to its pool,
/// where a later op of the same queue may take it at once: the queue runs in order. Counts belong to the
/// JavaScript thread; `failure` belongs to whoever runs the queue, and to the host once the last use is
/// completed.
struct Block {
  void* data = nullptr;
  size_t bytes = 0;
  Pool* pool = nullptr;  ///< null for borrowed memory
  int32_t device = 0;    ///< number of the device in its environment
  uint32_t count = 0;
  uint32_t snapshots = 0;    ///< views JavaScript looks through: a write must move the tensor away first
  uint32_t fixed = 0;        ///< graphs that hold the address: it can never move
  bool readOnly = false;     ///< borrowed
  uint64_t borrowId = 0;     ///< whom to tell when a borrowed block is let go
  uint64_t lastUse[2] = {};  ///< sequence number of the last queued use on the device's train and serve queue
  Failure failure;
};

}  // namespace wg
