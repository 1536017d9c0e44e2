// Reading and writing any strided view in logical (row-major) order, a block at a time: how kernels whose
// inner loop wants contiguous memory take every layout.
#pragma once
#include "kernel.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// A view with its mergeable axes merged and its axes of size 1 dropped; strides in bytes.
struct Walk {
  char* data;
  int64_t item;  ///< bytes an element
  int64_t total;
  int32_t rank;
  bool direct;  ///< contiguous: element i lies at data + i * item
  int64_t shape[kMaxRank];
  int64_t stride[kMaxRank];
};

Walk walkOf(const View& v);
/// The same over given axes; strides in bytes.
Walk walkOf(void* data, int64_t item, int32_t rank, const int64_t* shape, const int64_t* stride);

/// Copies n elements from logical position `start` to contiguous memory, and back.
void gather(void* to, const Walk& from, int64_t start, int64_t n);
void scatter(const Walk& to, const void* from, int64_t start, int64_t n);

/// Where element `i` lies.
inline char* at(const Walk& w, int64_t i) {
  char* p = w.data;
  for (int k = w.rank - 1; k > 0; k--) {
    p += (i % w.shape[k]) * w.stride[k];
    i /= w.shape[k];
  }
  return w.rank > 0 ? p + i * w.stride[0] : p;
}

/// Calls f(pointer, step, offset, count) for each run of the innermost axis within
/// [start, start + n).
template <class F>
inline void forEachRun(const Walk& w, int64_t start, int64_t n, F f) {
  if (n <= 0 || w.total == 0) return;  // an axis of size 0 has no positions to divide by
  if (w.rank == 0) {
    if (n > 0) f(w.data, w.item, 0, n);
    return;
  }
  const int last = w.rank - 1;
  int64_t index[kMaxRank];
  int64_t rest = start;
  char* row = w.data;
  for (int k = last; k >= 0; k--) {
    index[k] = k > 0 ? rest % w.shape[k] : rest;
    rest = k > 0 ? rest / w.shape[k] : 0;
    if (k < last) row += index[k] * w.stride[k];
  }
  for (int64_t done = 0; done < n;) {
    const int64_t run = minOf(w.shape[last] - index[last], n - done);
    f(row + index[last] * w.stride[last], w.stride[last], done, run);
    done += run;
    index[last] = 0;
    for (int k = last - 1; k >= 0; k--) {
      row += w.stride[k];
      if (++index[k] < w.shape[k]) break;
      row -= w.shape[k] * w.stride[k];
      index[k] = 0;
    }
  }
}

/// Repeats the element at `value` n times.
void fillBlock(void* to, const void* value, int64_t item, int64_t n);

/// Elements a chunk of elementwise work holds. Fixed: chunk boundaries may depend on shapes only.
inline constexpr int64_t kChunk = 32768;
/// Bytes of a staging buffer: with four of them a block stays in the first-level cache.
inline constexpr int64_t kStageBytes = 4096;

}  // namespace WG_ISA
}  // namespace wg::cpu
