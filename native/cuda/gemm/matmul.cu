// The op matmul: its checks, and which kernel it goes to.
#include "../../ops/rows/matrix.h"

#include "../prototype.h"
#include "matrix.cuh"

WG_CUDA_PROTOTYPES(WG_MATRIX_ROWS)

namespace wg::cuda {
namespace {

bool shapesMatch(const Out& out, const In& a, const In& b, const MaybeIn& bias) {
  const int32_t rank = out.rank;
  if (rank < 2 || rank > kMaxRank || a.rank != rank || b.rank != rank) return false;
  for (int32_t axis = 0; axis < rank - 2; ++axis)
    if (a.shape[axis] != out.shape[axis] || b.shape[axis] != out.shape[axis]) return false;
  if (a.shape[rank - 2] != out.shape[rank - 2] || b.shape[rank - 1] != out.shape[rank - 1] ||
      a.shape[rank - 1] != b.shape[rank - 2])
    return false;
  return !bias.data || (bias.rank == 1 && bias.shape[0] == out.shape[rank - 1]);
}

/// The bias [n] as a view of out's shape.
View alongRows(const View& out, const View& bias) {
  View v = out;
  v.data = bias.data;
  for (int32_t i = 0; i < out.rank; i++) v.stride[i] = 0;
  if (bias.data) v.stride[out.rank - 1] = bias.stride[0];
  return v;
}

}  // namespace

namespace gemm {

template <class T>
bool runMatrices(Stream& s, const View& out, const View& a, const View& b, const View& bias) {
  const int64_t batches = batchesOf(out);
  const int32_t r = out.rank - 2;
  switch (wayOf(out.shape[r], out.shape[r + 1], a.shape[r + 1], batches)) {
    case Way::plain:
      return runPlain<T>(s, out, a, b, bias), true;
    case Way::thin:
      return runThin<T>(s, matrixProblem<T>(out, a, b, bias), batches);
    case Way::tiles:
      break;
  }
  const Plan plan = planOf(out.shape[r], out.shape[r + 1], a.shape[r + 1], batches, out.dtype);
  if (!hasRoom(s, plan)) return false;
  runProduct(s, matrixProblem<T>(out, a, b, bias), batches, plan);
  return true;
}
template bool runMatrices<float>(Stream&, const View&, const View&, const View&, const View&);
template bool runMatrices<double>(Stream&, const View&, const View&, const View&, const View&);

size_t matricesBytes(const View& out, const View& a) {
  const int64_t batches = batchesOf(out);
  const int32_t r = out.rank - 2;
  const int64_t m = out.shape[r], n = out.shape[r + 1], k = a.shape[r + 1];
  if (m == 0 || n == 0 || batches == 0) return 0;
  switch (wayOf(m, n, k, batches)) {
    case Way::plain:
      return 0;
    case Way::thin:
      return thinBytes(m, n, k, batches, out.dtype);
    case Way::tiles:
      break;
  }
  return planOf(m, n, k, batches, out.dtype).bytes;
}

}  // namespace gemm

size_t matmulWorkspace(const Out& out, const In& a, const In& b, const MaybeIn& bias) {
  if (!shapesMatch(out, a, b, bias)) return 0;
  return out.dtype == DType::f32 || out.dtype == DType::f64 ? gemm::matricesBytes(out, a) : 0;
}

void matmul(Stream& s, const Out& out, const In& a, const In& b, const MaybeIn& bias) {
  if (!require(s, shapesMatch(out, a, b, bias), "matmul: out, a, b and bias do not fit together")) return;
  if (!require(s, a.dtype == out.dtype && b.dtype == out.dtype && (!bias.data || bias.dtype == out.dtype),
               "matmul: out, a, b and bias must have one dtype"))
    return;
  if (out.dtype == DType::boolean) return fail(s, Code::unsupported, "matmul: bool is not supported");
  if (numel(out) == 0) return;
  withNumber(s, out.dtype, "matmul", [&]<class T>() {
    const View added = alongRows(out, bias);
    if constexpr (static_cast<T>(0.5) == T(0)) gemm::runPlain<T>(s, out, a, b, added);
    else require(s, gemm::runMatrices<T>(s, out, a, b, added), "matmul: the workspace is too small");
  });
}

}  // namespace wg::cuda
