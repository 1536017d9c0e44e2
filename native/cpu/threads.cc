#include "threads.h"

#if defined(__linux__)
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#endif
#include <thread>

namespace wg::cpu {

#if defined(__linux__)
namespace {

constexpr size_t kPath = 1024;

bool readText(const char* path, char* text, size_t size) {
  FILE* file = std::fopen(path, "re");
  if (!file) return false;
  const size_t length = std::fread(text, 1, size - 1, file);
  std::fclose(file);
  text[length] = 0;
  return length > 0;
}

int32_t quotaOf(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return INT32_MAX;
  const double cores = quota / period;
  return cores >= 1e6 ? INT32_MAX
                      : static_cast<int32_t>(cores) + (cores > static_cast<int32_t>(cores) ? 1 : 0);
}

/// "max 100000" or "200000 100000".
int32_t quotaV2(const char* folder) {
  char path[kPath + 32], text[64];
  std::snprintf(path, sizeof path, "%s/cpu.max", folder);
  double quota = 0, period = 0;
  if (!readText(path, text, sizeof text) || std::sscanf(text, "%lf %lf", &quota, &period) != 2)
    return INT32_MAX;
  return quotaOf(quota, period);
}

int32_t quotaV1(const char* folder) {
  char path[kPath + 32], quota[64], period[64];
  std::snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
  if (!readText(path, quota, sizeof quota)) return INT32_MAX;
  std::snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
  if (!readText(path, period, sizeof period)) return INT32_MAX;
  return quotaOf(std::atof(quota), std::atof(period));
}

/// The smallest quota from `group` up to the mount's root. In a container the group may be named as the host
/// sees it while the mount shows only our part: folders that do not exist count as no limit, the root is
/// always asked.
int32_t smallest(const char* mount, const char* group, int32_t (*quota)(const char*)) {
  char folder[kPath];
  if (std::snprintf(folder, sizeof folder, "%s%s", mount, group) >= static_cast<int>(sizeof folder))
    return quota(mount);
  const size_t root = std::strlen(mount);
  int32_t least = INT32_MAX;
  for (;;) {
    const int32_t here = quota(folder);
    if (here < least) least = here;
    char* slash = std::strrchr(folder, '/');
    if (!slash || static_cast<size_t>(slash - folder) < root) return least;
    *slash = 0;
  }
}

int32_t cgroupQuota() {
  char text[4096];
  if (!readText("/proc/self/cgroup", text, sizeof text)) return INT32_MAX;
  int32_t least = INT32_MAX;
  char* rest = nullptr;
  for (char* line = strtok_r(text, "\n", &rest); line; line = strtok_r(nullptr, "\n", &rest)) {
    char* controllers = std::strchr(line, ':');
    char* group = controllers ? std::strchr(controllers + 1, ':') : nullptr;
    if (!group) continue;
    *group++ = 0;
    ++controllers;
    int32_t here = INT32_MAX;
    if (*controllers == 0) {
      here = smallest("/sys/fs/cgroup", group, quotaV2);
    } else if (std::strcmp(controllers, "cpu") == 0 || std::strcmp(controllers, "cpu,cpuacct") == 0) {
      here = smallest("/sys/fs/cgroup/cpu", group, quotaV1);
    }
    if (here < least) least = here;
  }
  return least;
}

}  // namespace
#endif

int32_t availableThreads(int32_t most) {
  auto count = static_cast<int32_t>(std::thread::hardware_concurrency());
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) count = CPU_COUNT(&allowed);
  const int32_t quota = cgroupQuota();
  if (quota < count) count = quota;
#endif
  return count < 1 ? 1 : count > most ? most : count;
}

}  // namespace wg::cpu
