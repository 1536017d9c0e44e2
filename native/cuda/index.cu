// Rows named by indices: index and indexGet read them, indexAdd and indexPut write them. No index is out of
// range when something is written.
#include "../ops/rows/index.h"

#include "meet.h"
#include "prototype.h"
#include "wg/launch.h"
#include "wg/vector.h"

WG_CUDA_PROTOTYPES(WG_INDEX_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256, kEach = 4;
constexpr int64_t kNowhere = INT64_MIN;

template <class I>
struct Pick {
  IndexSet<I> set;
  Divider<I> width;       ///< elements of a row
  I total;                ///< elements of all rows
  Offsets<1, I> outRows;  ///< a row's first element
  Offsets<2, I> inner;    ///< of out and x
  ErrorCell* cell;
};

/// A thread picks a few elements, a block's width apart. W: a word of an element's size, or 16 bytes of them.
template <class W, class I>
WG_KERNEL(kThreads)
pickRows(W* out, const W* x, WG_GRID_CONSTANT const Pick<I> a) {
  const I first = static_cast<I>(blockIdx.x) * blockDim.x * kEach + threadIdx.x;
  W value[kEach];
  int64_t to[kEach];
  WG_UNROLL
  for (int k = 0; k < kEach; k++) {
    to[k] = kNowhere;
    const I e = first + static_cast<I>(k) * blockDim.x;
    if (e >= a.total) continue;
    const auto at = a.width.both(e);
    int64_t from;
    if (!locate(a.set, at.quotient, a.cell, from)) continue;
    const auto inner = a.inner(at.remainder);
    value[k] = load<W>(x + from + inner[1]);
    to[k] = int64_t{a.outRows(at.quotient)[0]} + inner[0];
  }
  WG_UNROLL
  for (int k = 0; k < kEach; k++)
    if (to[k] != kNowhere) store(out + to[k], value[k]);
}

/// x: [sizes..., rest...]; picked: [indices..., rest...].
struct Rows {
  const View* indices;
  int count;
  bool negative;
  View x, picked;
  int indexRank;
};

/// Whether rows can be moved 16 bytes at a time.
bool isWide(const Rows& r, const Axes<2>& inner, int64_t lanes) {
  bool wide = lanes > 1 && inner.rank == 1 && inner.stride[0][0] == 1 && inner.stride[0][1] == 1 &&
              inner.total % lanes == 0 && aligned16(r.x.data) && aligned16(r.picked.data);
  for (int i = 0; i < r.count; i++) wide = wide && (r.x.shape[i] == 1 || r.x.stride[i] % lanes == 0);
  for (int i = 0; i < r.indexRank; i++)
    wide = wide && (r.picked.shape[i] == 1 || r.picked.stride[i] % lanes == 0);
  return wide;
}

void pick(Stream& s, const char* name, const Rows& rows) {
  if (numel(rows.picked) == 0) return;
  Rows r = rows;
  View heads = leadingAxes(r.picked, r.indexRank),
       rest[] = {trailingAxes(r.picked, r.indexRank), trailingAxes(r.x, r.count)};
  const int64_t lanes = 16 / itemBytes(r.x.dtype);
  const bool wide = isWide(r, axesOf<2>({&rest[0], &rest[1]}), lanes);
  if (wide) {
    for (int i = 0; i < r.count; i++) r.x.stride[i] /= lanes;
    for (int i = 0; i < heads.rank; i++) heads.stride[i] /= lanes;
    for (View& v : rest) v = {v.data, v.dtype, 1, {numel(v) / lanes}, {1}};
  }
  const Axes<2> inner = axesOf<2>({&rest[0], &rest[1]});
  const Axes<1> outer = axesOf<1>({&heads});
  ErrorCell* const cell =
      errorCell(s, Code::index, "%s: index %%lld is out of range for axis %%lld of size %%lld", name);
  if (!cell) return;
  const int64_t total = outer.total * inner.total;
  const auto run = [&]<class W, class I>() {
    Pick<I> a{};
    a.set = indexSet<I>(r.indices, r.count, r.x.shape, r.x.stride, r.negative);
    a.width = Divider<I>(static_cast<I>(inner.total));
    a.total = static_cast<I>(total);
    a.outRows = outer.template offsets<I>();
    a.inner = inner.template offsets<I>();
    a.cell = cell;
    launch(s, pickRows<W, I>, gridFor(total, kThreads * kEach), blockFor(total), 0,
           static_cast<W*>(r.picked.data), static_cast<const W*>(r.x.data), a);
  };
  const bool small = total <= INT32_MAX && outer.small() && inner.small() && smallIndices(r.indices, r.count);
  const auto runWith = [&]<class W>() {
    if (small) run.template operator()<W, uint32_t>();
    else run.template operator()<W, uint64_t>();
  };
  if (wide) runWith.template operator()<Pack<uint32_t, 4>>();
  // Half floats and short integers are not computed with, but picked.
  else if (itemBytes(r.x.dtype) == 2) runWith.template operator()<uint16_t>();
  else withWord(r.x.dtype, runWith);
}

/// rows: [R, rest...]; picked: [indices..., rest...].
bool shapesFit(Stream& s, const View& rows, const View& picked, const View& indices) {
  bool fits = rows.rank >= 1 && picked.rank == indices.rank + rows.rank - 1 && rows.dtype == picked.dtype &&
              isIndexType(indices.dtype);
  for (int i = 0; fits && i < indices.rank; i++) fits = picked.shape[i] == indices.shape[i];
  for (int i = 1; fits && i < rows.rank; i++) fits = picked.shape[indices.rank + i - 1] == rows.shape[i];
  return require(s, fits, "index: shapes or dtypes of rows, indices and result do not fit");
}
bool manyFit(Stream& s, const View& x, const View* picked, const InList& indices) {
  bool fits = indices.count >= 1 && indices.count <= x.rank;
  if (!require(s, fits, "index: more indices than axes")) return false;
  const View& first = indices.items[0];
  const int axes = static_cast<int>(indices.count);
  for (int k = 0; k < axes; k++)
    fits = fits && isIndexType(indices.items[k].dtype) && sameShape(indices.items[k], first);
  if (picked) {
    fits = fits && picked->rank == first.rank + x.rank - axes && picked->dtype == x.dtype;
    for (int i = 0; fits && i < picked->rank; i++)
      fits = picked->shape[i] == (i < first.rank ? first.shape[i] : x.shape[axes + i - first.rank]);
  }
  return require(s, fits, "index: shapes or dtypes of rows, indices and result do not fit");
}

/// What indexAdd and indexPut do, from shapes alone.
struct Put {
  Meeting meeting;
  Naming naming;
};
Put putOf(const View& out, const View* indices, int count, const Operand& src, int32_t rule, bool negative) {
  Put p{};
  const View& first = indices[0];
  count = count < out.rank ? count : out.rank;
  p.meeting.target = out;
  p.meeting.targetRows = count;
  p.meeting.sourceRows = first.rank;
  p.meeting.isNumber = src.isNumber;
  p.meeting.number = src.number;
  p.meeting.rule = rule;
  if (src.isNumber) {
    View& v = p.meeting.source;
    v = leadingAxes(first, first.rank);
    v.dtype = out.dtype;
    for (int i = count; i < out.rank && v.rank < kMaxRank; i++) v.shape[v.rank++] = out.shape[i];
    for (int64_t& stride : v.stride) stride = 0;
  } else {
    p.meeting.source = src.view;
  }
  p.naming.indices = indices;
  p.naming.count = count;
  p.naming.negative = negative;
  p.naming.still = first;
  for (int64_t& stride : p.naming.still.stride) stride = 0;
  p.meeting.targets = 1;
  for (int i = count - 1; i >= 0; i--) {
    p.naming.size[i] = out.shape[i];
    p.naming.step[i] = p.meeting.targets;
    p.meeting.targets *= out.shape[i];
  }
  return p;
}
size_t bytesOf(const Put& p) { return meetBytes(p.meeting, smallMeeting(p.meeting, p.naming)); }

void run(Stream& s, const char* name, const Put& p) {
  ErrorCell* const cell =
      errorCell(s, Code::index, "%s: index %%lld is out of range for axis %%lld of size %%lld", name);
  if (cell) meet(s, name, p.meeting, p.naming, cell);
}

}  // namespace

void index(Stream& s, const Out& out, const In& x, const In& indices) {
  if (!shapesFit(s, x, out, indices)) return;
  pick(s, "index", {&indices, 1, false, x, out, indices.rank});
}

void indexGet(Stream& s, const Out& out, const In& x, const InList& indices, const int32_t& negative) {
  if (!manyFit(s, x, &out, indices)) return;
  pick(s, "index",
       {indices.items, static_cast<int>(indices.count), negative != 0, x, out, indices.items[0].rank});
}

size_t indexAddWorkspace(const InOut& out, const In& indices, const In& dy) {
  return bytesOf(putOf(out, &indices, 1, {dy, 0, false}, kAdd, false));
}

void indexAdd(Stream& s, const InOut& out, const In& indices, const In& dy) {
  if (!shapesFit(s, out, dy, indices)) return;
  if (out.dtype == DType::boolean) return unsupported(s, "indexAdd", out.dtype);
  run(s, "indexAdd", putOf(out, &indices, 1, {dy, 0, false}, kAdd, false));
}

size_t indexPutWorkspace(const InOut& out, const InList& indices, const Operand& src, const int32_t& add,
                         const int32_t& negative) {
  if (indices.count < 1) return 0;
  return bytesOf(putOf(out, indices.items, static_cast<int>(indices.count), src, add != 0 ? kAdd : kAssign,
                       negative != 0));
}

void indexPut(Stream& s, const InOut& out, const InList& indices, const Operand& src, const int32_t& add,
              const int32_t& negative) {
  if (!manyFit(s, out, src.isNumber ? nullptr : &src.view, indices)) return;
  if (add != 0 && out.dtype == DType::boolean) return unsupported(s, "indexPut", out.dtype);
  run(s, "indexPut",
      putOf(out, indices.items, static_cast<int>(indices.count), src, add != 0 ? kAdd : kAssign,
            negative != 0));
}

}  // namespace wg::cuda
