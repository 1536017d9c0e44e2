// Threads that share one row: neighbours within a warp, a whole block, or, where rows lie side by side in
// memory, one thread of every warp, so that a warp reads neighbouring rows together. Results combine in an
// order that depends on the team's size alone.
#pragma once
#include <type_traits>

#include "wg/block.h"

namespace wg::cuda {

/// Rows of a block when rows lie side by side, and how many threads share each at most.
inline constexpr int kRowsAcross = 32, kMostAcross = 16;

/// How the host has cut rows among threads.
struct TeamShape {
  int lanes;    ///< threads a row: a power of two; above 32 all threads of the block
  bool across;  ///< rows side by side: `lanes` warps, a row in each lane
  int threads;  ///< of a block
  int64_t rowsPerBlock() const { return across ? kRowsAcross : threads / lanes; }
};

inline int powerOf2(int64_t atLeast, int64_t most) {
  int64_t p = 1;
  while (p < atLeast && p < most) p *= 2;
  return static_cast<int>(p);
}

/// `perThread`: elements worth a thread. Short rows share a block, and small tensors make small blocks.
inline TeamShape teamOf(int64_t rows, int64_t width, int64_t perThread, int mostThreads, bool across) {
  if (across && rows > 1) {
    const int parts = powerOf2(width / (4 * perThread), mostThreads < 512 ? mostThreads / 32 : kMostAcross);
    return {parts, true, parts * kRowsAcross};
  }
  const int lanes = powerOf2((width + perThread - 1) / perThread, mostThreads);
  if (lanes > kWarp) return {lanes, false, lanes};
  const int64_t wanted = rows < 256 ? rows * lanes : 256;
  return {lanes, false, wanted >= 256 ? 256 : static_cast<int>((wanted + 31) / 32) * 32};
}

namespace detail {

/// A value of any size through a shuffle, word by word.
template <class S, class F>
WG_DEV S byWords(const S& value, F shuffleWord) {
  if constexpr (std::is_arithmetic_v<S>) {
    return shuffleWord(value);
  } else {
    using Word = std::conditional_t<sizeof(S) % 8 == 0, uint64_t, uint32_t>;
    static_assert(sizeof(S) % sizeof(Word) == 0);
    constexpr int kWords = static_cast<int>(sizeof(S) / sizeof(Word));
    Word words[kWords];
    __builtin_memcpy(words, &value, sizeof value);
    WG_UNROLL
    for (int i = 0; i < kWords; i++) words[i] = shuffleWord(words[i]);
    S result;
    __builtin_memcpy(&result, words, sizeof result);
    return result;
  }
}

}  // namespace detail

/// A thread's place in its team.
struct Team {
  int rank, size;
  bool across;

  WG_DEV explicit Team(int lanes, bool sideways) : size(lanes), across(sideways) {
    rank = sideways ? warpId() : static_cast<int>(threadIdx.x) & (lanes - 1);
  }
  /// The row of this thread, were blocks to take rows in order.
  WG_DEV int64_t row() const {
    if (across) return int64_t{blockIdx.x} * kRowsAcross + laneId();
    const unsigned lanes = static_cast<unsigned>(size);
    return int64_t{blockIdx.x} * (blockDim.x / lanes) + threadIdx.x / lanes;
  }

  /// combine(…) of the values of the team, in each of its threads. Every thread of the block has to call it.
  template <class S, class F>
  WG_DEV S reduce(S value, F combine) const {
    if (across) return reduceAcross(value, combine);
    for (int distance = (size < kWarp ? size : kWarp) / 2; distance > 0; distance /= 2) {
      const S other = detail::byWords(value, [&](auto word) { return shuffleXor(word, distance); });
      value = threadIdx.x & static_cast<unsigned>(distance) ? combine(other, value) : combine(value, other);
    }
    if (size <= kWarp) return value;
    WG_SHARED(S, partial, [32]);
    syncBlock();  // an earlier call may still be reading
    if (laneId() == 0) partial[warpId()] = value;
    syncBlock();
    // A power of two of warps: each halves them for itself, which saves a third barrier.
    const int warps = size / kWarp;
    value = partial[laneId() & (warps - 1)];
    for (int distance = warps / 2; distance > 0; distance /= 2) {
      const S other = detail::byWords(value, [&](auto word) { return shuffleXor(word, distance); });
      value = threadIdx.x & static_cast<unsigned>(distance) ? combine(other, value) : combine(value, other);
    }
    return value;
  }

  /// What a scan in the order of ranks tells a thread. Not for rows side by side.
  template <class S>
  struct Scanned {
    S before, total;
  };
  template <class S, class F>
  WG_DEV Scanned<S> scan(S value, S neutral, F combine) const {
    const int width = size < kWarp ? size : kWarp, place = static_cast<int>(threadIdx.x) & (width - 1);
    for (int distance = 1; distance < width; distance *= 2) {
      const S below = detail::byWords(value, [&](auto word) { return shuffleUp(word, distance, width); });
      if (place >= distance) value = combine(below, value);
    }
    S before = detail::byWords(value, [&](auto word) { return shuffleUp(word, 1, width); });
    if (place == 0) before = neutral;
    S total = detail::byWords(value, [&](auto word) { return shuffle(word, width - 1, width); });
    if (size <= kWarp) return {before, total};
    WG_SHARED(S, sums, [32]);
    syncBlock();
    if (laneId() == 0) sums[warpId()] = total;
    syncBlock();
    S ahead = neutral;
    total = neutral;
    for (int w = 0; w < size / kWarp; w++) {
      if (w == warpId()) ahead = total;
      total = combine(total, sums[w]);
    }
    return {combine(ahead, before), total};
  }

 private:
  template <class S, class F>
  WG_DEV S reduceAcross(S value, F combine) const {
    if (size == 1) return value;
    WG_SHARED(S, all, [kMostAcross][kRowsAcross]);
    syncBlock();
    all[rank][laneId()] = value;
    syncBlock();
    value = all[0][laneId()];
    for (int part = 1; part < size; part++) value = combine(value, all[part][laneId()]);
    return value;
  }
};

}  // namespace wg::cuda
