// How many threads this process may really use.
#pragma once
#include <cstdint>

namespace wg::cpu {

/// The smaller of the affinity mask and the cgroup CPU quota (v1 or v2, every level above us; a broken number
/// counts up), within [1, most].
int32_t availableThreads(int32_t most);

}  // namespace wg::cpu
