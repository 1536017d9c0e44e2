// Rows along the last axis, whatever the strides: for kernels that pass over a row several times.
#pragma once
#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// A view as rows of its last axis.
struct Rows {
  Walk start;  ///< the first elements of the rows
  int64_t count, width;
  int64_t step;  ///< bytes from one element of a row to the next
  int64_t item;
};

inline Rows rowsOf(const View& v) {
  Rows r;
  const int last = v.rank - 1;
  r.item = itemBytes(v.dtype);
  int64_t stride[kMaxRank] = {};
  for (int i = 0; i < last; i++) stride[i] = v.stride[i] * r.item;
  r.start = walkOf(v.data, r.item, last < 0 ? 0 : last, v.shape, stride);
  r.count = r.start.total;
  r.width = last < 0 ? 1 : v.shape[last];
  r.step = last < 0 || r.width == 1 ? r.item : v.stride[last] * r.item;
  return r;
}

/// Bytes from row i to the one `count` behind it, which may be asked for; 0 when there is none, or it is
/// scattered.
inline int64_t toNext(const Rows& r, int64_t i, int64_t count = 1) {
  return r.step == r.item && i + count < r.count ? at(r.start, i + count) - at(r.start, i) : 0;
}

/// Elements [i, i + n) of a row as contiguous memory: in place, or gathered into `stage`.
template <class T>
inline const T* readRow(const Rows& r, const char* row, int64_t i, int64_t n, T* stage) {
  if (r.step == r.item) return reinterpret_cast<const T*>(row) + i;
  gather(stage, Walk{const_cast<char*>(row) + i * r.step, r.item, n, 1, false, {n}, {r.step}}, 0, n);
  return stage;
}
/// Where to write elements [i, …) of a row; flushRow moves them there if they were staged.
template <class T>
inline T* writeRow(const Rows& r, char* row, int64_t i, T* stage) {
  return r.step == r.item ? reinterpret_cast<T*>(row) + i : stage;
}
template <class T>
inline void flushRow(const Rows& r, char* row, int64_t i, int64_t n, const T* stage) {
  if (r.step == r.item) return;
  scatter(Walk{row + i * r.step, r.item, n, 1, false, {n}, {r.step}}, stage, 0, n);
}

/// Elements staged at a time; rows that are contiguous are taken in the same blocks, so results do not depend
/// on layout.
inline constexpr int64_t kRowBlock = 1024;

/// f(row number) for all rows, in chunks of about kChunk elements.
template <class F>
inline void forEachRow(Stream& s, int64_t rows, int64_t width, F f) {
  const int64_t perChunk = maxOf(1, kChunk / maxOf(1, width));
  const auto chunk = [&](int64_t c) __attribute__((noinline)) {
    for (int64_t i = c * perChunk, end = minOf(i + perChunk, rows); i < end; i++) f(i);
  };
  if (rows <= perChunk) chunk(0);
  else parallelSweep(s, ceilDiv(rows, perChunk), chunk);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
