// Runs of equal elements, binary search and histograms.
#include "../ops/rows/sort.h"
#include "keys.cuh"
#include "prefix.cuh"
#include "prototype.h"
#include "views.h"
#include "wg/atomic.h"
#include "wg/error.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_SORT_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = kPrefixThreads, kEach = 8;
constexpr int64_t kTile = kThreads * kEach;

/// A vector of int32 or int64.
struct Places {
  void* data;
  int64_t step;
  bool wide;
  WG_DEV void set(int64_t i, int64_t value) const {
    if (wide) static_cast<int64_t*>(data)[i * step] = value;
    else static_cast<int32_t*>(data)[i * step] = static_cast<int32_t>(value);
  }
  WG_DEV int64_t get(int64_t i) const {
    return wide ? static_cast<const int64_t*>(data)[i * step] : static_cast<const int32_t*>(data)[i * step];
  }
};
bool isPlace(DType t) { return t == DType::i32 || t == DType::i64; }
Places placesOf(const View& v) {
  return {v.data, v.rank > 0 ? v.stride[v.rank - 1] : 0, v.dtype == DType::i64};
}

template <class T>
struct Line {
  const T* x;
  int64_t step, count;
  /// Whether a run begins at i.
  WG_DEV bool head(int64_t i) const { return i < count && (i == 0 || x[i * step] != x[(i - 1) * step]); }
};

template <class T>
WG_KERNEL(kThreads)
countHeads(int64_t* sums, Line<T> line) {
  int64_t n = 0;
  for (int k = 0; k < kEach; k++) n += line.head(blockIdx.x * kTile + k * kThreads + threadIdx.x) ? 1 : 0;
  n = blockSum(n);
  if (threadIdx.x == 0) sums[blockIdx.x] = n;
}

WG_KERNEL(kThreads) placeTiles(int64_t* sums, int64_t tiles, int64_t* total) {
  const int64_t n = prefixInPlace(sums, 1, tiles);
  if (threadIdx.x == 0) *total = n;
}

/// starts[run], values[run] and the run of each element.
template <class T>
WG_KERNEL(kThreads)
writeRuns(int32_t* starts, T* values, int64_t valueStep, int64_t room, Places inverse, const int64_t* sums,
          Line<T> line, const int32_t* order, int64_t orderStep, ErrorCell* cell) {
  int64_t before = sums[blockIdx.x];
  for (int k = 0; k < kEach; k++) {
    const int64_t i = blockIdx.x * kTile + k * kThreads + threadIdx.x;
    const bool head = line.head(i);
    const auto scanned = blockScan(head ? 1 : 0, 0, Add{});
    const int64_t run = before + scanned.before + (head ? 1 : 0) - 1;
    before += scanned.total;
    if (i >= line.count) continue;
    if (head) {
      starts[run] = static_cast<int32_t>(i);
      if (run < room) values[run * valueStep] = line.x[i * line.step];
    }
    const int64_t place = order ? order[i * orderStep] : i;
    if (place < 0 || place >= line.count) raise(cell, place);
    else inverse.set(place, run);
  }
}

WG_KERNEL(kThreads)
writeCounts(Places counts, int64_t room, const int32_t* starts, const int64_t* sums, int64_t tiles,
            int64_t n) {
  const int64_t run = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, runs = sums[tiles];
  if (run >= room || run >= runs) return;
  counts.set(run, (run + 1 < runs ? starts[run + 1] : n) - starts[run]);
}

struct Memory {
  int64_t* sums;
  int32_t* starts;
  size_t bytes;
};
Memory memoryOf(void* scratch, int64_t n) {
  Room room(scratch);
  Memory m;
  m.sums = room.take<int64_t>(ceilDiv(n, kTile) + 1);
  m.starts = room.take<int32_t>(n);
  m.bytes = room.used();
  return m;
}

template <class T>
struct Search {
  const T *x, *sorted;
  Places out, sorter;         ///< without data: not given
  Offsets<4, uint64_t> rows;  ///< of out, x, sorted and sorter
  int64_t step[2];            ///< of x and sorted
  Divider<uint64_t> width;
  uint64_t total;
  int64_t length;
  bool right;
  ErrorCell* cell;
};

/// A thread an element: the first position whose element is not below (right: is above) it; NaN is above
/// everything.
template <class T>
WG_KERNEL(kThreads)
searchRows(Search<T> a) {
  const uint64_t e = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (e >= a.total) return;
  const auto at = a.width.both(e);
  const auto row = a.rows(at.quotient);
  const int64_t i = static_cast<int64_t>(at.remainder);
  const T value = a.x[row[1] + i * a.step[0]];
  Places sorter = a.sorter, out = a.out;
  const int64_t item = a.sorter.wide ? 8 : 4;
  sorter.data = static_cast<char*>(sorter.data) + (sorter.data ? row[3] * item : 0);
  out.data = static_cast<char*>(out.data) + row[0] * (out.wide ? 8 : 4);
  int64_t low = 0, high = a.length;
  while (low < high) {
    const int64_t middle = (low + high) / 2, place = sorter.data ? sorter.get(middle) : middle;
    if (place < 0 || place >= a.length) return raise(a.cell, 0);
    const T own = a.sorted[row[2] + place * a.step[1]];
    if (a.right ? own > value : own >= value) high = middle;
    else low = middle + 1;
  }
  out.set(i, low);
}

WG_KERNEL(kThreads) clearBins(uint64_t* bins, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) bins[i] = 0;
}

/// Bins that fit are counted in shared memory first.
constexpr int64_t kSharedBins = 4096;

template <class T>
WG_KERNEL(kThreads)
countBins(uint64_t* bins, int64_t count, const T* x, Offsets<1, uint64_t> at, const T* range,
          int64_t rangeStep, ErrorCell* cell) {
  WG_SHARED(uint32_t, own, [kSharedBins]);
  T low = range[0], high = range[rangeStep];
  if (!(low - low == 0 && high - high == 0 && low <= high)) {
    if (threadIdx.x == 0) raise(cell, asBits(low), asBits(high));
    return;
  }
  if (low == high) {
    low -= 1;
    high += 1;
  }
  const bool shared = count <= kSharedBins;
  if (shared)
    for (int64_t b = threadIdx.x; b < count; b += blockDim.x) own[b] = 0;
  syncBlock();
  for (uint64_t i = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < at.total;
       i += uint64_t{gridDim.x} * blockDim.x) {
    const T v = x[at(i)[0]];
    if (!(v >= low && v <= high)) continue;
    int64_t bin = static_cast<int64_t>((v - low) / (high - low) * static_cast<T>(count));
    bin = bin < count ? bin : count - 1;
    if (shared) atomicAdd(&own[bin], 1u);
    else atomicAdd(&bins[bin], uint64_t{1});
  }
  syncBlock();
  if (!shared) return;
  for (int64_t b = threadIdx.x; b < count; b += blockDim.x)
    if (own[b] != 0) atomicAdd(&bins[b], uint64_t{own[b]});
}

template <class T>
WG_KERNEL(kThreads)
writeBins(T* counts, int64_t step, const uint64_t* bins, int64_t count) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < count) counts[i * step] = static_cast<T>(bins[i]);
}

}  // namespace

size_t runsWorkspace(const Out&, const Out&, const Out&, const Out&, const In& x, const MaybeIn&) {
  return memoryOf(nullptr, numel(x)).bytes;
}

void runs(Stream& s, const Out& values, const Out& inverse, const Out& counts, const Out& total, const In& x,
          const MaybeIn& order) {
  const bool lines = x.rank == 1 && values.rank == 1 && sameShape(inverse, x) && sameShape(counts, values) &&
                     total.rank == 1 && total.shape[0] == 1;
  const bool types =
      values.dtype == x.dtype && isPlace(inverse.dtype) && isPlace(counts.dtype) && total.dtype == DType::i64;
  const bool ordered = order.data == nullptr || (order.dtype == DType::i32 && sameShape(order, x));
  if (!require(s, lines && types && ordered && numel(x) <= INT32_MAX, "runs: results and input do not fit"))
    return;
  const int64_t n = x.shape[0], tiles = ceilDiv(n, kTile), room = values.shape[0];
  const Memory m = memoryOf(s.scratch, n);
  if (!require(s, s.scratchBytes >= m.bytes, "runs: too little scratch")) return;
  ErrorCell* const cell = errorCell(s, Code::bounds, "%s", "runs: the order is no permutation");
  if (!cell) return;
  withAny(s, x.dtype, "runs", [&]<class T>() {
    const Line<T> line{static_cast<const T*>(x.data), x.stride[0], n};
    if (tiles > 0) launch(s, countHeads<T>, gridFor(tiles, 1), kThreads, 0, m.sums, line);
    launch(s, placeTiles, 1, kThreads, 0, m.sums, tiles, static_cast<int64_t*>(total.data));
    if (tiles > 0)
      launch(s, writeRuns<T>, gridFor(tiles, 1), kThreads, 0, m.starts, static_cast<T*>(values.data),
             values.stride[0], room, placesOf(inverse), m.sums, line, static_cast<const int32_t*>(order.data),
             order.data ? order.stride[0] : 0, cell);
  });
  if (room > 0 && tiles > 0)
    launch(s, writeCounts, gridFor(room, kThreads), blockFor(room), 0, placesOf(counts), room, m.starts,
           m.sums, tiles, n);
}

void searchsorted(Stream& s, const Out& out, const In& sorted, const In& x, const MaybeIn& sorter,
                  const int32_t& right) {
  bool fits = x.rank >= 1 && sameShape(out, x) && sorted.rank == x.rank && sorted.dtype == x.dtype &&
              isPlace(out.dtype);
  for (int i = 0; fits && i < x.rank - 1; i++) fits = sorted.shape[i] == x.shape[i];
  const bool through = sorter.data != nullptr;
  fits = fits && (!through || (sameShape(sorter, sorted) && isPlace(sorter.dtype)));
  if (!require(s, fits, "searchsorted: results and inputs do not fit") || numel(x) == 0) return;
  const int last = x.rank - 1;
  const int64_t length = sorted.shape[last], total = numel(x);
  ErrorCell* const cell =
      errorCell(s, Code::index, "searchsorted: the sorter names a place outside the axis of size %lld",
                static_cast<long long>(length));
  if (!cell) return;
  const View order = through ? static_cast<const View&>(sorter) : static_cast<const View&>(sorted);
  const View heads[] = {leadingAxes(out, last), leadingAxes(x, last), leadingAxes(sorted, last),
                        leadingAxes(order, last)};
  withAny(s, x.dtype, "searchsorted", [&]<class T>() {
    Search<T> a{};
    a.x = static_cast<const T*>(x.data);
    a.sorted = static_cast<const T*>(sorted.data);
    a.out = placesOf(out);
    if (through) a.sorter = placesOf(sorter);
    a.rows = axesOf<4>({&heads[0], &heads[1], &heads[2], &heads[3]}).template offsets<uint64_t>();
    a.step[0] = x.stride[last];
    a.step[1] = sorted.stride[last];
    a.width = Divider<uint64_t>(static_cast<uint64_t>(x.shape[last]));
    a.total = static_cast<uint64_t>(total);
    a.length = length;
    a.right = right != 0;
    a.cell = cell;
    launch(s, searchRows<T>, gridFor(total, kThreads), blockFor(total), 0, a);
  });
}

size_t histogramWorkspace(const Out& counts, const In&, const In&) {
  return static_cast<size_t>(numel(counts)) * 8;
}

void histogram(Stream& s, const Out& counts, const In& x, const In& range) {
  const bool fits = counts.rank == 1 && range.rank == 1 && range.shape[0] == 2 && counts.dtype == x.dtype &&
                    range.dtype == x.dtype;
  if (!require(s, fits, "histogram: counts, input and range do not fit")) return;
  const int64_t bins = counts.shape[0], total = numel(x);
  if (!require(s, s.scratchBytes >= static_cast<size_t>(bins) * 8, "histogram: too little scratch")) return;
  ErrorCell* const cell =
      errorCell(s, Code::argument, "%s", "histc: the range [%g, %g] is not finite or turned around");
  if (!cell) return;
  auto* const sums = static_cast<uint64_t*>(s.scratch);
  const int64_t blocks = minOf(ceilDiv(maxOf(1, total), kTile * 4), 1024);
  withFloat(s, x.dtype, "histogram", [&]<class T>() {
    if (bins > 0) launch(s, clearBins, gridFor(bins, kThreads), blockFor(bins), 0, sums, bins);
    launch(s, countBins<T>, gridFor(blocks, 1), blockFor(total), 0, sums, bins, static_cast<const T*>(x.data),
           axesOf<1>({&x}).template offsets<uint64_t>(), static_cast<const T*>(range.data), range.stride[0],
           cell);
    if (bins > 0)
      launch(s, writeBins<T>, gridFor(bins, kThreads), blockFor(bins), 0, static_cast<T*>(counts.data),
             counts.stride[0], static_cast<const uint64_t*>(sums), bins);
  });
}

}  // namespace wg::cuda
