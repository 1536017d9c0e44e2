// Distances between the rows of two matrices.
#include "../../ops/power.h"
#include "../../ops/rows/linalg.h"
#include "matrix.cuh"

WG_CUDA_PROTOTYPES(WG_LINALG_ROWS)

namespace wg::cuda {
namespace {

constexpr int kSide = 16, kTileThreads = kSide * kSide;  // of a tile of distances: a thread each
constexpr int kDepth = 16;

/// What |a - b| adds up to, by the norm's p.
enum class Norm : int32_t { count, one, two, largest, other };

WG_DEV double withDifference(Norm norm, double p, double sum, double d) {
  switch (norm) {
    case Norm::count:
      return sum + (d == 0 ? 0.0 : 1.0);
    case Norm::one:
      return sum + d;
    case Norm::two:
      return sum + d * d;
    case Norm::largest:
      return sum == sum && (d > sum || d != d) ? d : sum;
    default:
      return sum + math::pow(d, p);
  }
}

/// A block takes tiles of rows of `a` by rows of `b`, whose elements go through shared memory.
template <class T>
WG_KERNEL(kTileThreads)
cdistKernel(const WG_GRID_CONSTANT Matrices out, const WG_GRID_CONSTANT Matrices a,
            const WG_GRID_CONSTANT Matrices b, int64_t across, int64_t down, int64_t tiles, Norm norm,
            double p) {
  WG_SHARED(double, left, [kSide][kDepth + 1]);
  WG_SHARED(double, right, [kSide][kDepth + 1]);
  const int x = static_cast<int>(threadIdx.x) % kSide, y = static_cast<int>(threadIdx.x) / kSide;
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const int64_t index = tile / (across * down), rest = tile - index * across * down;
    const auto at = static_cast<uint64_t>(index);
    const T* const from = reinterpret_cast<const T*>(a.data) + a.batch(at)[0];
    const T* const with = reinterpret_cast<const T*>(b.data) + b.batch(at)[0];
    const int64_t r0 = rest / across * kSide, c0 = rest % across * kSide;
    double sum = 0;
    for (int64_t k0 = 0; k0 < a.cols; k0 += kDepth) {
      const int64_t k = k0 + x;
      const bool inside = k < a.cols;
      left[y][x] = inside && r0 + y < a.rows ? static_cast<double>(from[(r0 + y) * a.row + k * a.col]) : 0;
      right[y][x] = inside && c0 + y < b.rows ? static_cast<double>(with[(c0 + y) * b.row + k * b.col]) : 0;
      syncBlock();
      const int depth = static_cast<int>(a.cols - k0 < kDepth ? a.cols - k0 : kDepth);
      for (int l = 0; l < depth; l++) sum = withDifference(norm, p, sum, abs(left[y][l] - right[x][l]));
      syncBlock();
    }
    if (r0 + y >= a.rows || c0 + x >= b.rows) continue;
    if (norm == Norm::two) sum = sqrt(sum);
    if (norm == Norm::other) sum = math::pow(sum, 1 / p);
    reinterpret_cast<T*>(out.data)[out.batch(at)[0] + (r0 + y) * out.row + (c0 + x) * out.col] =
        static_cast<T>(sum);
  }
}

Norm normOf(double p) {
  if (p == 2) return Norm::two;
  if (p == 1) return Norm::one;
  if (p == 0) return Norm::count;
  return p < __builtin_inf() ? Norm::other : Norm::largest;
}

}  // namespace

void cdist(Stream& s, const Out& out, const In& a, const In& b, const double& p) {
  const int64_t rows = rowsOfMatrix(a), others = rowsOfMatrix(b), n = colsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s,
               isFloatView(a) && isMatrices(b, count, others, n) && isMatrices(out, count, rows, others) &&
                   a.dtype == out.dtype && b.dtype == out.dtype,
               "cdist: out, a and b do not fit together") ||
      numel(out) == 0)
    return;
  const int64_t across = ceilDiv<int64_t>(others, kSide), down = ceilDiv<int64_t>(rows, kSide);
  const int64_t tiles = count * across * down;
  const dim3 grid(static_cast<unsigned>(minOf(tiles, int64_t{1} << 16)));
  withFloat(s, out.dtype, "cdist", [&]<class T>() {
    launch(s, cdistKernel<T>, grid, dim3(kTileThreads), 0, matricesOf(out), matricesOf(a), matricesOf(b),
           across, down, tiles, normOf(p), p);
  });
}

}  // namespace wg::cuda
