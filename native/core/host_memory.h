// Memory of the host, as the backends that compute there allocate it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace wg {

/// 64-byte aligned; from 2 MiB on aligned to and advised for huge pages. Null when exhausted.
void* allocateHost(size_t bytes);
void releaseHost(void* data, size_t bytes);

/// What this process may use: the smaller of RAM and the cgroup's limit, less an eighth kept for everything
/// else.
int64_t hostMemoryLimit();

}  // namespace wg
