// Rows taken several at a time by kernels that pass over a row more than once.
#pragma once
#include "rows.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Rows that pass a kernel's loops together: while the last numbers of one are folded, the next one's
/// elements come. Few enough to stay in the first-level cache from one loop to the next.
inline constexpr int64_t kTogether = 8;
inline int64_t rowsTogether(int64_t width, int64_t item) {
  return maxOf(1, minOf(kTogether, 8192 / maxOf(1, width * item)));
}

/// f(first row, how many) for all rows by at most `group`, in chunks of about kChunk elements.
template <class F>
inline void forEachRows(Stream& s, int64_t rows, int64_t width, int64_t group, F f) {
  const int64_t perChunk = maxOf(1, kChunk / maxOf(1, width));
  const auto chunk = [&](int64_t c) __attribute__((noinline)) {
    for (int64_t i = c * perChunk, end = minOf(i + perChunk, rows); i < end; i += group)
      f(i, minOf(group, end - i));
  };
  if (rows <= perChunk) chunk(0);
  else parallelSweep(s, ceilDiv(rows, perChunk), chunk);
}
}  // namespace WG_ISA
}  // namespace wg::cpu
