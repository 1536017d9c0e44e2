// Long rows: a radix sort from the least significant digit on, all rows at once. Each pass counts the digits
// of every tile of a row, sums the counts up over the tiles, and moves keys and places to where the sums say,
// in the order they had.
#include "sort_rows.h"

#include "keys.cuh"
#include "sort_short.h"
#include "wg/atomic.h"
#include "wg/bits.h"
#include "wg/block.h"
#include "wg/launch.h"

namespace wg::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;
constexpr int kDigits = 256;  // a thread each
/// Elements of a tile a thread moves; what it keeps of them has to fit into shared memory.
template <class K>
constexpr int kItems = sizeof(K) == 8 ? 8 : 16;
constexpr int64_t tileOf(int64_t item) { return kThreads * (item == 8 ? 8 : 16); }

template <class K>
struct Pass {
  const K* keys;
  const int32_t* places;
  K* toKeys;
  int32_t* toPlaces;
  uint32_t* counts;  ///< [rows, digits, tiles], then what stands before each
  uint32_t* totals;  ///< [rows, digits]
  uint32_t width, tiles;
  int32_t shift;
};

/// Keys and places of all rows of x. A thread an element.
template <class T>
WG_KERNEL(kThreads)
readKeys(Key<T>* keys, int32_t* places, const T* x, Offsets<1, uint64_t> rows, int64_t step,
         Divider<uint64_t> width, uint64_t total, Key<T> flip) {
  for (uint64_t e = blockIdx.x * uint64_t{kThreads} + threadIdx.x; e < total;
       e += uint64_t{gridDim.x} * kThreads) {
    const auto at = width.both(e);
    keys[e] = static_cast<Key<T>>(keyOf(x[rows(at.quotient)[0] + static_cast<int64_t>(at.remainder) * step]) ^
                                  flip);
    places[e] = static_cast<int32_t>(at.remainder);
  }
}

template <class K>
WG_KERNEL(kThreads)
countDigits(Pass<K> a) {
  WG_SHARED(uint32_t, counts, [kDigits]);
  const uint32_t tile = blockIdx.x % a.tiles;
  const uint64_t row = blockIdx.x / a.tiles;
  counts[threadIdx.x] = 0;
  syncBlock();
  const K* const keys = a.keys + row * a.width;
  const uint32_t first = tile * kThreads * kItems<K>;
  for (int r = 0; r < kItems<K>; r++) {
    const uint32_t i = first + static_cast<uint32_t>(r) * kThreads + threadIdx.x;
    if (i < a.width) atomicAdd(&counts[(keys[i] >> a.shift) & (kDigits - 1)], 1u);
  }
  syncBlock();
  a.counts[(row * kDigits + threadIdx.x) * a.tiles + tile] = counts[threadIdx.x];
}

/// A warp for each digit of each row. All lanes of it take part to the end.
WG_KERNEL(kThreads) sumDigits(uint32_t* counts, uint32_t* totals, uint32_t tiles) {
  constexpr int kEach = 4;
  const uint64_t digit = uint64_t{blockIdx.x} * kWarps + static_cast<uint64_t>(warpId());
  uint32_t* const own = counts + digit * tiles;
  uint32_t before = 0;
  for (uint32_t first = 0; first < tiles; first += kEach * kWarp) {
    uint32_t count[kEach];
    WG_UNROLL
    for (int k = 0; k < kEach; k++) {
      const uint32_t t = first + static_cast<uint32_t>(k * kWarp + laneId());
      count[k] = t < tiles ? own[t] : 0;
    }
    WG_UNROLL
    for (int k = 0; k < kEach; k++) {
      const uint32_t t = first + static_cast<uint32_t>(k * kWarp + laneId());
      const uint32_t upTo = warpScan(count[k], Add{});
      if (t < tiles) own[t] = before + upTo - count[k];
      before += shuffle(upTo, kWarp - 1);
    }
  }
  if (laneId() == 0) totals[digit] = before;
}

/// A block moves a tile. Each warp ranks its part of it, 32 neighbours at a time, so that equal digits keep
/// their order; the tile is sorted in shared memory first, so that neighbours are written to neighbours.
template <class K>
WG_KERNEL(kThreads)
moveByDigit(Pass<K> a) {
  constexpr int kEach = kItems<K>;
  WG_SHARED(K, keys, [kThreads * kEach]);
  WG_SHARED(int32_t, places, [kThreads * kEach]);
  WG_SHARED(uint32_t, ranks, [kWarps][kDigits]);
  WG_SHARED(uint32_t, starts, [kDigits]);  // of a digit within the tile
  WG_SHARED(uint32_t, goals, [kDigits]);   // what to add to a number within the tile
  const uint32_t tile = blockIdx.x % a.tiles;
  const uint64_t row = blockIdx.x / a.tiles;
  const uint32_t first = tile * kThreads * kEach;
  const uint32_t count = a.width - first < kThreads * kEach ? a.width - first : kThreads * kEach;
  const uint64_t base = row * a.width;
  const int warp = warpId();
  for (int w = 0; w < kWarps; w++) ranks[w][threadIdx.x] = 0;
  syncBlock();
  K key[kEach];
  int32_t place[kEach];
  uint32_t rank[kEach];
  const uint32_t own = static_cast<uint32_t>(warp * kWarp * kEach + laneId());
  WG_UNROLL
  for (int r = 0; r < kEach; r++) {
    const uint32_t i = own + static_cast<uint32_t>(r * kWarp);
    key[r] = i < count ? a.keys[base + first + i] : K(0);
    place[r] = i < count ? a.places[base + first + i] : 0;
  }
  WG_UNROLL
  for (int r = 0; r < kEach; r++) {
    const bool mine = own + static_cast<uint32_t>(r * kWarp) < count;
    const uint32_t digit = mine ? static_cast<uint32_t>((key[r] >> a.shift) & (kDigits - 1)) : kDigits;
    const uint32_t equals = matchLanes(digit);
    const int ahead = popCount(equals & ((1u << laneId()) - 1));
    const uint32_t before = mine ? ranks[warp][digit] : 0;
    __syncwarp();
    if (mine && ahead == 0) ranks[warp][digit] = before + static_cast<uint32_t>(popCount(equals));
    __syncwarp();
    rank[r] = before + static_cast<uint32_t>(ahead);
  }
  syncBlock();
  const uint32_t digit = threadIdx.x;
  uint32_t ofTile = 0;
  for (int w = 0; w < kWarps; w++) {
    const uint32_t ofWarp = ranks[w][digit];
    ranks[w][digit] = ofTile;
    ofTile += ofWarp;
  }
  const uint32_t start = blockScan(ofTile, 0u, Add{}).before;
  const uint32_t ofRow = blockScan(a.totals[row * kDigits + digit], 0u, Add{}).before;
  starts[digit] = start;
  goals[digit] = ofRow + a.counts[(row * kDigits + digit) * a.tiles + tile] - start;
  syncBlock();
  WG_UNROLL
  for (int r = 0; r < kEach; r++) {
    if (own + static_cast<uint32_t>(r * kWarp) >= count) continue;
    const uint32_t d = static_cast<uint32_t>((key[r] >> a.shift) & (kDigits - 1));
    const uint32_t to = starts[d] + ranks[warp][d] + rank[r];
    keys[to] = key[r];
    places[to] = place[r];
  }
  syncBlock();
  for (uint32_t i = threadIdx.x; i < count; i += kThreads) {
    const uint64_t to = base + goals[(keys[i] >> a.shift) & (kDigits - 1)] + i;
    a.toKeys[to] = keys[i];
    a.toPlaces[to] = places[i];
  }
}

/// The first elements of each row, a thread an element.
template <class W>
WG_KERNEL(kThreads)
writeSorted(W* values, int32_t* indices, const W* x, const int32_t* places, Offsets<3, uint64_t> rows,
            Divider<uint64_t> count, uint64_t total, uint64_t width, int64_t valueStep, int64_t indexStep,
            int64_t step) {
  for (uint64_t e = blockIdx.x * uint64_t{kThreads} + threadIdx.x; e < total;
       e += uint64_t{gridDim.x} * kThreads) {
    const auto at = count.both(e);
    const auto start = rows(at.quotient);
    const int64_t i = static_cast<int64_t>(at.remainder);
    const int32_t place = places[at.quotient * width + at.remainder];
    values[start[0] + i * valueStep] = x[start[2] + place * step];
    indices[start[1] + i * indexStep] = place;
  }
}

template <class K>
struct Sides {
  K* keys[2];
  int32_t* places[2];
  uint32_t *counts, *totals;
};
template <class K>
Sides<K> sidesOf(Room& room, int64_t rows, int64_t width) {
  const int64_t tiles = ceilDiv(width, tileOf(sizeof(K)));
  Sides<K> sides;
  for (int k = 0; k < 2; k++) {
    sides.keys[k] = room.take<K>(rows * width);
    sides.places[k] = room.take<int32_t>(rows * width);
  }
  sides.counts = room.take<uint32_t>(rows * kDigits * tiles);
  sides.totals = room.take<uint32_t>(rows * kDigits);
  return sides;
}

/// The places in the order of their keys.
template <class K>
const int32_t* sortKeys(Stream& s, const Sides<K>& sides, int64_t rows, int64_t width, int bits) {
  const int64_t tiles = ceilDiv(width, tileOf(sizeof(K)));
  const dim3 grid(static_cast<unsigned>(rows * tiles));
  int from = 0;
  for (int shift = 0; shift < bits && shift < static_cast<int>(sizeof(K)) * 8; shift += 8, from ^= 1) {
    const Pass<K> pass{sides.keys[from],
                       sides.places[from],
                       sides.keys[from ^ 1],
                       sides.places[from ^ 1],
                       sides.counts,
                       sides.totals,
                       static_cast<uint32_t>(width),
                       static_cast<uint32_t>(tiles),
                       shift};
    launch(s, countDigits<K>, grid, kThreads, 0, pass);
    launch(s, sumDigits, gridFor(rows * kDigits, kWarps), kThreads, 0, sides.counts, sides.totals,
           pass.tiles);
    launch(s, moveByDigit<K>, grid, kThreads, 0, pass);
  }
  return sides.places[from];
}

dim3 streamGrid(int64_t n) {
  return dim3(static_cast<unsigned>(minOf(ceilDiv(n, int64_t{kThreads}), int64_t{1} << 20)));
}

}  // namespace

size_t sortRowsBytes(int64_t rows, int64_t width, int64_t item) {
  if (width <= kShortRow) return 0;
  Room room;
  if (item == 8) sidesOf<uint64_t>(room, rows, width);
  else if (item == 4) sidesOf<uint32_t>(room, rows, width);
  else sidesOf<uint8_t>(room, rows, width);
  return room.used();
}

void sortRows(Stream& s, const View& values, const View& indices, const View& x, void* scratch,
              SortOptions options) {
  const int last = x.rank - 1;
  const int64_t width = x.shape[last], rows = numel(x) / width, count = values.shape[last];
  if (width <= kShortRow) return sortShortRows(s, values, indices, x, options.descending);
  const View heads[] = {leadingAxes(values, last), leadingAxes(indices, last), leadingAxes(x, last)};
  Room room(scratch);
  const int32_t* places = nullptr;
  withAny(s, x.dtype, "sort", [&]<class T>() {
    using K = Key<T>;
    const Sides<K> sides = sidesOf<K>(room, rows, width);
    launch(s, readKeys<T>, streamGrid(rows * width), kThreads, 0, sides.keys[0], sides.places[0],
           static_cast<const T*>(x.data), axesOf<1>({&heads[2]}).template offsets<uint64_t>(), x.stride[last],
           Divider<uint64_t>(static_cast<uint64_t>(width)), static_cast<uint64_t>(rows * width),
           options.descending ? static_cast<K>(~K(0)) : K(0));
    places = sortKeys<K>(s, sides, rows, width, options.bits);
  });
  withWord(x.dtype, [&]<class W>() {
    launch(s, writeSorted<W>, streamGrid(rows * count), kThreads, 0, static_cast<W*>(values.data),
           static_cast<int32_t*>(indices.data), static_cast<const W*>(x.data), places,
           axesOf<3>({&heads[0], &heads[1], &heads[2]}).template offsets<uint64_t>(),
           Divider<uint64_t>(static_cast<uint64_t>(count)), static_cast<uint64_t>(rows * count),
           static_cast<uint64_t>(width), values.stride[last], indices.stride[last], x.stride[last]);
  });
}

}  // namespace wg::cuda
