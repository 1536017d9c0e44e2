// A queue on a CUDA device. Its issuing thread decodes commands and launches them without waiting; marks
// (events) follow in the stream, and when the device has passed one, the poller retires what came before it:
// failures are spread, copies handed over, completions told. The ring itself remembers what is under way: its
// head moves when a command is retired, not when it is issued.
#pragma once
#include <chrono>
#include <thread>

#include "../core/signal.h"
#include "cells.h"
#include "ledger.h"

namespace wg::cuda {

class DeviceGraph;

// What the issuing side notes of an op for the retiring one, in Command::id.
constexpr uint64_t noteOf(uint64_t cell, bool guarded) { return cell << 1 | (guarded ? 1 : 0); }
constexpr uint64_t cellOf(uint64_t note) { return note >> 1; }
constexpr bool isGuarded(uint64_t note) { return note & 1; }

/// Whether a copyIn goes to memory of the host's.
bool writesHost(const Command& c);

/// Whether the command changes a tensor that was there before, whatever becomes of what it reads.
bool changesInPlace(const Command& c);

class DeviceQueue {
 public:
  /// Null: no memory, thread or device to be had.
  static DeviceQueue* open(int32_t device, QueueShared& shared);
  /// Drops what is not issued; waits up to two seconds for what is.
  ~DeviceQueue();
  DeviceQueue(const DeviceQueue&) = delete;
  DeviceQueue& operator=(const DeviceQueue&) = delete;

  void kick() { wake_.notify(); }
  int32_t device() const { return device_; }
  QueueShared& shared() const { return shared_; }

  // For the poller, one thread at a time.
  bool pending() const { return firstMark_.load() != lastMark_.load(); }
  /// Retires what the device has done; returns whether anything was.
  bool poll();

 private:
  // The device has between a few and many commands ahead of it, some milliseconds of work: enough to keep it
  // busy, little to wait for when the queue is closed. How many those are is found out as they retire.
  static constexpr uint64_t kFewest = 4, kFirst = 16, kMost = 512, kMarks = 64;
  static constexpr std::chrono::milliseconds kAhead{2};
  static constexpr uint64_t kCells = 1024;

  struct Mark {
    cudaEvent_t event;
    uint64_t position;  ///< of the ring's bytes, behind the last command
    uint64_t commands;  ///< issued up to here
    std::chrono::steady_clock::time_point issued;
  };

  DeviceQueue(int32_t device, QueueShared& shared) : shared_(shared), device_(device) {}
  bool prepare();
  Command& at(uint64_t position) {
    return *reinterpret_cast<Command*>(shared_.ring + position % shared_.capacity);
  }

  // The issuing side.
  void loop();
  void issue(Command& c);
  void issueOp(Command& c);
  void issueCopyIn(Command& c);
  void issueCopyOut(Command& c);
  void issueReplay(Command& c);
  bool moveContents(Command& c);
  /// The command cannot be done: `error` of the runtime, or what `record` says.
  void fail(Command& c, cudaError_t error);
  void fail(Command& c, FailureRecord record);
  /// Skips the command because what it reads has failed.
  void skip(Command& c, const Failure& cause);
  Suspicion suspicionOf(const Command& c);
  /// Makes the poller look for what was issued so far.
  void mark();
  /// Until the device has little enough ahead of it.
  void waitForRoom();
  /// Until everything issued is retired.
  void waitRetired();
  /// The retiring side has found failures: nothing goes on before this side knows all of them.
  void catchUp();

  // The retiring side.
  void retire(uint64_t position);
  void settle(const Command& c);
  void settleOp(const Command& c);
  void settleCopyIn(const Command& c);
  void settleReplay(const Command& c);
  /// Why the command, or everything on the device, has failed as far as is known; root 0: it has not.
  Failure lostOr(const Command& c) const;
  /// Gives back what commands nobody will retire hold.
  void abandon();

  /// The device is gone; both sides may find out.
  void lose(cudaError_t error);

  QueueShared& shared_;
  const int32_t device_;
  cudaStream_t compute_ = nullptr, copy_ = nullptr;
  cudaEvent_t copied_ = nullptr;
  ErrorCells cells_;
  Mark marks_[kMarks]{};
  std::atomic<uint64_t> firstMark_{0}, lastMark_{0};   // retired and made so far
  std::atomic<uint32_t> lostRoot_{0};                  // the failure that ended the device
  std::atomic<uint32_t> found_{0};                     // failures the retiring side has found
  std::atomic<bool> failing_{false};                   // lose() has been called
  std::atomic<int32_t> recent_[4] = {-1, -1, -1, -1};  // the last ops issued
  std::atomic<uint64_t> recentCount_{0};
  Signal wake_, room_;

  uint64_t issued_ = 0, marked_ = 0;  // positions
  uint64_t commands_ = 0, markedCommands_ = 0;
  uint32_t foundSeen_ = 0;
  EarlyLedger early_;
  Suspicions suspicions_;

  std::atomic<uint64_t> retired_{0};  // position
  std::atomic<uint64_t> retiredCommands_{0};
  std::atomic<uint64_t> window_{kFirst};  // commands the device may have ahead of it
  FinalLedger final_;

  std::thread thread_;
};

}  // namespace wg::cuda
