#include "placement.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace wg::cpu {

#if defined(__linux__)

int32_t currentCore() { return sched_getcpu(); }

void leaveCore(int32_t core) {
  cpu_set_t allowed;
  if (core < 0 || core >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  cpu_set_t others = allowed;
  CPU_CLR(core, &others);
  // The kernel moves a thread that may no longer run where it is, before the call returns.
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof allowed, &allowed);
}

#else

int32_t currentCore() { return -1; }
void leaveCore(int32_t) {}

#endif

}  // namespace wg::cpu
