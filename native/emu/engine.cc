// Copies that are under way, and the barriers in shared memory that they end at.
#include "engine.h"

#include <cstring>

namespace wg::emu {
namespace {

constexpr int kPoison = 0xff;

bool late() { return Machine::here().schedule().async == Async::late; }

/// What the 64 bits of a barrier hold. The top bit is 0, so poison is told from a barrier.
struct Phase {
  uint32_t pending, count;  ///< arrivals still to come, and of each phase
  int64_t bytes;            ///< still to come
  uint32_t parity;

  static constexpr int64_t kBias = 1 << 21;
  uint64_t pack() const {
    return uint64_t{pending} | uint64_t{count} << 20 | static_cast<uint64_t>(bytes + kBias) << 40 |
           uint64_t{parity} << 62;
  }
};

Phase unpack(uint64_t word) {
  return {static_cast<uint32_t>(word & 0xfffff), static_cast<uint32_t>(word >> 20 & 0xfffff),
          static_cast<int64_t>(word >> 40 & 0x3fffff) - Phase::kBias, static_cast<uint32_t>(word >> 62 & 1)};
}

/// The barrier may lie in any block of the cluster.
Phase read(const uint64_t* word, Place place) {
  SharedMemory& shared = Machine::here().shared();
  const int block = shared.blockOf(word);
  if (block < 0 || shared.find(block, word, 8) < 0 || reinterpret_cast<uintptr_t>(word) % 8)
    fail(place, "an mbarrier at %p, which is not 8 aligned bytes of shared memory",
         static_cast<const void*>(word));
  if (*word >> 63) fail(place, "an mbarrier that was not initialised");
  return unpack(*word);
}

}  // namespace

// ---- copies of one thread -------------------------------------------------------------------------------

void Copy::run() const {
  std::memcpy(to, from, static_cast<size_t>(valid));
  std::memset(to + valid, 0, static_cast<size_t>(bytes - valid));
}

InFlight& Engine::inFlight() {
  const auto at = static_cast<size_t>(Machine::indexOf(*current));
  if (inFlight_.size() <= at) inFlight_.resize(at + 1);
  Machine::self().inFlight = true;
  return inFlight_[at];
}

void Engine::checkEnded(const Fiber& thread) {
  if (thread.clusterArrived) fail(Place(), "the thread ended after a clusterArrive without a clusterWait");
  InFlight& f = inFlight_[static_cast<size_t>(Machine::indexOf(thread))];
  if (!f.copies.empty())
    fail(Place(), "the thread ended with %zu asynchronous copies it had not waited for",
         f.copies.items.size());
  if (!f.stores.empty())
    fail(Place(), "the thread ended with %zu tensor stores it had not waited for", f.stores.items.size());
  f.copies.clear();
  Machine::self().inFlight = false;
}

void copyAsync(void* to, const void* from, int bytes, int valid, Place place) {
  sharedAddress(to, static_cast<size_t>(bytes), place);
  requireAligned(to, static_cast<size_t>(bytes), "an asynchronous copy to shared memory", place);
  if (valid > 0) requireAligned(from, static_cast<size_t>(bytes), "an asynchronous copy", place);
  if (valid < 0 || valid > bytes) fail(place, "%d of %d bytes to copy", valid, bytes);
  const Copy copy{static_cast<char*>(to), static_cast<const char*>(from), bytes, valid};
  Groups<Copy>& groups = Machine::here().engine().inFlight().copies;
  groups.items.push_back(copy);
  if (late()) std::memset(to, kPoison, static_cast<size_t>(bytes));
  else copy.run();
}

void commitCopies() { Machine::here().engine().inFlight().copies.commit(); }
void waitCopies(int left) { Machine::here().engine().inFlight().copies.wait(left, late()); }

// ---- barriers in shared memory --------------------------------------------------------------------------

void mbarrierInit(uint64_t* word, int count, Place place) {
  sharedAddress(word, 8, place);
  if (count < 1 || count > 0xfffff) fail(place, "an mbarrier for %d arrivals", count);
  *word = Phase{static_cast<uint32_t>(count), static_cast<uint32_t>(count), 0, 0}.pack();
}

void Engine::settle(uint64_t* word) {
  Phase p = unpack(*word);
  if (p.pending != 0 || p.bytes != 0) return;
  p.pending = p.count;
  p.parity ^= 1;
  *word = p.pack();
  size_t kept = 0;
  for (const Waiter& w : waiters_) {
    if (w.word == word) machine_.wake(*w.thread);
    else waiters_[kept++] = w;
  }
  waiters_.resize(kept);
}

void mbarrierArrive(uint64_t* word, int64_t bytes, Place place) {
  Phase p = read(word, place);
  if (p.pending == 0) fail(place, "more than the %u arrivals an mbarrier is for", p.count);
  p.pending--;
  p.bytes += bytes;
  *word = p.pack();
  Machine::here().engine().settle(word);
}

void mbarrierExpect(uint64_t* word, int64_t bytes, Place place) {
  Phase p = read(word, place);
  p.bytes += bytes;
  *word = p.pack();
}

bool mbarrierTry(const uint64_t* word, int parity, Place place) {
  if (read(word, place).parity != static_cast<uint32_t>(parity & 1)) return true;
  pause(place);
  return read(word, place).parity != static_cast<uint32_t>(parity & 1);
}

void mbarrierWait(const uint64_t* word, int parity, Place place) {
  Machine& m = Machine::here();
  while (read(word, place).parity == static_cast<uint32_t>(parity & 1)) {
    m.engine().addWaiter(word);
    m.park("mbarrier wait", place);
  }
}

void mbarrierArriveAfterCopies(uint64_t* word, Place place) {
  read(word, place);
  Engine& engine = Machine::here().engine();
  Groups<Copy>& groups = engine.inFlight().copies;
  Transfer t;
  t.barrier = word;
  if (late()) t.copies = groups.items;
  groups.clear();
  engine.add(std::move(t));
}

// ---- what is under way ----------------------------------------------------------------------------------

void Engine::begin(int warpgroups) {
  if (warpgroups_.size() < static_cast<size_t>(warpgroups))
    warpgroups_.resize(static_cast<size_t>(warpgroups));
}

void Engine::add(Transfer&& transfer) {
  if (late()) transfers_.push_back(std::move(transfer));
  else finish(transfer);
}

/// The order in which copies end is nobody's to rely on.
bool Engine::step() {
  if (transfers_.empty()) return false;
  const Order order = machine_.schedule().order;
  const size_t at = order == Order::forward   ? 0
                    : order == Order::reverse ? transfers_.size() - 1
                                              : machine_.random() % transfers_.size();
  const Transfer transfer = std::move(transfers_[at]);
  transfers_.erase(transfers_.begin() + static_cast<ptrdiff_t>(at));
  finish(transfer);
  return true;
}

void Engine::checkBlocksEnded() {
  for (Warpgroup& w : warpgroups_) {
    if (!w.issued.empty()) fail(w.place, "the block ended with products that nobody waited for");
    w.fenced = false;
    w.committed = 0;
  }
  if (!transfers_.empty())
    fail(Place(), "the block ended while %zu copies into its shared memory were in flight",
         transfers_.size());
  if (machine_.clusterBarrier().arrived > 0)
    fail(Place(), "the cluster ended with %d of %d threads at its barrier", machine_.clusterBarrier().arrived,
         machine_.residentThreads());
}

void Engine::clear() {
  transfers_.clear();
  waiters_.clear();
  inFlight_.clear();
  for (Warpgroup& w : warpgroups_) w = Warpgroup();
}

}  // namespace wg::emu
