// gather and scatter: out[i, j, ...] meets x[i, index[i, j, ...], ...] along one axis.
#include "../ops/rows/index.h"
#include "meet.h"
#include "prototype.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_INDEX_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256, kEach = 4;

/// A thread picks a few elements, a block's width apart. `at`: out, index, and x without its axis.
template <class W, class I>
WG_KERNEL(kThreads)
pick(W* out, const void* index, DType type, const W* x, Offsets<3, I> at, int64_t size, int64_t step,
     int64_t axis, ErrorCell* cell) {
  const I first = static_cast<I>(blockIdx.x) * blockDim.x * kEach + threadIdx.x;
  W value[kEach];
  int64_t to[kEach];
  bool found[kEach];
  WG_UNROLL
  for (int k = 0; k < kEach; k++) {
    const I e = first + static_cast<I>(k) * blockDim.x;
    found[k] = e < at.total;
    if (!found[k]) continue;
    const auto here = at(e);
    const int64_t row = loadIndex(index, type, here[1]);
    found[k] = row >= 0 && row < size;
    if (!found[k]) {
      raise(cell, row, axis, size);
      continue;
    }
    to[k] = here[0];
    value[k] = x[here[2] + row * step];
  }
  WG_UNROLL
  for (int k = 0; k < kEach; k++)
    if (found[k]) out[to[k]] = value[k];
}

bool fits(Stream& s, const View& x, const View& index, int32_t axis) {
  bool fit = x.rank == index.rank && isIndexType(index.dtype) && axis >= 0 && axis < maxOf(1, x.rank);
  for (int i = 0; fit && i < x.rank; i++) fit = i == axis || index.shape[i] <= x.shape[i];
  return require(s, fit, "gather: shapes, dtypes or axis of x and index do not fit");
}

struct Put {
  Meeting meeting;
  Naming naming;
};
/// The elements of src meet elements of out, each named by its number in row-major order.
Put putOf(const View& out, const View& index, const Operand& src, int32_t axis, int32_t rule) {
  Put p{};
  p.meeting.target = out;
  p.meeting.targetRows = out.rank;
  p.meeting.source = src.isNumber ? index : src.view;
  p.meeting.sourceRows = p.meeting.source.rank;
  p.meeting.isNumber = src.isNumber;
  p.meeting.number = src.number;
  p.meeting.rule = rule;
  p.naming.indices = &index;
  p.naming.count = 1;
  p.naming.first = axis;
  p.naming.size[0] = 1;
  p.naming.still = index;
  p.meeting.targets = 1;
  for (int i = out.rank - 1; i >= 0; i--) {
    p.naming.still.stride[i] = i == axis ? 0 : p.meeting.targets;
    if (i == axis) {
      p.naming.size[0] = out.shape[i];
      p.naming.step[0] = p.meeting.targets;
    }
    p.meeting.targets *= out.shape[i];
  }
  return p;
}
size_t bytesOf(const Put& p) { return meetBytes(p.meeting, smallMeeting(p.meeting, p.naming)); }

void scatterBy(Stream& s, const char* name, const View& out, const View& index, const Operand& src,
               int32_t axis, int32_t rule) {
  const Put p = putOf(out, index, src, axis, rule);
  ErrorCell* const cell =
      errorCell(s, Code::index, "%s: index %%lld is out of range for axis %%lld of size %%lld", name);
  if (cell) meet(s, name, p.meeting, p.naming, cell);
}

bool sourceFits(Stream& s, const View& out, const View& index, const Operand& src) {
  return src.isNumber || require(s, src.view.dtype == out.dtype && sameShape(src.view, index),
                                 "scatter: index and src must have one shape, src and out one dtype");
}

}  // namespace

void gather(Stream& s, const Out& out, const In& x, const In& index, const int32_t& axis) {
  if (!fits(s, x, index, axis)) return;
  if (!require(s, sameShape(out, index) && out.dtype == x.dtype, "gather: out does not fit")) return;
  if (numel(index) == 0) return;
  ErrorCell* const cell =
      errorCell(s, Code::index, "gather: index %%lld is out of range for axis %%lld of size %%lld");
  if (!cell) return;
  View still = x;
  for (int i = 0; i < x.rank; i++) still.shape[i] = index.shape[i];
  if (x.rank > 0) still.stride[axis] = 0;
  const int64_t size = x.rank == 0 ? 1 : x.shape[axis], step = x.rank == 0 ? 0 : x.stride[axis];
  const Axes<3> axes = axesOf<3>({&out, &index, &still});
  withWord(x.dtype, [&]<class W>() {
    withIndex(axes, [&](auto i) {
      using I = decltype(i);
      launch(s, pick<W, I>, gridFor(axes.total, kThreads * kEach), blockFor(axes.total), 0,
             static_cast<W*>(out.data), static_cast<const void*>(index.data), index.dtype,
             static_cast<const W*>(x.data), axes.template offsets<I>(), size, step, axis, cell);
    });
  });
}

size_t scatterWorkspace(const InOut& out, const In& index, const Operand& src, const int32_t& axis) {
  return bytesOf(putOf(out, index, src, axis, kAssign));
}

void scatter(Stream& s, const InOut& out, const In& index, const Operand& src, const int32_t& axis) {
  if (!fits(s, out, index, axis) || !sourceFits(s, out, index, src)) return;
  scatterBy(s, "scatter", out, index, src, axis, kAssign);
}

size_t scatterReduceWorkspace(const InOut& out, const In& index, const Operand& src, const int32_t& axis,
                              const int32_t& rule) {
  return bytesOf(putOf(out, index, src, axis, rule));
}

void scatterReduce(Stream& s, const InOut& out, const In& index, const Operand& src, const int32_t& axis,
                   const int32_t& rule) {
  if (!fits(s, out, index, axis) || !sourceFits(s, out, index, src)) return;
  if (out.dtype == DType::boolean) return unsupported(s, "scatterReduce", out.dtype);
  scatterBy(s, rule == 0 ? "scatterAdd" : "scatterReduce", out, index, src, axis, rule);
}

}  // namespace wg::cuda
