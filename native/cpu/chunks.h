// Chunks of work that may be too little to wake anybody for.
#pragma once
#include "kernel.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Multiply-adds of some 5 us (float32, AVX-512 on Zen 4).
inline constexpr double kSerialWork = 1 << 18;

/// Chunks of `work` multiply-adds together: little work stays on the caller, in order.
template <class Body>
inline void forChunks(Stream& s, int64_t chunks, double work, Body&& body) {
  if (work > kSerialWork) return parallelFor(s, chunks, body);
  for (int64_t c = 0; c < chunks; ++c) body(c);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
