// The op matmul: its checks, and which kernel it goes to.
#include "../../ops/rows/matrix.h"

#include "../prototype.h"
#include "tensor.cuh"

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

bool runMatrices(Stream& s, const View& out, const View& a, const View& b, const View& bias,
                 int32_t precision) {
  const int64_t batches = batchesOf(out);
  const int32_t r = out.rank - 2;
  const Way way = wayOf(out.shape[r], out.shape[r + 1], a.shape[r + 1], batches, out.dtype);
  if (way == Way::plain) return runPlain(s, out, a, b, bias), true;
  if (way == Way::tiles && onCores(out.dtype, precision))
    return runTensor(s, out, a, b, bias, coreOf(out.dtype, precision));
  bool done = true;
  withFloat(s, out.dtype, "matmul", [&]<class T>() {
    if (way == Way::thin) {
      done = runThin<T>(s, matrixProblem<T>(out, a, b, bias), batches);
      return;
    }
    const Plan plan = planOf(out.shape[r], out.shape[r + 1], a.shape[r + 1], batches, out.dtype);
    done = hasRoom(s, plan);
    if (done) runProduct(s, matrixProblem<T>(out, a, b, bias), batches, plan);
  });
  return done;
}

size_t matricesBytes(const View& out, const View& a, const View& b, int32_t precision) {
  const int64_t batches = batchesOf(out);
  const int32_t r = out.rank - 2;
  const int64_t m = out.shape[r], n = out.shape[r + 1], k = a.shape[r + 1];
  if (m == 0 || n == 0 || batches == 0) return 0;
  switch (wayOf(m, n, k, batches, out.dtype)) {
    case Way::plain:
      return 0;
    case Way::thin:
      return thinBytes(m, n, k, batches, out.dtype);
    case Way::tiles:
      break;
  }
  if (onCores(out.dtype, precision)) return tensorBytes(out, a, b, coreOf(out.dtype, precision));
  return planOf(m, n, k, batches, out.dtype).bytes;
}

}  // namespace gemm

size_t matmulWorkspace(const Out& out, const In& a, const In& b, const MaybeIn& bias,
                       const MatmulParams& params) {
  return shapesMatch(out, a, b, bias) ? gemm::matricesBytes(out, a, b, params.precision) : 0;
}

void matmul(Stream& s, const Out& out, const In& a, const In& b, const MaybeIn& bias,
            const MatmulParams& params) {
  if (!require(s, shapesMatch(out, a, b, bias), "matmul: out, a, b and bias do not fit together")) return;
  if (!require(s, a.dtype == out.dtype && b.dtype == out.dtype && (!bias.data || bias.dtype == out.dtype),
               "matmul: out, a, b and bias must have one dtype"))
    return;
  if (out.dtype == DType::boolean) return fail(s, Code::unsupported, "matmul: bool is not supported");
  if (numel(out) == 0) return;
  require(s, gemm::runMatrices(s, out, a, b, alongRows(out, bias), params.precision),
          "matmul: the workspace is too small");
}

}  // namespace wg::cuda
