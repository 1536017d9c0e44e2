// Blocks of a cluster: their barrier, and each other's shared memory.
#include "async.h"
#include "machine.h"

namespace wg::emu {

void clusterArrive(Place place) {
  Machine& m = Machine::here();
  Fiber& thread = Machine::self();
  if (thread.clusterArrived) fail(place, "clusterArrive again without a clusterWait");
  thread.clusterArrived = true;
  thread.clusterPhase = m.clusterBarrier().phase;
  ClusterBarrier& b = m.clusterBarrier();
  if (++b.arrived < m.residentThreads()) return;
  b.arrived = 0;
  b.phase++;
  for (Fiber* waiting : b.waiting) m.wake(*waiting);
  b.waiting.clear();
}

void clusterWait(Place place) {
  Machine& m = Machine::here();
  Fiber& thread = Machine::self();
  if (!thread.clusterArrived) fail(place, "clusterWait without a clusterArrive");
  ClusterBarrier& b = m.clusterBarrier();
  // Nobody can arrive for the next phase before this thread has waited for its own.
  if (thread.clusterPhase == b.phase) {
    b.waiting.push_back(&thread);
    m.park("clusterWait", place);
  }
  thread.clusterArrived = false;
}

void* clusterMap(const void* p, int rank, Place place) {
  Machine& m = Machine::here();
  SharedMemory& shared = m.shared();
  const ptrdiff_t offset = shared.find(current->block->rank, p, 1);
  if (offset < 0) fail(place, "%p is not in this block's shared memory", p);
  if (rank < 0 || rank >= m.residentCount())
    fail(place, "block %d of a cluster of %d", rank, m.residentCount());
  return shared.arena(rank) + offset;
}

}  // namespace wg::emu
