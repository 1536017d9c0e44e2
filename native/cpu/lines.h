// Lines along any axis of several views at once, for kernels in which an element depends on the one before
// it: neighbouring lines are taken side by side where that reads memory in order.
#pragma once
#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

inline constexpr int64_t kLanes = 128;  ///< lines side by side; their states stay in the first-level cache

/// The lines of `kViews` views, whose shapes may differ along `axis` only.
template <int kViews>
struct Lines {
  Walk outer[kViews];      ///< the first elements of groups of lines
  int64_t along[kViews];   ///< bytes from one element of a line to the next
  int64_t across[kViews];  ///< bytes from one line of a group to the next
  int64_t length, width;   ///< elements of a line of views[0], lines of a group
  int64_t lanes;           ///< lines taken side by side
};

/// False, with the op failed, when the shapes do not relate so. The last view decides the order.
template <int kViews>
inline bool linesOf(Stream& s, const View* const (&views)[kViews], int32_t axis, Lines<kViews>& lines) {
  const View& x = *views[kViews - 1];
  bool fits = axis >= 0 && axis < x.rank;
  for (const View* v : views) {
    fits = fits && v->rank == x.rank;
    for (int i = 0; fits && i < x.rank; i++) fits = i == axis || v->shape[i] == x.shape[i];
  }
  if (!require(s, fits, "scan: shapes differ off the axis")) return false;
  const auto magnitude = [](int64_t v) { return v < 0 ? -v : v; };
  int inner = -1;
  for (int i = 0; i < x.rank; i++) {
    if (i == axis || x.shape[i] == 1) continue;
    if (inner < 0 || magnitude(x.stride[i]) <= magnitude(x.stride[inner])) inner = i;
  }
  lines.length = views[0]->shape[axis];
  lines.width = inner < 0 ? 1 : x.shape[inner];
  const bool sideways = inner >= 0 && magnitude(x.stride[inner]) < magnitude(x.stride[axis]);
  lines.lanes = sideways ? minOf(kLanes, lines.width) : 1;
  for (int k = 0; k < kViews; k++) {
    const View& v = *views[k];
    const int64_t item = itemBytes(v.dtype);
    int64_t shape[kMaxRank], stride[kMaxRank];
    int rank = 0;
    for (int i = 0; i < x.rank; i++) {
      if (i == axis || i == inner) continue;
      shape[rank] = v.shape[i];
      stride[rank++] = v.stride[i] * item;
    }
    lines.outer[k] = walkOf(v.data, item, rank, shape, stride);
    lines.along[k] = v.stride[axis] * item;
    lines.across[k] = inner < 0 ? 0 : v.stride[inner] * item;
  }
  return true;
}

/// run(pointers to the first line's first elements, number of lines side by side), for all lines.
template <int kViews, class Run>
inline void forEachLine(Stream& s, const Lines<kViews>& l, Run run) {
  const int64_t strips = l.lanes == 0 ? 0 : ceilDiv(l.width, l.lanes);
  const int64_t total = strips * l.outer[0].total;
  const int64_t perChunk = maxOf(1, kChunk / maxOf(1, l.length * l.lanes));
  const auto chunk = [&](int64_t c) __attribute__((noinline)) {
    for (int64_t t = c * perChunk, end = minOf(t + perChunk, total); t < end; t++) {
      const int64_t first = t % strips * l.lanes;
      char* start[kViews];
      for (int k = 0; k < kViews; k++) start[k] = at(l.outer[k], t / strips) + first * l.across[k];
      run(start, minOf(l.lanes, l.width - first));
    }
  };
  if (total <= perChunk) chunk(0);
  else parallelSweep(s, ceilDiv(total, perChunk), chunk);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
