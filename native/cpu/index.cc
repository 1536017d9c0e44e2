// index gathers rows, indexAdd adds to them. Every index is checked before anything is added, so a failed
// indexAdd leaves its output as it was.
#include "../ops/rows/index.h"

#include "labels.h"
#include "simd/vec.h"

WG_PROTOTYPES(WG_INDEX_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// One row of a [R, ...] view as a walk based at its first element.
Walk rowWalk(const View& v, int from) {
  const int64_t item = itemBytes(v.dtype);
  int64_t stride[kMaxRank] = {};
  for (int i = from; i < v.rank; i++) stride[i - from] = v.stride[i] * item;
  return walkOf(v.data, item, v.rank - from, v.shape + from, stride);
}
/// The first elements of the rows of a view whose leading `axes` axes are indices.
Walk startWalk(const View& v, int axes) {
  const int64_t item = itemBytes(v.dtype);
  int64_t stride[kMaxRank] = {};
  for (int i = 0; i < axes; i++) stride[i] = v.stride[i] * item;
  return walkOf(v.data, item, axes, v.shape, stride);
}
Walk based(const Walk& w, char* data) {
  Walk moved = w;
  moved.data = data;
  return moved;
}

/// rows: [R, rest...]; picked: [indices..., rest...].
bool shapesFit(Stream& s, const View& rows, const View& picked, const View& indices) {
  bool fits = rows.rank >= 1 && picked.rank == indices.rank + rows.rank - 1 && rows.dtype == picked.dtype &&
              isIndexType(indices.dtype);
  for (int i = 0; fits && i < indices.rank; i++) fits = picked.shape[i] == indices.shape[i];
  for (int i = 1; fits && i < rows.rank; i++) fits = picked.shape[indices.rank + i - 1] == rows.shape[i];
  return require(s, fits, "index: shapes or dtypes of rows, indices and result do not fit");
}

void outOfRange(Stream& s, const char* name, int64_t index, int64_t size) {
  fail(s, Code::index, "%s: index %lld is out of range for axis 0 of size %lld", name,
       static_cast<long long>(index), static_cast<long long>(size));
}

/// to[k] += from[k] over contiguous elements.
template <class T>
void addTo(T* to, const T* from, int64_t n) {
  using V = simd::Vec<T>;
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) store(to + i, simd::load<V>(to + i) + simd::load<V>(from + i));
  if (i < n) storePart(to + i, simd::loadPart<V>(to + i, n - i) + simd::loadPart<V>(from + i, n - i), n - i);
}

/// Asks for the first lines of a row that is read after the one being copied; the hardware sees to the
/// others.
void prefetchRow(const char* p, int64_t bytes) {
  for (int64_t i = 0, end = minOf(bytes, 512); i < end; i += 64) __builtin_prefetch(p + i);
}

}  // namespace

void index(Stream& s, const Out& out, const In& x, const In& indices) {
  if (!shapesFit(s, x, out, indices)) return;
  const Walk where = walkOf(indices), from = rowWalk(x, 1), to = rowWalk(out, indices.rank),
             start = startWalk(out, indices.rank);
  const int64_t size = x.shape[0], rowStep = x.stride[0] * from.item, width = from.total;
  const int64_t perChunk = maxOf(1, kChunk / maxOf(1, width));
  parallelSweep(s, ceilDiv(where.total, perChunk), [&](int64_t c) {
    alignas(64) char stage[kStageBytes];
    const int64_t block = kStageBytes / from.item;
    for (int64_t i = c * perChunk, end = minOf(i + perChunk, where.total); i < end; i++) {
      const int64_t row = indexAt(where, indices.dtype, i);
      if (row < 0 || row >= size) return outOfRange(s, "index", row, size);
      const Walk source = based(from, static_cast<char*>(x.data) + row * rowStep);
      const int64_t next = i + 1 < end && from.direct ? indexAt(where, indices.dtype, i + 1) : -1;
      if (next >= 0 && next < size)
        prefetchRow(static_cast<char*>(x.data) + next * rowStep, width * from.item);
      const Walk target = based(to, at(start, i));
      if (target.direct) {
        gather(target.data, source, 0, width);
        continue;
      }
      for (int64_t k = 0; k < width; k += block) {
        const int64_t n = minOf(block, width - k);
        gather(stage, source, k, n);
        scatter(target, stage, k, n);
      }
    }
  });
}

void indexAdd(Stream& s, const InOut& out, const In& indices, const In& dy) {
  if (!shapesFit(s, out, dy, indices)) return;
  const Walk where = walkOf(indices), to = rowWalk(out, 1), from = rowWalk(dy, indices.rank),
             start = startWalk(dy, indices.rank);
  const int64_t size = out.shape[0], rowStep = out.stride[0] * to.item, width = to.total;
  for (int64_t i = 0; i < where.total; i++) {
    const int64_t row = indexAt(where, indices.dtype, i);
    if (row < 0 || row >= size) return outOfRange(s, "indexAdd", row, size);
  }
  if (width == 0 || where.total == 0) return;
  withNumber(s, out.dtype, "indexAdd", [&]<class T>() {
    // A chunk owns columns of the rows (or, of narrow rows, a share of the rows) and takes all indices in
    // order: each element is added to in index order whatever the number of threads.
    constexpr int64_t kColumns = 256, kShares = 8;
    const bool wide = width >= 2 * kColumns || where.total * width <= kChunk;
    const int64_t columns = wide ? kColumns : width;
    const int64_t chunks = where.total * width <= kChunk ? 1
                           : wide                        ? ceilDiv(width, kColumns)
                                                         : minOf(kShares, size);
    const int64_t share = wide ? size : ceilDiv(size, chunks);
    parallelFor(s, chunks, [&](int64_t c) {
      alignas(64) T a[kStageBytes / sizeof(T)], b[kStageBytes / sizeof(T)];
      const int64_t firstRow = wide ? 0 : c * share, endRow = minOf(firstRow + share, size);
      const int64_t first = wide && chunks > 1 ? c * columns : 0,
                    end = wide && chunks > 1 ? minOf(first + columns, width) : width;
      const int64_t block = kStageBytes / static_cast<int64_t>(sizeof(T));
      for (int64_t i = 0; i < where.total; i++) {
        const int64_t row = indexAt(where, indices.dtype, i);
        if (row < firstRow || row >= endRow) continue;
        const Walk target = based(to, static_cast<char*>(out.data) + row * rowStep),
                   source = based(from, at(start, i));
        if (target.direct && source.direct) {
          addTo(reinterpret_cast<T*>(target.data) + first, reinterpret_cast<const T*>(source.data) + first,
                end - first);
          continue;
        }
        for (int64_t k = first; k < end; k += block) {
          const int64_t n = minOf(block, end - k);
          gather(a, target, k, n);
          gather(b, source, k, n);
          addTo(a, b, n);
          scatter(target, a, k, n);
        }
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
