// One queue of one environment, seen from the JavaScript thread: where decoded commands are staged, published
// and counted.
#pragma once
#include <memory>

#include "../core/allocator.h"
#include "../core/signal.h"

namespace wg {

class Environment;

/// A device of the process. Never destroyed: queues of any worker may still touch it at exit.
struct Device {
  const Backend& backend;
  DeviceMemory memory;
  Device(const Backend& backend, int32_t index) : backend(backend), memory(backend, index) {}
};

class Queue {
 public:
  /// Decoded commands are at most this many times as large as their encoding.
  static constexpr size_t kExpansion = 12;
  static constexpr uint64_t kMaxAhead = 4096;  // commands JavaScript may run ahead
  static constexpr size_t kMaxFresh = size_t{256}
                                      << 20;  // bytes newly taken from the device while running ahead

  Queue(Environment& environment, Device& device, int32_t deviceNumber, int32_t lane, size_t bufferBytes);
  ~Queue();
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// Room for one record of any size a flush can hold; the header is zeroed.
  Command* stage();
  char* stageLimit() const { return shared_.ring + shared_.capacity; }
  /// Adds the record at stage() to what the next publish() hands over.
  void commit(Command* c, char* end);
  void publish();
  /// Runs what is staged on this thread. Only when canRunInline().
  void runInline();
  bool canRunInline() const { return device.backend.runInline && idle(); }
  bool hasStaged() const { return publishedSeq_ != seq_; }

  uint64_t nextSeq() const { return seq_ + 1; }
  uint64_t lastSeq() const { return seq_; }
  uint64_t completed() const { return shared_.completed.load(); }
  /// Nothing published is unfinished; commands may be staged.
  bool idle() const { return completed() == publishedSeq_; }
  bool crowded();
  /// Waits at most 10 ms, so that a worker can be terminated: callers loop in JavaScript.
  bool wait(uint64_t seq);
  bool waitUncrowded();
  /// Whether everything that used `block` on this queue is done.
  bool isDone(const Block& block) const { return block.lastUse[lane] <= completed(); }
  /// Grows the ring for a larger command buffer. Only when idle and nothing is staged.
  bool resize(size_t bufferBytes);
  void close();  ///< drops what is queued and joins; memory stays
  void cancel() { shared_.cancelled.store(true); }
  void addReplay(uint64_t seq, uint32_t maxAhead);

  Environment& environment;
  Device& device;
  const int32_t deviceNumber;
  const int32_t lane;  ///< 0 train, 1 serve
  int32_t number = 0;  ///< in its environment
  Pool pool;
  Block* arena = nullptr;       ///< scratch of the ops in this queue
  uint64_t waitedFor[16] = {};  ///< by queue number: what this queue is already made to wait for
  Signal progress;
  QueueShared& shared() { return shared_; }
  void* handle() const { return handle_; }

 private:
  void makeRing(uint64_t capacity);
  void pad();

  QueueShared shared_{};
  std::unique_ptr<char[]> memory_;
  void* handle_ = nullptr;
  uint64_t staged_ = 0;  // bytes ever staged
  uint64_t seq_ = 0;     // last sequence number staged
  uint64_t publishedSeq_ = 0;
  uint64_t replays_[512] = {};  // sequence numbers of the last replays, round
  uint32_t replayCount_ = 0, replayLimit_ = 0;
};

}  // namespace wg
