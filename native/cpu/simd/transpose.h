// Transposing a block of as many rows and columns as a register has lanes, within registers: each of
// log2(lanes) rounds interleaves the first half of the registers with the second.
#pragma once
#include "shuffle.h"
#include "stream.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace simd {

/// out[i][j] = x[j][i] for i < rows, j < columns, both at most the lanes of T; strides in bytes, unit steps
/// along x's and out's rows.
template <bool kStream, class T>
WG_SIMD void transposeBlock(char* out, int64_t outStride, const char* x, int64_t xStride, int64_t rows,
                            int64_t columns) {
  using V = Vec<T>;
  constexpr int kLanes = V::kLanes;
  V v[kLanes], w[kLanes];
  const bool whole = rows == kLanes && columns == kLanes;
#pragma GCC unroll 16
  for (int j = 0; j < kLanes; j++) {
    const T* line = reinterpret_cast<const T*>(x + j * xStride);
    if (whole || (j < columns && rows == kLanes)) v[j] = load<V>(line);
    else v[j] = j < columns ? loadPart<V>(line, rows) : V(T(0));
  }
#pragma GCC unroll 4
  for (int width = 1; width < kLanes; width *= 2) {
#pragma GCC unroll 8
    for (int k = 0; k < kLanes / 2; k++) {
      w[2 * k] = interleave<false>(v[k], v[k + kLanes / 2]);
      w[2 * k + 1] = interleave<true>(v[k], v[k + kLanes / 2]);
    }
#pragma GCC unroll 16
    for (int k = 0; k < kLanes; k++) v[k] = w[k];
  }
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; i++) {
    T* line = reinterpret_cast<T*>(out + i * outStride);
    if (kStream) storeStreaming(line, v[i]);
    else if (whole || (i < rows && columns == kLanes)) store(line, v[i]);
    else if (i < rows) storePart(line, v[i], columns);
  }
}

}  // namespace simd
}  // namespace WG_ISA
}  // namespace wg::cpu
