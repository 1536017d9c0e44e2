// The device's clock.
#pragma once
#include "base.h"

#ifndef __CUDACC__
#include <chrono>
#endif

namespace wg::cuda {

/// Nanoseconds, the same on all multiprocessors; it may move in steps of a microsecond (PTX ISA,
/// %globaltimer).
WG_DEV int64_t nanoseconds() {
#ifdef __CUDACC__
  int64_t now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
#else
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
#endif
}

}  // namespace wg::cuda
