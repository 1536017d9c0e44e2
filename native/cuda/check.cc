#include "check.h"

#include <cstdio>

namespace wg::cuda {

bool check(Stream& s, cudaError_t result) {
  if (result == cudaSuccess) return true;
  auto expected = static_cast<int32_t>(Code::ok);
  // A failed launch or copy leaves the context unusable, so nothing on this device can be trusted any more.
  if (s.status->code.compare_exchange_strong(expected, static_cast<int32_t>(Code::deviceLost)))
    std::snprintf(s.status->message, sizeof s.status->message, "%s: %s", cudaGetErrorName(result),
                  cudaGetErrorString(result));
  return false;
}

}  // namespace wg::cuda
