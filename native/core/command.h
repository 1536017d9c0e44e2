// Decoded work in a queue: what the decoder writes and what a backend runs. Plain data, shared with backend
// libraries.
#pragma once
#include <atomic>

#include "block.h"
#include "thunk.h"

namespace wg {

struct QueueShared;

enum class Kind : uint32_t {
  op,       // run a kernel
  fail,     // an op that could not be decoded: only its outputs are marked
  copyIn,   // bytes into a block, of this device or the host's, or from here into another device's
  copyOut,  // a block's bytes to host memory, then tell JavaScript
  fence,    // tell JavaScript that everything before is done
  wait,     // another queue's progress
  replay,   // a captured graph
  pad,      // unused end of the ring
};

/// How an op touches one of the blocks it writes.
enum TargetFlags : uint32_t {
  kFirst = 1,     // first use since the slot was bound: whatever the block's last owner left is forgotten
  kInPlace = 2,   // the tensor existed before this op: a failure leaves it as it was, valid
  kCovers = 4,    // every byte is overwritten, which heals a failed tensor
  kReadOnly = 8,  // an input that nothing had written yet
};

struct Target {
  Block* block;
  const Block* moveFrom;  ///< whose contents to carry over before the op runs (copy on write), or null
  uint64_t moveBytes;
  uint32_t flags;
};

struct Wait {
  QueueShared* queue;
  uint64_t seq;
};

struct CopyArguments {
  void* to;
  const void* from;
  uint64_t bytes;
  uint64_t idle;  ///< 1: nothing queued before uses `to`, so the copy need not wait its turn
};

struct ReplayArguments {
  const void* graph;  ///< the backend's own graph object
  void (*run)(const void* graph, QueueShared& queue, void* native);
};

/// Header of one record; its arguments follow, then `inputs` Block pointers, then `targets` Target entries.
struct alignas(16) Command {
  uint32_t bytes;  ///< of the whole record, multiple of 16
  Kind kind;
  uint32_t inputs;
  uint32_t targets;
  int32_t op;
  uint64_t seq;
  void (*run)(Stream&, const void* arguments);
  void* scratch;
  uint64_t scratchBytes;
  uint32_t refsAt;  ///< offset of the inputs from the header
  Failure failure;  ///< for Kind::fail
  uint64_t id;      ///< completion to report, for copyOut and fence (0: none); of an op, its backend's note
  Wait waits[3];

  void* arguments() { return this + 1; }
  const void* arguments() const { return this + 1; }
  Block** inputList() { return reinterpret_cast<Block**>(reinterpret_cast<char*>(this) + refsAt); }
  Block* const* inputList() const {
    return reinterpret_cast<Block* const*>(reinterpret_cast<const char*>(this) + refsAt);
  }
  Target* targetList() { return reinterpret_cast<Target*>(inputList() + inputs); }
  const Target* targetList() const { return reinterpret_cast<const Target*>(inputList() + inputs); }
};

struct FailureRecord {
  Code code;
  int32_t op;
  uint64_t seq;
  const char* message;
};

/// What a queue's two sides share: the ring of commands, its progress, and the way back to the environment.
/// Made by the addon, read by the backend that runs the queue.
struct QueueShared {
  char* ring;
  uint64_t capacity;                            ///< bytes
  alignas(64) std::atomic<uint64_t> tail;       ///< bytes ever published
  alignas(64) std::atomic<uint64_t> head;       ///< bytes ever consumed
  alignas(64) std::atomic<uint64_t> completed;  ///< sequence number of the last command done
  std::atomic<bool> cancelled;
  int32_t priority;
  void* context;
  uint32_t (*failed)(void* context, const FailureRecord*);   ///< logs a failure, returns its id
  void (*done)(void* context, uint64_t id, const Failure*);  ///< a completion JavaScript waits for
  void (*progressed)(void* context);                         ///< `completed` moved
  bool (*awaitQueue)(const QueueShared* other, uint64_t seq, const std::atomic<bool>* cancelled);
};

}  // namespace wg
