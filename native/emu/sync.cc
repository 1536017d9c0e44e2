// Warps meeting by mask, and the barriers of a block.
#include <bit>
#include <cstring>

#include "machine.h"
#include "report.h"

namespace wg::emu {
namespace {

bool sameName(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }

// Apart from the paths that every thread takes, which their text would fill with stack frames.
#define WG_COLD [[noreturn, gnu::cold, gnu::noinline]]

WG_COLD void failDivergentWarp(const Rendezvous& r, const char* operation, Place place) {
  fail(place, "divergent warp: this thread is in %s, lane %d of its warp waits in %s at %s", operation,
       std::countr_zero(r.arrived), r.operation, describe(r.place).chars);
}
WG_COLD void failLeftOut(uint32_t mask, const char* operation, Place place) {
  fail(place, "%s: the mask 0x%08x leaves out the calling lane %d", operation, mask, lane());
}
WG_COLD void failDivergentBarrier(const Barrier& b, const char* operation, Place place) {
  fail(place, "divergent barrier: this thread is in %s, thread %s waits in %s at %s", operation,
       describe(Machine::here().thread(b.firstThread).index).chars, b.operation, describe(b.place).chars);
}
WG_COLD void failCount(const Barrier& b, int id, int expected, const char* operation, Place place) {
  fail(place, "%s: barrier %d is for %d threads here and for %d at %s", operation, id, expected, b.expected,
       describe(b.place).chars);
}
WG_COLD void failBarrier(int id, int count, const char* operation, Place place) {
  if (id < 0 || id >= kBarriers) fail(place, "%s: there is no barrier %d", operation, id);
  fail(place, "%s: a barrier for %d threads in a block of %d", operation, count,
       Machine::here().blockThreads());
}

/// Objects are found by mask; one that nobody is in serves any mask.
Rendezvous& find(Warp& warp, uint32_t mask) {
  warp.whole.mask = ~0u;
  if (mask == ~0u) return warp.whole;
  Rendezvous* spare = nullptr;
  for (const auto& r : warp.partial) {
    if (r->mask == mask) return *r;
    if (!r->arrived && !r->unread) spare = r.get();
  }
  if (!spare) spare = warp.partial.emplace_back(std::make_unique<Rendezvous>()).get();
  spare->mask = mask;
  return *spare;
}

/// Everyone is there: act, let them look, wake all but the one that is running.
void complete(Machine& m, Warp& warp, int warpIndex, Rendezvous& r, uint32_t running) {
  const uint32_t lanes = r.arrived;
  r.shown[r.turn++ & 1].lanes = lanes;
  r.unread |= lanes;
  r.arrived = 0;
  warp.meeting &= ~lanes;
  if (r.act) r.act(r.arguments);
  if (lanes & ~running) m.wake(warpIndex, lanes & ~running);
}

/// Brings the running thread to the others of its mask; returns when all are there.
const Shown& arrive(uint32_t mask, uint64_t value, bool flag, void* argument, void (*act)(void* const*),
                    const char* operation, Place place) {
  Machine& m = Machine::here();
  const int at = Machine::indexOf(*current);
  const uint32_t bit = 1u << (at & 31);
  Warp& warp = m.warpOf(*current);
  if (!(mask & bit)) failLeftOut(mask, operation, place);
  Rendezvous& r = find(warp, mask);
  if (!r.arrived) {
    r.operation = operation;
    r.place = place;
    r.act = act;
    r.shown[r.turn & 1].ballot = 0;
    if (act) std::memset(r.arguments, 0, sizeof r.arguments);
  } else if (!sameName(operation, r.operation) || (act && !samePlace(place, r.place))) {
    failDivergentWarp(r, operation, place);
  }
  Shown& shown = r.shown[r.turn & 1];
  shown.values[at & 31] = value;
  shown.ballot |= flag ? bit : 0u;
  r.arguments[at & 31] = argument;
  r.arrived |= bit;
  if (r.arrived == (mask & ~warp.ended)) {
    complete(m, warp, at >> 5, r, bit);
  } else {
    warp.meeting |= bit;
    m.park(operation, place);
  }
  r.unread &= ~bit;
  return shown;
}

inline Barrier& barrier(int id, int count, const char* operation, Place place) {
  Machine& m = Machine::here();
  if (id < 0 || id >= kBarriers || count < 0 || count > m.blockWarps() * 32 || count % 32)
    failBarrier(id, count, operation, place);
  Resident& block = m.residentOf(*current);
  const int expected = count ? count : m.blockThreads();
  Barrier& b = block.barriers[id];
  if (b.arrived == 0) {
    block.touchedBarriers |= 1u << id;
    b.expected = expected;
    b.operation = operation;
    b.firstThread = Machine::indexOf(*current);
    b.place = place;
    b.votes[b.turn & 1] = {0, 0};
  } else if (b.expected != expected) {
    failCount(b, id, expected, operation, place);
  } else if (!count && (!samePlace(place, b.place) || !sameName(operation, b.operation))) {
    failDivergentBarrier(b, operation, place);
  }
  return b;
}

/// Wakes who waits, but for the running thread.
void open(Machine& m, Barrier& b) {
  const int firstWarp = current->block->firstThread >> 5;
  b.arrived = 0;
  b.turn++;
  for (int w = 0; w < m.blockWarps(); w++) {
    if (!b.waiting[w]) continue;
    m.wake(firstWarp + w, b.waiting[w]);
    b.waiting[w] = 0;
  }
}

inline void wait(Barrier& b, const char* operation, Place place) {
  Machine& m = Machine::here();
  if (++b.arrived == b.expected) return open(m, b);
  b.waiting[current->number >> 5] |= 1u << lane();
  m.park(operation, place);
}

}  // namespace

const Shown& show(uint32_t mask, uint64_t value, bool flag, const char* operation, Place place) {
  return arrive(mask, value, flag, nullptr, nullptr, operation, place);
}

void meet(uint32_t mask, void* argument, void (*act)(void* const*), const char* operation, Place place) {
  arrive(mask, 0, false, argument, act, operation, place);
}

/// A lane of this warp has ended: those that waited for it go on without it.
void Machine::settle(Warp& warp, int warpIndex) {
  const auto look = [&](Rendezvous& r) {
    if (r.arrived && r.arrived == (r.mask & ~warp.ended)) complete(*this, warp, warpIndex, r, 0);
  };
  look(warp.whole);
  for (const auto& r : warp.partial) look(*r);
}

void barrierSync(int id, int count, const char* operation, Place place) {
  wait(barrier(id, count, operation, place), operation, place);
}

void barrierArrive(int id, int count, const char* operation, Place place) {
  Barrier& b = barrier(id, count, operation, place);
  if (++b.arrived == b.expected) open(Machine::here(), b);
}

Votes barrierVote(bool flag, const char* operation, Place place) {
  Barrier& b = barrier(0, 0, operation, place);
  Votes& votes = b.votes[b.turn & 1];
  votes.count += flag ? 1 : 0;
  votes.total++;
  wait(b, operation, place);
  return votes;
}

void* sharedVariable(const void* key, size_t bytes, size_t alignment, const char* name) {
  Text problem;
  const size_t offset = Machine::here().shared().offsetOf(key, bytes, alignment, name, problem);
  if (!problem.empty()) fail(Place(), "%s", problem.chars);
  return current->block->shared + offset;
}

uint32_t sharedAddress(const void* p, size_t bytes, Place place) {
  const ptrdiff_t offset = Machine::here().shared().find(current->block->rank, p, bytes);
  if (offset < 0) fail(place, "%zu bytes at %p are not all in one variable of shared memory", bytes, p);
  return static_cast<uint32_t>(offset);
}

}  // namespace wg::emu
