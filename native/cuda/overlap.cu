// Adding into views whose elements coincide, and the indices that repeat elements.
#include "../ops/rows/index.h"
#include "meet.h"
#include "prefix.cuh"
#include "prototype.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_INDEX_ROWS)

namespace wg::cuda {
namespace {

int64_t magnitude(int64_t v) { return v < 0 ? -v : v; }

/// Axes of `v` in which elements lie apart whatever the other indices are, largest stride first; their
/// number.
int apart(const View& v, int* order) {
  int rank = 0;
  for (int i = 0; i < v.rank; i++) {
    int k = rank++;
    for (; k > 0 && magnitude(v.stride[order[k - 1]]) < magnitude(v.stride[i]); k--) order[k] = order[k - 1];
    order[k] = i;
  }
  for (int k = 0; k < rank; k++) {
    int64_t behind = 0;
    for (int j = k + 1; j < rank; j++) behind += (v.shape[order[j]] - 1) * magnitude(v.stride[order[j]]);
    if (v.shape[order[k]] > 1 && magnitude(v.stride[order[k]]) <= behind) return k;
  }
  return rank;
}

struct Put {
  Meeting meeting;
  Naming naming;
};
/// The axes along which elements coincide are the rows, named by where they lie in memory.
Put putOf(const View& out, const View& x) {
  int order[kMaxRank];
  const int free = apart(out, order);
  Put p{};
  View row = leadingAxes(out, 0), from = row, target = row, source = row;
  int64_t low = 0, high = 0;
  const auto add = [](View& v, int64_t size, int64_t stride) {
    v.shape[v.rank] = size;
    v.stride[v.rank++] = stride;
  };
  const auto isFree = [&](int axis) {
    for (int k = 0; k < free; k++)
      if (order[k] == axis) return true;
    return false;
  };
  for (int i = 0; i < out.rank; i++) {
    if (isFree(i)) continue;
    add(row, out.shape[i], out.stride[i]);
    add(from, out.shape[i], x.stride[i]);
    const int64_t reach = (out.shape[i] - 1) * out.stride[i];
    low += minOf(0, reach);
    high += maxOf(0, reach);
  }
  source = from;
  p.meeting.targets = high - low + 1;
  p.meeting.sourceRows = from.rank;
  p.meeting.targetRows = row.rank > 0 ? 1 : 0;
  if (row.rank > 0) add(target, p.meeting.targets, 1);
  for (int i = 0; i < out.rank; i++) {
    if (!isFree(i)) continue;
    add(target, out.shape[i], out.stride[i]);
    add(source, x.shape[i], x.stride[i]);
  }
  target.data = static_cast<char*>(out.data) + low * itemBytes(out.dtype);
  source.data = x.data;
  source.dtype = x.dtype;
  p.meeting.target = target;
  p.meeting.source = source;
  p.meeting.rule = kAdd;
  p.naming.still = row;
  p.naming.base = low;
  return p;
}

constexpr int kThreads = kPrefixThreads, kEach = 8;
constexpr int64_t kTile = kThreads * kEach;

/// What repeatIndices reads: repeats, and how many there have to be in all.
struct Repeats {
  const void* data;
  DType type;
  int64_t step, count, total;
};

/// A block sums up a tile.
WG_KERNEL(kThreads) sumRepeats(int64_t* sums, Repeats r, ErrorCell* cell) {
  int64_t sum = 0;
  for (int k = 0; k < kEach; k++) {
    const int64_t i = blockIdx.x * kTile + k * kThreads + threadIdx.x;
    if (i >= r.count) continue;
    const int64_t n = loadIndex(r.data, r.type, i * r.step);
    if (n < 0) raise(cell, n);
    // More than there is room for is an error whatever it adds up to.
    sum += n < 0 ? 0 : n > r.total ? r.total + 1 : n;
  }
  sum = blockSum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

WG_KERNEL(kThreads) placeTiles(int64_t* sums, int64_t tiles, int64_t wanted, ErrorCell* cell) {
  const int64_t total = prefixInPlace(sums, 1, tiles);
  if (threadIdx.x == 0 && total != wanted) raiseLine(cell, 1, total);
}

/// starts[i]: the first place of i.
WG_KERNEL(kThreads) placeRepeats(int64_t* starts, const int64_t* sums, Repeats r, const ErrorCell* cell) {
  if (cell->set != 0) return;
  int64_t before = sums[blockIdx.x];
  for (int k = 0; k < kEach; k++) {
    const int64_t i = blockIdx.x * kTile + k * kThreads + threadIdx.x;
    const int64_t n = i < r.count ? loadIndex(r.data, r.type, i * r.step) : 0;
    const auto scanned = blockScan(n, int64_t{0}, Add{});
    if (i < r.count) starts[i] = before + scanned.before;
    before += scanned.total;
  }
}

/// A thread an element of out: the last i that begins at it or before.
template <class T>
WG_KERNEL(kThreads)
writeRepeats(T* out, int64_t step, int64_t total, const int64_t* starts, int64_t count,
             const ErrorCell* cell) {
  const int64_t e = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (e >= total || cell->set != 0) return;
  int64_t low = 0, high = count;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    if (starts[middle] <= e) low = middle;
    else high = middle;
  }
  out[e * step] = static_cast<T>(low);
}

struct Memory {
  int64_t *starts, *sums;
  size_t bytes;
};
Memory memoryOf(void* scratch, int64_t count) {
  Room room(scratch);
  Memory m;
  m.starts = room.take<int64_t>(count);
  m.sums = room.take<int64_t>(ceilDiv(count, kTile) + 1);
  m.bytes = room.used();
  return m;
}

}  // namespace

size_t overlapAddWorkspace(const InOut& out, const In& x) {
  const Put p = putOf(out, x);
  return meetBytes(p.meeting, smallMeeting(p.meeting, p.naming));
}

void overlapAdd(Stream& s, const InOut& out, const In& x) {
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype, "overlapAdd: shapes or dtypes differ")) return;
  if (numel(out) == 0) return;
  if (out.dtype == DType::boolean) return unsupported(s, "overlapAdd", out.dtype);
  const Put p = putOf(out, x);
  meet(s, "overlapAdd", p.meeting, p.naming, nullptr);
}

size_t repeatIndicesWorkspace(const Out&, const In& repeats) {
  return memoryOf(nullptr, numel(repeats)).bytes;
}

void repeatIndices(Stream& s, const Out& out, const In& repeats) {
  const bool fits = out.rank == 1 && repeats.rank == 1 && isIndexType(repeats.dtype) &&
                    (out.dtype == DType::i32 || out.dtype == DType::i64);
  if (!require(s, fits, "repeatIndices: wants vectors of integers")) return;
  const Repeats r{repeats.data, repeats.dtype, repeats.stride[0], repeats.shape[0], out.shape[0]};
  const Memory memory = memoryOf(s.scratch, r.count);
  if (!require(s, s.scratchBytes >= memory.bytes, "repeatIndices: too little scratch")) return;
  ErrorCell* const cell = errorCell(s, Code::argument,
                                    "repeatInterleave: repeats must not be negative, got %%lld\n"
                                    "repeatInterleave: repeats do not add up to the outputSize %lld",
                                    static_cast<long long>(out.shape[0]));
  if (!cell) return;
  const int64_t tiles = ceilDiv(r.count, kTile);
  if (tiles > 0) launch(s, sumRepeats, gridFor(tiles, 1), kThreads, 0, memory.sums, r, cell);
  launch(s, placeTiles, 1, kThreads, 0, memory.sums, tiles, r.total, cell);
  if (r.total == 0 || tiles == 0) return;
  launch(s, placeRepeats, gridFor(tiles, 1), kThreads, 0, memory.starts,
         static_cast<const int64_t*>(memory.sums), r, static_cast<const ErrorCell*>(cell));
  withInteger(s, out.dtype, "repeatIndices", [&]<class T>() {
    launch(s, writeRepeats<T>, gridFor(r.total, kThreads), kThreads, 0, static_cast<T*>(out.data),
           out.stride[0], r.total, static_cast<const int64_t*>(memory.starts), r.count,
           static_cast<const ErrorCell*>(cell));
  });
}

}  // namespace wg::cuda
