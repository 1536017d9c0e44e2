// Sorting rows along the last axis, and their k best, k-th and most frequent elements.
#include "../ops/rows/sort.h"

#include "bitonic.cuh"
#include "keys.cuh"
#include "prototype.h"
#include "select.cuh"
#include "sort_rows.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_SORT_ROWS)

namespace wg::cuda {
namespace {

/// Rows of results and input: where they start and how their elements follow.
template <class T>
struct Lines {
  T* values;
  int32_t* indices;
  const T* x;
  Offsets<3, uint64_t> rows;  ///< of values, indices and x
  int64_t step[3];
  int64_t width;
};
template <class T>
Lines<T> linesOf(const View& values, const View& indices, const View& x) {
  const int last = x.rank - 1;
  const View heads[] = {leadingAxes(values, last), leadingAxes(indices, last), leadingAxes(x, last)};
  Lines<T> l{};
  l.values = static_cast<T*>(values.data);
  l.indices = static_cast<int32_t*>(indices.data);
  l.x = static_cast<const T*>(x.data);
  l.rows = axesOf<3>({&heads[0], &heads[1], &heads[2]}).template offsets<uint64_t>();
  l.step[0] = values.stride[last];
  l.step[1] = indices.stride[last];
  l.step[2] = x.stride[last];
  l.width = x.shape[last];
  return l;
}

/// A block a row: finds the k-th best key, collects what is better and as many equals as are wanted, in their
/// order, and sorts that. `flip` turns the order around.
template <class T>
WG_KERNEL(kSelectThreads, 1)
topOfRows(Lines<T> a, int64_t count, uint32_t padded, Key<T> flip) {
  using K = Key<T>;
  WG_SHARED(K, keys, [kShortRow]);
  WG_SHARED(int32_t, places, [kShortRow]);
  const auto start = a.rows(blockIdx.x);
  const T* const row = a.x + start[2];
  const auto key = [&](int64_t i) { return static_cast<K>(keyOf(row[i * a.step[2]]) ^ flip); };
  const Selected<K> last = selectKey<K>(a.width, count - 1, key);
  for (uint32_t i = threadIdx.x; i < padded; i += kSelectThreads) {
    keys[i] = static_cast<K>(~K(0));
    places[i] = INT32_MAX;
  }
  syncBlock();
  const int equals = static_cast<int>(count - last.smaller);
  int found = 0, met = 0;
  for (int64_t first = 0; first < a.width && found < count; first += kSelectThreads) {
    const int64_t i = first + threadIdx.x;
    const K own = i < a.width ? key(i) : static_cast<K>(~K(0));
    const bool equal = i < a.width && own == last.key;
    const auto ahead = blockScan(equal ? 1 : 0, 0, Add{});
    const bool chosen = i < a.width && (own < last.key || (equal && met + ahead.before < equals));
    const auto scanned = blockScan(chosen ? 1 : 0, 0, Add{});
    if (chosen) {
      keys[found + scanned.before] = own;
      places[found + scanned.before] = static_cast<int32_t>(i);
    }
    met += ahead.total;
    found += scanned.total;
  }
  bitonicSort(keys, places, padded, padded);
  for (int64_t j = threadIdx.x; j < count; j += kSelectThreads) {
    a.values[start[0] + j * a.step[0]] = row[places[j] * a.step[2]];
    a.indices[start[1] + j * a.step[1]] = places[j];
  }
}

enum Rule : int32_t { kAsItIs, kMedian, kMedianOfNumbers };

/// A block a row.
template <class T>
WG_KERNEL(kSelectThreads)
kthOfRows(Lines<T> a, int64_t k, int32_t rule) {
  using K = Key<T>;
  const auto start = a.rows(blockIdx.x);
  const T* const row = a.x + start[2];
  const auto emit = [&](int64_t place) {
    a.values[start[0]] = row[place * a.step[2]];
    a.indices[start[1]] = static_cast<int32_t>(place);
  };
  if (rule != kAsItIs && kIsFloat<T>) {
    int64_t numbers = 0, firstNaN = INT64_MAX;
    for (int64_t i = threadIdx.x; i < a.width; i += kSelectThreads) {
      const T x = row[i * a.step[2]];
      if (x == x) numbers++;
      else if (i < firstNaN) firstNaN = i;
    }
    numbers = blockSum(numbers);
    firstNaN = blockReduce(firstNaN, INT64_MAX, Min{});
    if (firstNaN != INT64_MAX && (rule == kMedian || numbers == 0)) {
      if (threadIdx.x == 0) emit(firstNaN);
      return;
    }
    k = (numbers - 1) / 2;
  }
  const auto key = [&](int64_t i) { return keyOf(row[i * a.step[2]]); };
  const Selected<K> wanted = selectKey<K>(a.width, k, key);
  int64_t met = wanted.smaller;
  for (int64_t first = 0; first < a.width && met <= k; first += kSelectThreads) {
    const int64_t i = first + threadIdx.x;
    const bool equal = i < a.width && key(i) == wanted.key;
    const auto ahead = blockScan(equal ? 1 : 0, 0, Add{});
    if (equal && met + ahead.before == k) emit(i);
    met += ahead.total;
  }
}

/// A block a sorted row: the longest run of equals, the first of the longest. NaN equals nothing, itself
/// included.
template <class T>
WG_KERNEL(kSelectThreads)
longestRuns(Lines<T> a, const T* sorted, const int32_t* places) {
  const T* const row = sorted + int64_t{blockIdx.x} * a.width;
  Pair<int64_t, int64_t> best{0, 0};  // length and beginning
  const auto better = [](Pair<int64_t, int64_t> p, Pair<int64_t, int64_t> q) {
    return q.first > p.first || (q.first == p.first && q.second < p.second) ? q : p;
  };
  for (int64_t j = threadIdx.x; j < a.width; j += kSelectThreads) {
    if (j > 0 && row[j] == row[j - 1]) continue;
    int64_t low = j + 1, high = a.width;  // the end of the run is among these
    if (row[j] != row[j]) high = low;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (row[middle] == row[j]) low = middle + 1;
      else high = middle;
    }
    best = better(best, {low - j, j});
  }
  best = blockReducePair(best, Pair<int64_t, int64_t>{0, 0}, better);
  if (threadIdx.x != 0) return;
  const int32_t place = places[int64_t{blockIdx.x} * a.width + best.second + best.first - 1];
  const auto start = a.rows(blockIdx.x);
  a.values[start[0]] = a.x[start[2] + place * a.step[2]];
  a.indices[start[1]] = place;
}

bool resultsFit(Stream& s, const View& values, const View& indices, const View& x, bool sameWidth) {
  bool fits = x.rank >= 1 && values.rank == x.rank && sameShape(values, indices) && values.dtype == x.dtype &&
              indices.dtype == DType::i32;
  for (int i = 0; fits && i < x.rank - (sameWidth ? 0 : 1); i++) fits = values.shape[i] == x.shape[i];
  fits = fits && x.shape[x.rank - 1] <= 0x7fffffff;
  return require(s, fits, "sort: results and input do not fit");
}

int64_t widthOf(const View& x) { return x.rank > 0 ? x.shape[x.rank - 1] : 1; }
int64_t rowsIn(const View& x) { return numel(leadingAxes(x, x.rank - 1)); }
size_t sortBytes(const View& x) { return sortRowsBytes(rowsIn(x), widthOf(x), itemBytes(x.dtype)); }

/// Selecting takes one multiprocessor a row and reads it once for each byte of a key; sorting all of it pays
/// when rows are short, or few and long, or much of them is wanted.
bool selects(const View& values, const View& x) {
  const int64_t width = widthOf(x), count = widthOf(values);
  return width > kShortRow && count <= kShortRow && count * 2 <= width &&
         (rowsIn(x) >= 8 || width <= 1 << 16);
}

struct ModeMemory {
  void* sorted;
  int32_t* places;
  void* rest;
  size_t bytes;
};
ModeMemory modeMemory(void* scratch, const View& x) {
  Room room(scratch);
  ModeMemory m;
  m.sorted = room.take<char>(numel(x) * itemBytes(x.dtype));
  m.places = room.take<int32_t>(numel(x));
  m.rest = room.rest();
  m.bytes = room.used() + sortBytes(x);
  return m;
}

}  // namespace

size_t sortWorkspace(const Out&, const Out&, const In& x, const int32_t&) { return sortBytes(x); }
size_t topkWorkspace(const Out& values, const Out&, const In& x, const int32_t&) {
  return selects(values, x) ? 0 : sortBytes(x);
}
size_t modeWorkspace(const Out&, const Out&, const In& x) { return modeMemory(nullptr, x).bytes; }

void sort(Stream& s, const Out& values, const Out& indices, const In& x, const int32_t& descending) {
  if (!resultsFit(s, values, indices, x, true) || numel(x) == 0) return;
  if (!require(s, s.scratchBytes >= sortBytes(x), "sort: too little scratch")) return;
  sortRows(s, values, indices, x, s.scratch, {.descending = descending != 0});
}

void topk(Stream& s, const Out& values, const Out& indices, const In& x, const int32_t& largest) {
  if (!resultsFit(s, values, indices, x, false) || numel(values) == 0) return;
  const int64_t count = widthOf(values);
  if (!require(s, count <= widthOf(x), "topk: k is larger than the axis")) return;
  if (!selects(values, x)) {
    if (!require(s, s.scratchBytes >= sortBytes(x), "sort: too little scratch")) return;
    return sortRows(s, values, indices, x, s.scratch, {.descending = largest != 0});
  }
  withAny(s, x.dtype, "topk", [&]<class T>() {
    launch(s, topOfRows<T>, gridFor(rowsIn(x), 1), kSelectThreads, 0, linesOf<T>(values, indices, x), count,
           powerAbove(count), largest != 0 ? static_cast<Key<T>>(~Key<T>(0)) : Key<T>(0));
  });
}

void kthvalue(Stream& s, const Out& values, const Out& indices, const In& x, const double& k,
              const int32_t& rule) {
  if (!resultsFit(s, values, indices, x, false)) return;
  const int64_t width = widthOf(x), wanted = rule == kAsItIs ? fromDouble<int64_t>(k) : (width - 1) / 2;
  if (!require(s, widthOf(values) == 1 && wanted >= 0 && wanted < width, "kthvalue: k is outside the axis"))
    return;
  if (numel(values) == 0) return;
  withAny(s, x.dtype, "kthvalue", [&]<class T>() {
    launch(s, kthOfRows<T>, gridFor(rowsIn(x), 1), kSelectThreads, 0, linesOf<T>(values, indices, x), wanted,
           rule);
  });
}

void mode(Stream& s, const Out& values, const Out& indices, const In& x) {
  if (!resultsFit(s, values, indices, x, false)) return;
  const int64_t width = widthOf(x), rows = rowsIn(x);
  if (!require(s, widthOf(values) == 1 && width > 0, "mode: the axis is empty")) return;
  if (rows == 0) return;
  const ModeMemory m = modeMemory(s.scratch, x);
  if (!require(s, s.scratchBytes >= m.bytes, "sort: too little scratch")) return;
  // As many axes as x: sortRows wants views that differ in the last one only.
  View sorted = x, places = x;
  int64_t stride = 1;
  for (int i = x.rank - 1; i >= 0; i--) {
    sorted.stride[i] = places.stride[i] = stride;
    stride *= x.shape[i];
  }
  sorted.data = m.sorted;
  places.data = m.places;
  places.dtype = DType::i32;
  sortRows(s, sorted, places, x, m.rest);
  withAny(s, x.dtype, "mode", [&]<class T>() {
    launch(s, longestRuns<T>, gridFor(rows, 1), kSelectThreads, 0, linesOf<T>(values, indices, x),
           static_cast<const T*>(m.sorted), static_cast<const int32_t*>(m.places));
  });
}

}  // namespace wg::cuda
