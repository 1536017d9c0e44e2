// Rows along the last axis of several views, for kernels that need a row as a whole. Contiguous rows that
// fit are kept in registers between the passes over them; all others are read again for each pass.
#pragma once
#include "../ops/checks.h"
#include "team.cuh"
#include "wg/index.h"
#include "wg/launch.h"
#include "wg/vector.h"

namespace wg::cuda {

/// Where the rows of N views begin, and how their elements follow; every view has as many rows.
template <int N>
struct Rows {
  Offsets<N, uint64_t> starts;
  int64_t step[N];
  int64_t rows, width;
  bool contiguous;  ///< elements follow each other in the first `wide` views
  bool packed;      ///< and 16 bytes of them may be moved at once
  bool across;      ///< views[0]'s rows lie closer than the elements of a row
};

/// The first `wide` views have rows of one width; the others hold one number for each row and lack the last
/// axis.
template <int N>
Rows<N> rowsOf(const View* const (&views)[N], int wide = N) {
  const View& first = *views[0];
  const int last = first.rank - 1;
  Rows<N> r;
  View starts[N];
  const View* each[N];
  r.width = last < 0 ? 1 : first.shape[last];
  r.contiguous = true;
  for (int k = 0; k < N; k++) {
    starts[k] = *views[k];
    each[k] = &starts[k];
    r.step[k] = 0;
    if (k >= wide) continue;
    r.step[k] = r.width <= 1 ? 1 : views[k]->stride[last];
    r.contiguous = r.contiguous && r.step[k] == 1;
    if (last >= 0) starts[k].rank = last;
  }
  const Axes<N> axes = axesOf<N>(each);
  r.starts = axes.template offsets<uint64_t>();
  r.rows = axes.total;
  const int64_t count = 16 / itemBytes(first.dtype);
  r.packed = r.contiguous && r.width % count == 0;
  for (int k = 0; k < wide; k++) {
    r.packed = r.packed && aligned16(views[k]->data);
    for (int a = 0; a < axes.rank; a++) r.packed = r.packed && axes.stride[a][k] % count == 0;
  }
  const auto magnitude = [](int64_t x) { return x < 0 ? -x : x; };
  r.across = axes.rank > 0 && r.width > 1 && magnitude(axes.stride[0][0]) < magnitude(r.step[0]);
  return r;
}

/// Elements that a thread keeps of a row in registers: 64 bytes.
template <class T>
inline constexpr int kResident = static_cast<int>(64 / sizeof(T));
inline constexpr int kMostResidentThreads = 512;

template <class T, int N>
bool fitsRegisters(const Rows<N>& r) {
  return r.contiguous && r.width <= int64_t{kResident<T>} * kMostResidentThreads;
}

/// Threads for rows in registers: `pack` elements move at once.
template <class T, int N>
TeamShape residentTeam(const Rows<N>& r, int pack) {
  const bool many = r.rows >= 2048;
  // With many rows there is enough to do at once; with few, more threads hide the latency.
  const int64_t each = many || r.width > int64_t{256} * pack ? kResident<T> : pack;
  return teamOf(r.rows, r.width, each, kMostResidentThreads, false);
}
template <class T, int N>
TeamShape streamedTeam(const Rows<N>& r) {
  const int64_t each = r.packed ? kPackCount<T> : 1;
  return teamOf(r.rows, r.width, 4 * each, 512, r.across);
}

inline dim3 gridOf(int64_t rows, const TeamShape& team) {
  return dim3(static_cast<unsigned>(wg::ceilDiv(rows, team.rowsPerBlock())));
}
inline dim3 blockOf(const TeamShape& team) { return dim3(static_cast<unsigned>(team.threads)); }

/// A thread's part of a row in registers: packs of `kPack` elements, a team's packs after each other.
template <class T, int kPack>
struct Resident {
  static constexpr int kPacks = kResident<T> / kPack;
  Pack<T, kPack> pack[kPacks];

  /// Where a thread's packs are, and which of them the row has.
  static WG_DEV int at(const Team& team, int p) { return (team.rank + p * team.size) * kPack; }

  WG_DEV void load(const T* row, const Team& team, int width) {
    WG_UNROLL
    for (int p = 0; p < kPacks; p++)
      pack[p] = at(team, p) < width ? cuda::load<Pack<T, kPack>>(row + at(team, p)) : Pack<T, kPack>{};
  }
  WG_DEV void store(T* row, const Team& team, int width) const {
    WG_UNROLL
    for (int p = 0; p < kPacks; p++)
      if (at(team, p) < width) cuda::store(row + at(team, p), pack[p]);
  }
  /// f(element) for those that the row has.
  template <class F>
  WG_DEV void each(const Team& team, int width, F f) {
    WG_UNROLL
    for (int p = 0; p < kPacks; p++) {
      if (at(team, p) >= width) continue;
      WG_UNROLL
      for (int k = 0; k < kPack; k++) f(pack[p][k]);
    }
  }
  /// f(element, the other's element there).
  template <class F>
  WG_DEV void with(const Resident& other, const Team& team, int width, F f) {
    WG_UNROLL
    for (int p = 0; p < kPacks; p++) {
      if (at(team, p) >= width) continue;
      WG_UNROLL
      for (int k = 0; k < kPack; k++) f(pack[p][k], other.pack[p][k]);
    }
  }
};

/// f(values, the first one's place) for a thread's elements of a row in memory: packs, or one at a time.
template <class T, class F>
WG_DEV void eachRun(const T* row, int64_t step, int64_t width, bool packed, const Team& team, F f) {
  constexpr int kCount = kPackCount<T>;
  if (packed) {
    for (int64_t i = int64_t{team.rank} * kCount; i < width; i += int64_t{team.size} * kCount) {
      const auto pack = load<Pack16<T>>(row + i);
      f(pack, i);
    }
  } else {
    for (int64_t i = team.rank; i < width; i += team.size) f(Pack<T, 1>{{row[i * step]}}, i);
  }
}
/// The same elements of another row, and to one.
template <class P, class T>
WG_DEV void getRun(const T* row, int64_t step, int64_t i, P& values) {
  if constexpr (P::kCount > 1) values = load<P>(row + i);
  else values[0] = row[i * step];
}
template <class P, class T>
WG_DEV void putRun(T* row, int64_t step, int64_t i, const P& values) {
  if constexpr (P::kCount > 1) store(row + i, values);
  else row[i * step] = values[0];
}

}  // namespace wg::cuda
