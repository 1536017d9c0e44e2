#include "machine.h"

#include <algorithm>
#include <bit>
#include <cstdarg>
#include <cstdio>
#include <numeric>
#include <utility>

#include "engine.h"
#include "fault.h"

namespace wg::emu {

constinit thread_local Thread* current = nullptr;

namespace {

thread_local std::string failure;

Machine& machine() {
  // Behind a pointer: the library's thread-local memory has to fit what a process keeps for such libraries.
  thread_local std::unique_ptr<Machine> instance = std::make_unique<Machine>();
  return *instance;
}

/// What CUDA would refuse before it starts anything; "" when it would not.
std::string refusal(const LaunchInfo& i) {
  const uint64_t threads = uint64_t{i.block.x} * i.block.y * i.block.z;
  if (threads == 0 || threads > kMostThreads || i.block.x > 1024 || i.block.y > 1024 || i.block.z > 64)
    return "a block of " + std::to_string(threads) + " threads; it may have 1 to 1024";
  if (i.grid.x == 0 || i.grid.y == 0 || i.grid.z == 0) return "an empty grid";
  if (i.grid.x > 0x7fffffffu || i.grid.y > 65535 || i.grid.z > 65535) return "a grid that is too large";
  const uint64_t cluster = uint64_t{i.cluster.x} * i.cluster.y * i.cluster.z;
  if (cluster == 0 || cluster > kMostResident || i.grid.x % i.cluster.x || i.grid.y % i.cluster.y ||
      i.grid.z % i.cluster.z)
    return "a cluster of " + std::to_string(cluster) + " blocks, which does not divide the grid";
  if (i.sharedBytes > kMostShared)
    return std::to_string(i.sharedBytes) + " bytes of shared memory; a block has at most " +
           std::to_string(kMostShared);
  return "";
}

}  // namespace

bool launch(const LaunchInfo& info, void (*body)(const void*), const void* arguments) {
  if (current) {
    failure = "a kernel was launched from inside a kernel";
    return false;
  }
  if (const std::string reason = refusal(info); !reason.empty()) {
    failure = functionName(info.kernel) + ": launched with " + reason;
    return false;
  }
  return machine().run(info, body, arguments);
}

std::string takeFailure() { return std::exchange(failure, std::string()); }

// ---- launching ------------------------------------------------------------------------------------------

Machine::Machine() : engine_(std::make_unique<Engine>(*this)) { watchFaults(); }
Machine::~Machine() = default;

bool Machine::run(const LaunchInfo& info, void (*body)(const void*), const void* arguments) {
  info_ = info;
  body_ = body;
  arguments_ = arguments;
  schedule_ = emu::schedule();
  prepare();
  beginBlocks();
  starting_ = stacks_.take();
  hop(home_, begin(starting_, &Machine::entry));
  current = nullptr;
  if (failed_) forget();
  return !failed_;
}

void Machine::prepare() {
  failed_ = false;
  randomState_ = schedule_.seed * 0x9e3779b97f4a7c15u + 1;
  const dim3& b = info_.block;
  const dim3& c = info_.cluster;
  blockThreads_ = static_cast<int>(b.x * b.y * b.z);
  blockWarps_ = (blockThreads_ + 31) / 32;
  residentCount_ = static_cast<int>(c.x * c.y * c.z);
  warpCount_ = residentCount_ * blockWarps_;
  clusters_ = uint64_t{info_.grid.x / c.x} * (info_.grid.y / c.y) * (info_.grid.z / c.z);
  nextCluster_ = 0;
  if (schedule_.order == Order::random) {
    // i → (i * stride + offset) mod n visits every cluster once when stride and n have no common divisor.
    offset_ = random() % clusters_;
    do stride_ = random() % clusters_ + 1;
    while (std::gcd(stride_, clusters_) != 1);
  }
  const auto fibers = static_cast<size_t>(warpCount_) * 32;
  if (fibers_.size() < fibers) {
    fibers_.resize(fibers);
    warps_.resize(static_cast<size_t>(warpCount_));
    laidOut_ = {0, 0, 0};
  }
  for (int r = 0; r < residentCount_; r++) {
    Resident& block = residents_[r];
    block.machine = this;
    block.info = &info_;
    block.rank = r;
    block.firstThread = r * blockWarps_ * 32;
  }
  if (laidOut_.x != b.x || laidOut_.y != b.y || laidOut_.z != b.z) {
    for (size_t i = 0; i < fibers_.size(); i++) {
      const auto number = static_cast<unsigned>(i % (static_cast<size_t>(blockWarps_) * 32));
      fibers_[i].number = static_cast<int>(number);
      fibers_[i].index = {number % b.x, number / b.x % b.y, number / (b.x * b.y)};
      fibers_[i].block = &residents_[std::min(i / (static_cast<size_t>(blockWarps_) * 32),
                                              static_cast<size_t>(kMostResident - 1))];
    }
    laidOut_ = b;
  }
  shared_.begin(residentCount_, info_.sharedBytes);
  engine_->begin(residentCount_ * ((blockThreads_ + 127) / 128));
  for (int r = 0; r < residentCount_; r++) residents_[r].shared = shared_.arena(r);
}

uint64_t Machine::clusterAt(uint64_t turn) const {
  if (schedule_.order == Order::forward) return turn;
  if (schedule_.order == Order::reverse) return clusters_ - 1 - turn;
  return static_cast<uint64_t>((static_cast<unsigned __int128>(turn) * stride_ + offset_) % clusters_);
}

/// Makes the next blocks resident, all their threads ready; false: there are none left.
bool Machine::beginBlocks() {
  if (nextCluster_ == clusters_) return false;
  const uint64_t at = clusterAt(nextCluster_++);
  const dim3& c = info_.cluster;
  const unsigned wide = info_.grid.x / c.x, high = info_.grid.y / c.y;
  const auto x = static_cast<unsigned>(at % wide) * c.x, y = static_cast<unsigned>(at / wide % high) * c.y,
             z = static_cast<unsigned>(at / wide / high) * c.z;
  const unsigned tail = static_cast<unsigned>(blockThreads_) & 31;
  for (int r = 0; r < residentCount_; r++) {
    const auto rank = static_cast<unsigned>(r);
    residents_[r].index = {x + rank % c.x, y + rank / c.x % c.y, z + rank / (c.x * c.y)};
    for (int w = 0; w < blockWarps_; w++) {
      const uint32_t lanes = w + 1 == blockWarps_ && tail ? (1u << tail) - 1 : ~0u;
      const int warp = r * blockWarps_ + w;
      warps_[static_cast<size_t>(warp)].ended = ~lanes;
      wake(warp, lanes);
    }
  }
  alive_ = residentCount_ * blockThreads_;
  // Any thread may be the one after which the first is chosen: before the first, after the last.
  const int start = schedule_.order == Order::forward ? warpCount_ - 1
                    : schedule_.order == Order::reverse
                        ? 0
                        : static_cast<int>(random() % static_cast<uint64_t>(warpCount_));
  const int before = start * 32 + (schedule_.order == Order::reverse ? 0 : 31);
  current = &thread(choose(before, Pace::lockStep));
  return true;
}

void Machine::endBlocks() {
  Text problem;
  engine_->checkBlocksEnded();
  for (int r = 0; r < residentCount_; r++) {
    for (uint32_t left = residents_[r].touchedBarriers; left; left &= left - 1) {
      Barrier& b = residents_[r].barriers[std::countr_zero(left)];
      if (b.arrived > 0)
        fail(residents_[r], &fibers_[static_cast<size_t>(b.firstThread)], b.place,
             print("%s: the block ended with %d of %d threads at the barrier", b.operation, b.arrived,
                   b.expected));
      b.expected = 0;
    }
    residents_[r].touchedBarriers = 0;
  }
  if (const int block = shared_.renew(problem); block >= 0)
    fail(residents_[block], nullptr, Place(), problem);
}

/// After a failure nothing of the launch may be left behind.
void Machine::forget() {
  std::fill(std::begin(ready_), std::end(ready_), 0u);
  std::fill(std::begin(readyWarps_), std::end(readyWarps_), uint64_t{0});
  for (Warp& w : warps_) w = Warp();
  for (Resident& r : residents_) {
    for (Barrier& b : r.barriers) b = Barrier();
    r.touchedBarriers = 0;
  }
  for (Fiber& f : fibers_) {
    f.context = Context();
    f.waitsIn = nullptr;
    f.inFlight = f.clusterArrived = false;
  }
  clusterBarrier_ = ClusterBarrier();
  engine_->clear();
  stacks_.reset();
}

// ---- the life of a fiber --------------------------------------------------------------------------------

void Machine::entry() {
  arrived();
  here().live();
}

/// Threads that never wait are run one after the other on one stack. Whoever comes back from body_ is the one
/// that was let in: its number is kept at hand, which spares a walk through memory for every thread.
void Machine::live() {
  char* const stack = starting_;
  int at = indexOf(*current);
  for (;;) {
    body_(arguments_);
    at = end(at);
    if (at >= 0 && !thread(at).context.stackPointer) {
      current = &thread(at);
      continue;
    }
    stacks_.give(stack);
    if (at < 0) hopForGood(home_);
    current = &thread(at);
    hopForGood(thread(at).context);
  }
}

/// The thread has ended; who is next, or -1 when the grid is done.
int Machine::end(int at) {
  Fiber& ended = thread(at);
  ended.context.stackPointer = nullptr;
  if (ended.inFlight || ended.clusterArrived) engine_->checkEnded(ended);
  Warp& warp = warps_[static_cast<size_t>(at >> 5)];
  warp.ended |= 1u << (at & 31);
  idlePolls_ = 0;
  if (warp.meeting) settle(warp, at >> 5);
  if (--alive_ > 0) return choose(at, schedule_.pace);
  endBlocks();
  return beginBlocks() ? indexOf(*current) : -1;
}

void Machine::go(int next) {
  Fiber& before = self();
  Fiber& after = thread(next);
  if (&after == &before) return;
  current = &after;
  if (!after.context.stackPointer) {
    starting_ = stacks_.take();
    after.context = begin(starting_, &Machine::entry);
  }
  hop(before.context, after.context);
}

void Machine::park(const char* operation, Place place) {
  Fiber& waiting = self();
  waiting.waitsIn = operation;
  waiting.place = place;
  go(choose(indexOf(waiting), schedule_.pace));
  waiting.waitsIn = nullptr;
}

void Machine::pause(Place place) {
  const uint64_t polls = idlePolls_ + 1;
  wake(*current);
  idlePolls_ = polls;
  // Who polls may wait for what happens beside the threads.
  if (polls % (2 * static_cast<uint64_t>(alive_) + 1) == 0 && engine_->step()) idlePolls_ = 0;
  if (polls > uint64_t{1} << 20)
    fail(*current->block, current, place,
         print("every thread left polls memory, and nobody is there to change it"));
  go(choose(indexOf(*current), Pace::lockStep));
}

void pause(Place place) { Machine::here().pause(place); }

// ---- choosing -------------------------------------------------------------------------------------------

uint64_t Machine::random() {  // xorshift64
  randomState_ ^= randomState_ << 13;
  randomState_ ^= randomState_ >> 7;
  return randomState_ ^= randomState_ << 17;
}

int Machine::take(int warp, int lane) {
  if (!(ready_[warp] &= ~(1u << lane))) readyWarps_[warp >> 6] &= ~(uint64_t{1} << (warp & 63));
  return warp * 32 + lane;
}

int Machine::anyLane(uint32_t lanes) {
  const auto turn = static_cast<int>(random() >> 59);
  return (std::countr_zero(std::rotr(lanes, turn)) + turn) & 31;
}

/// The first warp with ready threads from `from` on, around the end; -1: none.
int Machine::nextWarp(int from) const {
  const int words = (warpCount_ + 63) / 64;
  int word = from >> 6;
  uint64_t bits = readyWarps_[word] & (~uint64_t{0} << (from & 63));
  for (int i = 0; i <= words; i++) {
    if (bits) return word * 64 + std::countr_zero(bits);
    word = word + 1 == words ? 0 : word + 1;
    bits = readyWarps_[word];
  }
  return -1;
}

int Machine::previousWarp(int from) const {
  const int words = (warpCount_ + 63) / 64;
  int word = from >> 6;
  uint64_t bits = readyWarps_[word] & (~uint64_t{0} >> (63 - (from & 63)));
  for (int i = 0; i <= words; i++) {
    if (bits) return word * 64 + 63 - std::countl_zero(bits);
    word = word == 0 ? words - 1 : word - 1;
    bits = readyWarps_[word];
  }
  return -1;
}

/// Who runs after the thread `at`: when nobody can, what is under way beside the threads goes on.
int Machine::choose(int at, Pace pace) {
  for (;;) {
    const int next = readyAfter(at, pace);
    if (next >= 0) return next;
    if (!engine_->step()) deadlock();
  }
}

int Machine::readyAfter(int at, Pace pace) {
  const int warp = at >> 5, lane = at & 31;
  const uint32_t mine = ready_[warp];
  switch (schedule_.order) {
    case Order::forward: {
      const uint32_t above = mine & (~1u << lane);
      if (above) return take(warp, std::countr_zero(above));
      if (pace == Pace::greedy && mine) return take(warp, std::countr_zero(mine));
      const int next = nextWarp(warp + 1 == warpCount_ ? 0 : warp + 1);
      if (next >= 0) return take(next, std::countr_zero(ready_[next]));
      break;
    }
    case Order::reverse: {
      const uint32_t below = mine & ((1u << lane) - 1);
      if (below) return take(warp, 31 - std::countl_zero(below));
      if (pace == Pace::greedy && mine) return take(warp, 31 - std::countl_zero(mine));
      const int next = previousWarp(warp == 0 ? warpCount_ - 1 : warp - 1);
      if (next >= 0) return take(next, 31 - std::countl_zero(ready_[next]));
      break;
    }
    case Order::random: {
      if (pace == Pace::greedy && mine) return take(warp, anyLane(mine));
      const int next = nextWarp(static_cast<int>(random() % static_cast<uint64_t>(warpCount_)));
      if (next >= 0) return take(next, anyLane(ready_[next]));
      break;
    }
  }
  return -1;
}

// ---- failing --------------------------------------------------------------------------------------------

void Machine::fail(const Block& block, const Thread* thread, Place place, const Text& text) {
  failed_ = true;
  failure = functionName(info_.kernel) + ", block " + describe(block.index).chars;
  if (thread) failure.append(", thread ").append(describe(thread->index).chars);
  if (place.line() > 0) failure.append(" at ").append(describe(place).chars);
  failure.append(": ").append(text.chars);
  hopForGood(home_);
}

void fail(Place place, const char* format, ...) {
  Text text;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.chars, sizeof text.chars, format, arguments);
  va_end(arguments);
  Machine::here().fail(*current->block, current, place, text);
}

}  // namespace wg::emu
