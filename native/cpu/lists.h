// Multi-tensor kernels: the elements of a list of tensors cut into chunks of fixed size, so that many small
// parameters and one large one spread over threads alike.
#pragma once
#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

inline constexpr int64_t kListBatch = 256;  ///< tensors whose chunk counts fit on the stack
inline constexpr int64_t kListChunk = 32768;

/// The i-th tensors of several lists agree in shape and dtype, and the dtype is a float.
inline bool listsAgree(Stream& s, const char* message, int64_t count, const View* a, const View* b) {
  for (int64_t i = 0; i < count; i++) {
    const bool isFloat = a[i].dtype == DType::f32 || a[i].dtype == DType::f64;
    if (!require(s, isFloat && sameShape(a[i], b[i]) && a[i].dtype == b[i].dtype, message)) return false;
  }
  return true;
}

/// f(tensor, first element, count) over all elements of all tensors.
template <class F>
inline void forEachListChunk(Stream& s, const View* items, int64_t count, F f) {
  int64_t total = 0;
  for (int64_t i = 0; i < count; i++) total += numel(items[i]);
  if (total <= kListChunk) {
    for (int64_t i = 0; i < count; i++) f(i, 0, numel(items[i]));
    return;
  }
  for (int64_t base = 0; base < count; base += kListBatch) {
    const int64_t n = minOf(kListBatch, count - base);
    int64_t start[kListBatch + 1];
    start[0] = 0;
    for (int64_t i = 0; i < n; i++) start[i + 1] = start[i] + ceilDiv(numel(items[base + i]), kListChunk);
    parallelFor(s, start[n], [&](int64_t chunk) {
      int64_t low = 0, high = n;
      while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (start[middle] <= chunk) low = middle;
        else high = middle;
      }
      const int64_t first = (chunk - start[low]) * kListChunk;
      f(base + low, first, minOf(kListChunk, numel(items[base + low]) - first));
    });
  }
}

/// A tensor's elements as contiguous memory, block by block: in place, or gathered and put back.
template <class T>
struct Block {
  Walk walk;
  alignas(64) T stage[kStageBytes / sizeof(T)];

  T* read(int64_t i, int64_t n) {
    if (walk.direct) return reinterpret_cast<T*>(walk.data) + i;
    gather(stage, walk, i, n);
    return stage;
  }
  void write(int64_t i, int64_t n) {
    if (!walk.direct) scatter(walk, stage, i, n);
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
