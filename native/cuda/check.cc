#include "check.h"

#include <cstdio>

namespace wg::cuda {

bool endsContext(cudaError_t result) {
  const int code = static_cast<int>(result);
  // Uncorrectable memory errors; illegal address, time-out, destroyed context, assertion; and what a kernel
  // does to end itself.
  return code == 214 || code == 700 || code == 702 || code == 709 || code == 710 ||
         (code >= 714 && code <= 719);
}

bool check(Stream& s, cudaError_t result) {
  if (result == cudaSuccess) return true;
  cudaGetLastError();  // so that the next launch does not report it as its own
  auto expected = static_cast<int32_t>(Code::ok);
  const Code code = endsContext(result)                   ? Code::deviceLost
                    : result == cudaErrorMemoryAllocation ? Code::outOfMemory
                                                          : Code::unsupported;
  if (s.status->code.compare_exchange_strong(expected, static_cast<int32_t>(code)))
    std::snprintf(s.status->message, sizeof s.status->message, "%s: %s", cudaGetErrorName(result),
                  cudaGetErrorString(result));
  return false;
}

}  // namespace wg::cuda
