// Everything one JavaScript environment (the main thread or a worker) owns natively: slots, queues, graphs,
// failures. Used from its own thread only, except log() and complete(), which queues call.
#pragma once
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "decode.h"
#include "queue.h"

namespace wg {

/// A storage as TypeScript knows it: index and generation name it, `block` is where it lives at present.
struct Slot {
  uint32_t generation = 0;
  bool bound = false;
  bool fresh = false;    ///< nothing has been written yet
  uint32_t failure = 0;  ///< root of the failure that left it without memory
  int32_t queue = 0;
  size_t bytes = 0;  ///< as asked for; the block may be larger
  Block* block = nullptr;
};

/// A slot by number and generation, as graphs know the ones made inside.
constexpr uint64_t slotKey(uint32_t index, uint32_t generation) {
  return static_cast<uint64_t>(index) << 32 | generation;
}

/// A captured step: commands with every address resolved, and the memory they touch.
struct Graph {
  Graph(Queue& queue) : queue(queue), pool(queue.pool, queue.lane) {}
  Queue& queue;
  Pool pool;
  std::unique_ptr<char[]> memory;
  void* handle = nullptr;  ///< the backend's own graph
  uint32_t maxAhead = 2;   ///< replays JavaScript may run ahead
  uint64_t lastSeq = 0;
  std::vector<Block*> arenas;                ///< of the queue, for the scratch of its ops
  std::vector<Block*> outside;               ///< pinned
  std::vector<Block*> survivors;             ///< results: blocks of this graph that slots are bound to
  std::unordered_map<uint64_t, Slot> slots;  ///< made inside, while it is decoded
};

inline constexpr uint64_t kInGraph =
    ~uint64_t{0};  ///< sequence number of a command while it is decoded into a graph

struct LoggedFailure {
  uint32_t id;
  Code code;
  int32_t op;
  uint64_t seq;
  int32_t queue;
  char message[sizeof(Status::message)];
};

struct Completion {
  uint64_t id;
  Failure failure;
};

// First words of the command buffer: what native tells TypeScript after each call.
enum StatusWord : int {
  kCrowdedQueue,    // number of a crowded queue + 1
  kFailuresLogged,  // so far
  kReadRoot,        // why the tensor just read has no value
  kReadOp,
  kReadSeq,
  kDecoded,         // 1 once the records handed over were taken
  kOtherBytes = 8,  // by device: bytes in use that no slot of this environment accounts for
  kStatusWords = 16,
};

class Environment {
 public:
  /// `wake` is called from any thread when there is something to collect.
  explicit Environment(void (*wake)(void*), void* context);
  ~Environment();

  void setBuffer(double* words, size_t bytes);
  size_t bufferBytes() const { return bufferBytes_; }
  double* words() const { return words_; }

  int32_t openQueue(Device& device, int32_t lane);
  Queue* queue(int64_t number) {
    return number >= 0 && number < static_cast<int64_t>(queues_.size())
               ? queues_[static_cast<size_t>(number)].get()
               : nullptr;
  }
  size_t queueCount() const { return queues_.size(); }

  /// Decodes and stages words [kStatusWords, end) of the buffer. Returns false when the records themselves
  /// are broken.
  bool decode(size_t end);
  // Handing work over costs tens of nanoseconds a command in cache traffic, and tens of microseconds when the
  // executor sleeps: an idle queue runs less than this on the JavaScript thread. A read waits anyway, so it
  // may run more.
  static constexpr double kInlineFlushNs = 5'000, kInlineReadNs = 20'000;

  void publish();
  /// Runs what is staged here and now when it is estimated at `workNs` <= `mostNs` and nothing else is under
  /// way.
  void runOrPublish(double workNs, double mostNs);
  /// decode, run or publish, report.
  bool flush(size_t end, double workNs);
  void report();

  Slot* slot(uint32_t index, uint32_t generation);
  /// The slot an argument names; inside a capture, those made there come first and others are pinned. Null:
  /// stale.
  Slot* argumentSlot(Graph* graph, uint32_t index, uint32_t generation);
  /// Binds a slot to `block`, taking over one count. Null: the slot table cannot grow, nothing changed.
  Slot* bind(uint32_t index, uint32_t generation, size_t bytes, int32_t queue, Block* block) noexcept;
  void unbind(Slot& slot);
  void retain(Block& block) { ++block.count; }
  void release(Block* block);
  /// Registers the use of `block` by the command being staged: order between queues, and when the host may
  /// touch it.
  void use(Queue& queue, Command& c, Block& block);
  /// Before a write: a block somebody looks through stays behind, the slot moves. False: no memory.
  bool moveAway(Slot& slot, Target& target, bool keepContents);
  bool isDone(const Block& block) const;
  bool allIdle() const;
  /// Makes room for the report of one fence or copyOut to come: the last step of asking for one that can
  /// fail.
  void expectCompletion();
  /// Stages a command without arguments that reports `id` when the queue gets there.
  void fence(Queue& queue, uint64_t id, Block* block);
  /// Queues a write of host bytes, which are copied first. False: no memory; nothing changed. `idle`: see
  /// CopyArguments.
  bool copyIn(Queue& queue, Slot& slot, size_t offset, const void* from, size_t bytes, bool idle);
  void copyOut(Queue& queue, Block& block, size_t offset, void* to, size_t bytes, uint64_t id);

  /// Returns the graph's number, or -1 with `error` set.
  int32_t capture(const double* words, size_t count, Queue& queue, uint32_t maxAhead, const char*& error);

  uint32_t log(const FailureRecord& record, const Queue* queue);
  void complete(uint64_t id, const Failure& failure);
  /// The oldest report not yet taken; false when there is none. Neither allocates.
  bool takeFailure(LoggedFailure& failure);
  bool takeCompletion(Completion& completion);
  void cancel();
  void trim();
  size_t liveSlots() const { return liveSlots_; }
  size_t slotBytes(int32_t device) const;
  uint64_t commands() const { return commands_; }
  uint64_t flushes() const { return flushes_; }
  const std::vector<std::unique_ptr<Graph>>& graphs() const { return graphs_; }

  uint32_t externals = 0;  ///< ArrayBuffers over our memory that JavaScript still holds
  std::unordered_map<uint64_t, std::unique_ptr<Block>>
      borrowed;  ///< by borrow id, until the last use is fenced
  void close();  ///< stops and joins every queue; memory stays for the externals
  bool closed = false;

 private:
  bool decodeRecord(const double* at, const double* end, Graph* graph, char** place, char* limit);
  void decodeAlloc(const double* at, Queue& queue, int32_t queueNumber, Graph* graph);
  void decodeFree(const double* at, Graph* graph);
  void decodeOp(int32_t op, const double* at, const double* end, Queue& queue, Graph* graph, char** place,
                char* limit);
  void decodeReplay(const double* at, Queue& queue);
  void decodeTransfer(const double* at, Queue& queue);
  void decodeReleaseGraph(const double* at);
  void* scratch(Queue& queue, Graph* graph, size_t bytes);
  void waitFor(Queue& queue, Command& c, Queue& other, uint64_t seq);
  void pinOutside(Graph& graph, Slot& slot);
  void bindSurvivors(Graph& graph);
  void reapGraphs();
  void freeGraph(Graph& graph);

  void (*wake_)(void*);
  void* context_;
  double* words_ = nullptr;
  size_t bufferBytes_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::vector<Device*> devices_;
  std::vector<std::array<Queue*, 2>> lanes_;  // by device
  std::vector<size_t> slotBytes_;             // by device, rounded
  std::vector<std::unique_ptr<Graph>> graphs_;
  std::vector<std::unique_ptr<Graph>> dying_;
  FixedList<Block*> inputs_;  // of the op being decoded
  FixedList<Target> targets_;
  uint32_t exhausted_ = 0;  // root failure: memory ran out in this flush
  size_t liveSlots_ = 0;
  uint64_t commands_ = 0, flushes_ = 0;

  std::mutex mutex_;
  static constexpr size_t kFailureRoom = 64;  // always there, so that running out of memory can be reported
  std::vector<LoggedFailure> failures_;
  std::vector<Completion> completions_;
  size_t expected_ = 0;  // completions still to come: there is always room for them
  std::atomic<uint32_t> failureCount_{0};
};

}  // namespace wg
