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
    parallelSweep(s, start[n], [&](int64_t chunk) {
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

/// body(pointers, count) over [first, first + n) of tensors of one shape, whole when contiguous, else in
/// staged blocks; the pointer of a null tensor is null. The second tensor is only read.
template <class T, int N, class F>
inline void overBlocks(const View* const (&tensors)[N], int64_t first, int64_t n, F body) {
  Block<T> block[N];
  bool direct = true;
  for (int k = 0; k < N; k++) {
    if (tensors[k] == nullptr) continue;
    block[k].walk = walkOf(*tensors[k]);
    direct = direct && block[k].walk.direct;
  }
  const int64_t size = direct ? n : kStageBytes / static_cast<int64_t>(sizeof(T));
  for (int64_t i = 0; i < n; i += size) {
    const int64_t count = minOf(size, n - i);
    T* pointer[N] = {};
    for (int k = 0; k < N; k++) {
      if (tensors[k] != nullptr) pointer[k] = block[k].read(first + i, count);
    }
    body(static_cast<T* const*>(pointer), count);
    for (int k = 0; k < N; k++) {
      if (tensors[k] != nullptr && k != 1) block[k].write(first + i, count);
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
