// Counting bits.
#pragma once
#include "base.h"

namespace wg::cuda {

WG_DEV int popCount(uint32_t bits) {
#ifdef __CUDACC__
  return __popc(bits);
#else
  return __builtin_popcount(bits);
#endif
}

}  // namespace wg::cuda
