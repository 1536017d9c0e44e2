#include "host_memory.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <malloc.h>
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#endif

namespace wg {

#if defined(_WIN32)

void* allocateHost(size_t bytes) { return _aligned_malloc(bytes, 64); }

void releaseHost(void* data, size_t) { _aligned_free(data); }

int64_t hostMemoryLimit() {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  if (!GlobalMemoryStatusEx(&status)) return 0;
  const auto limit = static_cast<int64_t>(status.ullTotalPhys);
  return limit - limit / 8;
}

#else

namespace {

constexpr size_t kHugePage = size_t{2} << 20;

int64_t readNumber(const char* path) {
  std::FILE* file = std::fopen(path, "r");
  if (!file) return 0;
  long long value = 0;
  const bool ok = std::fscanf(file, "%lld", &value) == 1;  // "max" reads as no limit
  std::fclose(file);
  return ok && value > 0 ? value : 0;
}

}  // namespace

void* allocateHost(size_t bytes) {
  const bool huge = bytes >= kHugePage;
  const size_t alignment = huge ? kHugePage : 64;
  void* data = nullptr;
  if (posix_memalign(&data, alignment, (bytes + alignment - 1) / alignment * alignment)) return nullptr;
#ifdef MADV_HUGEPAGE
  if (huge) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return data;
}

void releaseHost(void* data, size_t) { std::free(data); }

int64_t hostMemoryLimit() {
  int64_t limit = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"})
    if (const int64_t bytes = readNumber(path)) limit = std::min(limit, bytes);
  return limit - limit / 8;
}

#endif

}  // namespace wg
