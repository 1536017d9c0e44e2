// What the lanes of a warp do together. A mask names the lanes that take part; every one of them has to
// come, or have ended.
#pragma once
#include "base.h"

namespace wg::cuda {

inline constexpr uint32_t kFullMask = 0xffffffffu;
inline constexpr int kWarp = 32;

/// Of a block that is one-dimensional in x.
WG_DEV int laneId() { return static_cast<int>(threadIdx.x & 31); }
WG_DEV int warpId() { return static_cast<int>(threadIdx.x >> 5); }

#ifndef __CUDACC__
namespace host {

template <class T>
uint64_t bits(T value) {
  static_assert(sizeof(T) <= 8);
  uint64_t b = 0;
  __builtin_memcpy(&b, &value, sizeof value);
  return b;
}

/// What lane `from` shows; poison when it does not take part.
template <class T>
T fromLane(uint32_t mask, T value, int from, const char* name, emu::Place place) {
  const emu::Shown& all = emu::show(mask, bits(value), false, name, place);
  const uint64_t b = all.lanes >> from & 1 ? all.values[from] : ~uint64_t{0};
  T result;
  __builtin_memcpy(&result, &b, sizeof result);
  return result;
}

}  // namespace host
#endif

// Lanes are counted within groups of `width` (2, 4, 8, 16 or 32); a lane whose source would lie outside its
// group keeps its own value.

/// The value of lane `from` of the group.
template <class T>
WG_DEV T shuffle(T value, int from, int width = kWarp, uint32_t mask = kFullMask WG_PLACE) {
#ifdef __CUDACC__
  return static_cast<T>(__shfl_sync(mask, value, from, width));
#else
  const int group = emu::lane() & ~(width - 1);
  return host::fromLane(mask, value, group | (from & (width - 1)), "shuffle", place);
#endif
}

/// The value of the lane `delta` below.
template <class T>
WG_DEV T shuffleUp(T value, int delta, int width = kWarp, uint32_t mask = kFullMask WG_PLACE) {
#ifdef __CUDACC__
  return static_cast<T>(__shfl_up_sync(mask, value, static_cast<unsigned>(delta), width));
#else
  const int lane = emu::lane(), within = lane & (width - 1);
  return host::fromLane(mask, value, within >= delta ? lane - delta : lane, "shuffleUp", place);
#endif
}

/// The value of the lane `delta` above.
template <class T>
WG_DEV T shuffleDown(T value, int delta, int width = kWarp, uint32_t mask = kFullMask WG_PLACE) {
#ifdef __CUDACC__
  return static_cast<T>(__shfl_down_sync(mask, value, static_cast<unsigned>(delta), width));
#else
  const int lane = emu::lane(), within = lane & (width - 1);
  return host::fromLane(mask, value, within + delta < width ? lane + delta : lane, "shuffleDown", place);
#endif
}

/// The value of the lane whose number differs in the bits of `bits`.
template <class T>
WG_DEV T shuffleXor(T value, int bits, uint32_t mask = kFullMask WG_PLACE) {
#ifdef __CUDACC__
  return static_cast<T>(__shfl_xor_sync(mask, value, bits));
#else
  return host::fromLane(mask, value, (emu::lane() ^ bits) & 31, "shuffleXor", place);
#endif
}

/// A bit for each lane whose flag is true.
WG_DEV uint32_t ballot(bool flag, uint32_t mask = kFullMask WG_PLACE) {
#ifdef __CUDACC__
  return __ballot_sync(mask, flag);
#else
  return emu::show(mask, 0, flag, "ballot", place).ballot;
#endif
}

WG_DEV bool anyLane(bool flag, uint32_t mask = kFullMask WG_PLACE) {
#ifdef __CUDACC__
  return __any_sync(mask, flag);
#else
  return emu::show(mask, 0, flag, "anyLane", place).ballot != 0;
#endif
}

WG_DEV bool allLanes(bool flag, uint32_t mask = kFullMask WG_PLACE) {
#ifdef __CUDACC__
  return __all_sync(mask, flag);
#else
  const emu::Shown& all = emu::show(mask, 0, flag, "allLanes", place);
  return all.ballot == all.lanes;
#endif
}

/// The lanes that hold the same value as this one.
template <class T>
WG_DEV uint32_t matchLanes(T value, uint32_t mask = kFullMask WG_PLACE) {
#ifdef __CUDACC__
  return __match_any_sync(mask, value);
#else
  const uint64_t mine = host::bits(value);
  const emu::Shown& all = emu::show(mask, mine, false, "matchLanes", place);
  uint32_t same = 0;
  for (int l = 0; l < 32; l++)
    if (all.lanes >> l & 1 && all.values[l] == mine) same |= 1u << l;
  return same;
#endif
}

struct Add {
  template <class T>
  WG_DEV T operator()(T a, T b) const {
    return a + b;
  }
};
struct Min {
  template <class T>
  WG_DEV T operator()(T a, T b) const {
    return b < a ? b : a;
  }
};
struct Max {
  template <class T>
  WG_DEV T operator()(T a, T b) const {
    return a < b ? b : a;
  }
};

/// combine(…) of the values of each group of `width` lanes, in every lane and in the same order.
template <class T, class F>
WG_DEV T warpReduce(T value, F combine, int width = kWarp, uint32_t mask = kFullMask WG_PLACE) {
  for (int distance = width / 2; distance > 0; distance /= 2) {
    const T other = shuffleXor(value, distance, mask WG_AT);
    // The lower lane's value first, so that both lanes of a pair find the same.
    value = threadIdx.x & static_cast<unsigned>(distance) ? combine(other, value) : combine(value, other);
  }
  return value;
}
template <class T>
WG_DEV T warpSum(T value, int width = kWarp, uint32_t mask = kFullMask WG_PLACE) {
  return warpReduce(value, Add{}, width, mask WG_AT);
}
template <class T>
WG_DEV T warpMax(T value, int width = kWarp, uint32_t mask = kFullMask WG_PLACE) {
  return warpReduce(value, Max{}, width, mask WG_AT);
}
template <class T>
WG_DEV T warpMin(T value, int width = kWarp, uint32_t mask = kFullMask WG_PLACE) {
  return warpReduce(value, Min{}, width, mask WG_AT);
}

/// combine(…) of the values of the lanes of the warp up to this one.
template <class T, class F>
WG_DEV T warpScan(T value, F combine, uint32_t mask = kFullMask WG_PLACE) {
  const int lane = static_cast<int>(threadIdx.x & 31);
  for (int distance = 1; distance < kWarp; distance *= 2) {
    const T below = shuffleUp(value, distance, kWarp, mask WG_AT);
    if (lane >= distance) value = combine(below, value);
  }
  return value;
}

/// One instruction for all lanes of the mask: the sum, minimum or maximum of 32-bit integers.
template <class T>
WG_DEV T reduxAdd(T value, uint32_t mask = kFullMask WG_PLACE) {
  static_assert(sizeof(T) == 4);
#ifdef __CUDACC__
  return __reduce_add_sync(mask, value);
#else
  const emu::Shown& all = emu::show(mask, host::bits(value), false, "reduxAdd", place);
  uint32_t sum = 0;
  for (int l = 0; l < 32; l++)
    if (all.lanes >> l & 1) sum += static_cast<uint32_t>(all.values[l]);
  return static_cast<T>(sum);
#endif
}
template <class T>
WG_DEV T reduxMax(T value, uint32_t mask = kFullMask WG_PLACE) {
  static_assert(sizeof(T) == 4);
#ifdef __CUDACC__
  return __reduce_max_sync(mask, value);
#else
  const emu::Shown& all = emu::show(mask, host::bits(value), false, "reduxMax", place);
  for (int l = 0; l < 32; l++)
    if (all.lanes >> l & 1) value = Max{}(value, static_cast<T>(all.values[l]));
  return value;
#endif
}
template <class T>
WG_DEV T reduxMin(T value, uint32_t mask = kFullMask WG_PLACE) {
  static_assert(sizeof(T) == 4);
#ifdef __CUDACC__
  return __reduce_min_sync(mask, value);
#else
  const emu::Shown& all = emu::show(mask, host::bits(value), false, "reduxMin", place);
  for (int l = 0; l < 32; l++)
    if (all.lanes >> l & 1) value = Min{}(value, static_cast<T>(all.values[l]));
  return value;
#endif
}

}  // namespace wg::cuda
