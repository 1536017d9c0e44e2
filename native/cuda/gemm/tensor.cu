// Products on tensor cores: which of their operands are copied first, and which kernel runs.
#include "tensor.cuh"

#include "../../ops/rows/memory.h"
#include "../prototype.h"

WG_CUDA_PROTOTYPES(WG_MEMORY_ROWS)

namespace wg::cuda::gemm {
namespace {

/// An operand as the kernels take it: along k or along its rows, each line at 16 aligned bytes. What lies
/// otherwise, or has another dtype, is copied into scratch memory.
struct Laid {
  View view;  ///< [..., rows, k] or transposed, as the kernel sees it; without data when it has to be copied
  bool alongK;
  int64_t stride;
  size_t bytes;  ///< of the copy, or 0
};

int64_t sizeOf(int64_t stride) { return stride < 0 ? -stride : stride; }

Laid laidOf(const View& v, int32_t rowAxis, int32_t kAxis, DType core) {
  const int64_t packed = 16 / itemBytes(core);
  const int32_t batchAxes = v.rank - 2;
  const auto lies = [&](int32_t along, int32_t across) {
    return (v.shape[along] == 1 || v.stride[along] == 1) &&
           (v.shape[across] == 1 || v.stride[across] % packed == 0);
  };
  if (v.dtype == core && aligned16(v.data) && multiplesOf(packed, v.stride, v.shape, batchAxes))
    for (const bool alongK : {true, false})
      if (alongK ? lies(kAxis, rowAxis) : lies(rowAxis, kAxis))
        return {v, alongK, v.stride[alongK ? rowAxis : kAxis], 0};
  // The copy keeps the order of the axes, so that it reads and writes along lines.
  const bool alongK =
      v.shape[rowAxis] == 1 || (v.shape[kAxis] > 1 && sizeOf(v.stride[kAxis]) <= sizeOf(v.stride[rowAxis]));
  const int32_t along = alongK ? kAxis : rowAxis, across = alongK ? rowAxis : kAxis;
  Laid laid{v, alongK, ::wg::ceilDiv(v.shape[along], packed) * packed, 0};
  View& to = laid.view;
  to.data = nullptr;
  to.dtype = core;
  to.stride[along] = 1;
  to.stride[across] = laid.stride;
  int64_t count = laid.stride * v.shape[across];
  for (int32_t axis = batchAxes - 1; axis >= 0; axis--) {
    const bool repeats = v.stride[axis] == 0;
    to.stride[axis] = repeats ? 0 : count;
    if (!repeats) count *= v.shape[axis];
  }
  laid.bytes = static_cast<size_t>(::wg::ceilDiv(count * itemBytes(core), 64) * 64);
  return laid;
}

/// Copies the operand where it has to be; moves `scratch` on.
void settle(Stream& s, Laid& laid, const View& from, char*& scratch) {
  if (laid.bytes == 0) return;
  laid.view.data = scratch;
  scratch += laid.bytes;
  Out to;
  In source;
  static_cast<View&>(to) = laid.view;
  static_cast<View&>(source) = from;
  for (int32_t axis = 0; axis < from.rank - 2; axis++)
    if (from.stride[axis] == 0) to.shape[axis] = source.shape[axis] = minOf(from.shape[axis], 1);
  copy(s, to, source);
}

Plan planFor(const View& out, const View& a) {
  const int32_t r = out.rank - 2;
  Plan plan = planOf(out.shape[r], out.shape[r + 1], a.shape[r + 1], batchesOf(out), DType::f32);
  plan.bytes = (plan.bytes + 63) / 64 * 64;
  return plan;
}

template <class T>
void run(Stream& s, const View& out, const Laid& a, const Laid& b, const View& bias, const Plan& plan) {
  const int32_t r = out.rank - 2;
  const bool wide = out.dtype == DType::f32;
  const View& added = bias.data ? bias : out;
  // One of the four pairs of layouts is another's transpose: C^T = B^T A^T.
  const bool exchange = a.alongK == b.alongK ? out.stride[r + 1] != 1 && out.stride[r] == 1 : b.alongK;
  const Laid &left = exchange ? b : a, &right = exchange ? a : b;
  const int32_t row = exchange ? r + 1 : r, col = exchange ? r : r + 1;
  TensorProblem<T> p{};
  p.m = out.shape[row];
  p.n = out.shape[col];
  p.k = a.view.shape[r + 1];
  p.a = {static_cast<const T*>(left.view.data), left.stride};
  p.b = {static_cast<const T*>(right.view.data), right.stride};
  p.c = {{out.data, wide},
         out.stride[row],
         out.stride[col],
         {bias.data, wide},
         added.stride[row],
         added.stride[col],
         false};
  p.c.aligned = p.c.col == 1 && p.n % 4 == 0 && (p.m == 1 || p.c.row % 4 == 0) &&
                multiplesOf(4, out.stride, out.shape, r) && aligned16(out.data);
  View batches[4] = {out, left.view, right.view, added};
  for (View& v : batches) v.rank = r;
  p.batch = axesOf<4>({&batches[0], &batches[1], &batches[2], &batches[3]}).template offsets<uint64_t>();
  const int64_t count = batchesOf(out);
  if (!left.alongK) runTensorProduct<false, false>(s, p, count, plan);
  else if (right.alongK) runTensorProduct<true, true>(s, p, count, plan);
  else runTensorProduct<true, false>(s, p, count, plan);
}

}  // namespace

bool runTensor(Stream& s, const View& out, const View& a, const View& b, const View& bias, DType core) {
  const int32_t r = out.rank - 2;
  const Plan plan = planFor(out, a);
  Laid left = laidOf(a, r, r + 1, core), right = laidOf(b, r + 1, r, core);
  const size_t bytes = plan.bytes + left.bytes + right.bytes;
  if (bytes > 0 && (s.scratch == nullptr || s.scratchBytes < bytes)) return false;
  char* scratch = static_cast<char*>(s.scratch) + plan.bytes;
  settle(s, left, a, scratch);
  settle(s, right, b, scratch);
  withCore(core, [&]<class T>() { run<T>(s, out, left, right, bias, plan); });
  return true;
}

size_t tensorBytes(const View& out, const View& a, const View& b, DType core) {
  const int32_t r = out.rank - 2;
  return planFor(out, a).bytes + laidOf(a, r, r + 1, core).bytes + laidOf(b, r + 1, r, core).bytes;
}

}  // namespace wg::cuda::gemm
