// The scheduler: which thread runs next, and what blocks and warps remember of those that wait.
#pragma once
#include <cstring>
#include <memory>
#include <vector>

#include "fiber.h"
#include "report.h"
#include "schedule.h"
#include "shared.h"
#include "simt.h"

namespace wg::emu {

inline constexpr int kBarriers = 16;
inline constexpr int kMostThreads = 1024;
inline constexpr int kMostWarps = kMostThreads / 32;
inline constexpr int kMostResident = 16;  ///< blocks of a cluster

/// Of two places; the same call mostly has the same record of it.
inline bool samePlace(const Place& a, const Place& b) {
  if (std::memcmp(&a, &b, sizeof a) == 0) return true;
  return a.line() == b.line() && a.column() == b.column() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

/// A thread and where it stopped.
struct Fiber : Thread {
  Context context;  ///< stackPointer is null before the thread has begun and after it has ended
  const char* waitsIn = nullptr;
  Place place;
  bool inFlight = false;        ///< it has issued copies
  bool clusterArrived = false;  ///< and not yet waited
  uint32_t clusterPhase = 0;    ///< in which it did
};

/// Lanes of one mask on their way through one collective operation after the other.
struct Rendezvous {
  uint32_t mask = 0;
  uint32_t arrived = 0;
  uint32_t unread = 0;  ///< lanes that were woken and have not looked yet
  uint32_t turn = 0;
  const char* operation = nullptr;
  Place place;
  void (*act)(void* const*) = nullptr;
  void* arguments[32] = {};
  Shown shown[2] = {};  ///< by turn: a quick lane may be in the next operation while a slow one looks
};

struct Warp {
  uint32_t ended = 0;    ///< lanes that will not come any more, or never were
  uint32_t meeting = 0;  ///< lanes that wait in a rendezvous
  Rendezvous whole;
  std::vector<std::unique_ptr<Rendezvous>> partial;
};

struct Barrier {
  int expected = 0, arrived = 0;
  const char* operation = nullptr;
  int firstThread = 0;
  Place place;
  uint32_t waiting[kMostWarps] = {};
  uint32_t turn = 0;
  Votes votes[2] = {};
};

struct Resident : Block {
  Barrier barriers[kBarriers];
  uint32_t touchedBarriers = 0;
};

/// All threads of a cluster; one phase follows the other.
struct ClusterBarrier {
  int arrived = 0;
  uint32_t phase = 0;
  std::vector<Fiber*> waiting;
};

class Engine;

/// All there is to a launch; each host thread that launches has one and keeps its memory.
class Machine {
 public:
  Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();
  bool run(const LaunchInfo& info, void (*body)(const void*), const void* arguments);
  [[noreturn]] void fail(const Block& block, const Thread* thread, Place place, const Text& text);

  /// The running thread waits until somebody wakes it.
  void park(const char* operation, Place place);
  /// It lets others go first, in turn, whatever the pace.
  void pause(Place place);
  void wake(int warp, uint32_t lanes) {
    ready_[warp] |= lanes;
    readyWarps_[warp >> 6] |= uint64_t{1} << (warp & 63);
    idlePolls_ = 0;
  }
  void wake(const Thread& thread) {
    const int at = indexOf(thread);
    wake(at >> 5, 1u << (at & 31));
  }

  static Machine& here() { return *current->block->machine; }
  static int indexOf(const Thread& thread) { return thread.block->firstThread + thread.number; }
  static Fiber& self() { return *static_cast<Fiber*>(current); }
  Warp& warpOf(const Thread& thread) { return warps_[static_cast<size_t>(indexOf(thread) >> 5)]; }
  Resident& residentOf(const Thread& thread) { return residents_[thread.block->rank]; }
  Fiber& thread(int index) { return fibers_[static_cast<size_t>(index)]; }
  const Schedule& schedule() const { return schedule_; }
  SharedMemory& shared() { return shared_; }
  Engine& engine() { return *engine_; }
  ClusterBarrier& clusterBarrier() { return clusterBarrier_; }
  int residentThreads() const { return residentCount_ * blockThreads_; }
  int residentCount() const { return residentCount_; }
  int blockThreads() const { return blockThreads_; }
  int blockWarps() const { return blockWarps_; }
  uint64_t random();

 private:
  static void entry();
  void settle(Warp& warp, int warpIndex);
  [[noreturn]] void live();
  int end(int at);
  int choose(int at, Pace pace);
  int readyAfter(int at, Pace pace);
  int anyLane(uint32_t lanes);
  int nextWarp(int after) const;
  int previousWarp(int before) const;
  int take(int warp, int lane);
  void go(int next);
  void prepare();
  bool beginBlocks();
  void endBlocks();
  uint64_t clusterAt(uint64_t turn) const;
  [[noreturn]] void deadlock();
  void forget();

  LaunchInfo info_{};
  Schedule schedule_;
  void (*body_)(const void*) = nullptr;
  const void* arguments_ = nullptr;
  Context home_;
  Stacks stacks_;
  char* starting_ = nullptr;  ///< the stack of the fiber that begins next
  bool failed_ = false;
  uint64_t randomState_ = 1;

  uint64_t clusters_ = 0, nextCluster_ = 0, stride_ = 1, offset_ = 0;
  int residentCount_ = 1, blockThreads_ = 0, blockWarps_ = 0, warpCount_ = 0;
  int alive_ = 0;
  uint64_t idlePolls_ = 0;
  dim3 laidOut_{0, 0, 0};  ///< the block size that fibers_ hold indices of
  uint32_t ready_[kMostResident * kMostWarps] = {};
  uint64_t readyWarps_[kMostResident * kMostWarps / 64] = {};
  std::vector<Fiber> fibers_;
  std::vector<Warp> warps_;
  Resident residents_[kMostResident];
  SharedMemory shared_;
  ClusterBarrier clusterBarrier_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace wg::emu
