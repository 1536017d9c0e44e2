// Several views of one shape walked together, row by row of the innermost axis they share.
#pragma once
#include "labels.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// N views of one shape, neighbouring axes merged where all of them can; strides in bytes, rank at least 1.
template <int N>
struct Lanes {
  int32_t rank;
  int64_t total;
  int64_t shape[kMaxRank];
  char* data[N];
  int64_t stride[N][kMaxRank];
};

/// One of the views: where it starts and its strides in elements of `item` bytes.
struct Lane {
  char* data;
  int64_t item;
  const int64_t* stride;
};
inline Lane laneOf(const View& v) { return {static_cast<char*>(v.data), itemBytes(v.dtype), v.stride}; }

template <int N>
inline Lanes<N> lanesOf(int32_t rank, const int64_t* shape, const Lane (&lanes)[N]) {
  Lanes<N> l;
  l.total = 1;
  l.rank = 0;
  for (int j = 0; j < N; j++) l.data[j] = lanes[j].data;
  for (int i = 0; i < rank; i++) {
    l.total *= shape[i];
    if (shape[i] == 1) continue;
    bool merges = l.rank > 0;
    for (int j = 0; merges && j < N; j++)
      merges = l.stride[j][l.rank - 1] == shape[i] * lanes[j].stride[i] * lanes[j].item;
    if (!merges) l.shape[l.rank++] = 1;
    l.shape[l.rank - 1] *= shape[i];
    for (int j = 0; j < N; j++) l.stride[j][l.rank - 1] = lanes[j].stride[i] * lanes[j].item;
  }
  if (l.rank == 0) {
    l.rank = 1;
    l.shape[0] = 1;
    for (int j = 0; j < N; j++) l.stride[j][0] = 0;
  }
  return l;
}

/// f(pointers, steps in bytes, count) for each run of the innermost axis within [begin, end).
template <int N, class F>
inline void forEachRow(const Lanes<N>& l, int64_t begin, int64_t end, F f) {
  if (begin >= end) return;  // an axis of size 0 has no positions to divide by
  const int last = l.rank - 1;
  int64_t index[kMaxRank], step[N], rest = begin;
  char* row[N];
  for (int j = 0; j < N; j++) {
    row[j] = l.data[j];
    step[j] = l.stride[j][last];
  }
  for (int k = last; k >= 0; k--) {
    index[k] = k > 0 ? rest % l.shape[k] : rest;
    rest = k > 0 ? rest / l.shape[k] : 0;
    for (int j = 0; k < last && j < N; j++) row[j] += index[k] * l.stride[j][k];
  }
  for (int64_t i = begin; i < end;) {
    const int64_t n = minOf(l.shape[last] - index[last], end - i);
    char* p[N];
    for (int j = 0; j < N; j++) p[j] = row[j] + index[last] * step[j];
    f(p, step, n);
    i += n;
    index[last] = 0;
    for (int k = last - 1; k >= 0; k--) {
      for (int j = 0; j < N; j++) row[j] += l.stride[j][k];
      if (++index[k] < l.shape[k]) break;
      for (int j = 0; j < N; j++) row[j] -= l.shape[k] * l.stride[j][k];
      index[k] = 0;
    }
  }
}

/// Indices are read this many at a time, whatever their dtype, so that loops over them need no copy per
/// dtype.
inline constexpr int64_t kIndexBlock = 256;

template <class T>
inline void widen(int64_t* to, const char* p, int64_t step, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    T v;
    __builtin_memcpy(&v, p + i * step, sizeof v);
    to[i] = v;
  }
}
inline void readIndices(int64_t* to, const char* p, int64_t step, DType dtype, int64_t n) {
  if (dtype == DType::i64) widen<int64_t>(to, p, step, n);
  else if (dtype == DType::i32) widen<int32_t>(to, p, step, n);
  else widen<uint8_t>(to, p, step, n);
}

/// Position of the first index outside [0, size), or -1.
inline int64_t firstOutside(const int64_t* index, int64_t n, int64_t size) {
  uint64_t outside = 0;
  for (int64_t i = 0; i < n; i++)
    outside |= static_cast<uint64_t>(index[i] < 0) | static_cast<uint64_t>(index[i] >= size);
  if (outside == 0) return -1;
  int64_t i = 0;
  while (index[i] >= 0 && index[i] < size) i++;
  return i;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
