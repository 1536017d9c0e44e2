// Products with at most eight columns: as fast as the matrix can be read. What is small is on the right, with
// the operands exchanged where need be. K is split over blocks when there are few rows.
#include "matrix.cuh"

namespace wg::cuda::gemm {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp, kMostCols = 8;
constexpr int kRows = 4;  // of a warp, when the matrix lies along k: so many loads are under way at once

/// A matrix that lies along its rows gives each lane 16 bytes of one column.
template <class T>
constexpr int kLaneRows = kPackCount<T>;

int64_t rowsOfBlock(DType dtype) {
  return dtype == DType::f32 ? kWarp * kLaneRows<float> : kWarp * kLaneRows<double>;
}

/// A function of the sizes alone; both kernels use it.
int32_t splitsOf(int64_t rows, int64_t k, int64_t batches, DType dtype) {
  const int64_t blocks = maxOf(::wg::ceilDiv(rows, rowsOfBlock(dtype)) * batches, 1);
  return static_cast<int32_t>(maxOf(minOf(minOf(::wg::ceilDiv(512, blocks), k / 1024), 256), 1));
}

struct ThinCut {
  uint32_t rowBlocks, splits, firstBatch;
  int32_t depth;  ///< of a split

  struct Place {
    uint32_t block, split, batch;
  };
  WG_DEV Place place(uint32_t i) const {
    return {i % rowBlocks, i / rowBlocks % splits, firstBatch + i / rowBlocks / splits};
  }
};

template <class T>
WG_DEV void put(const MatrixProblem<T>& p, const ThinCut::Place& at, int64_t batches, T* partial, int32_t row,
                int32_t col, T sum) {
  if (partial != nullptr) {
    partial[((at.split * batches + at.batch) * p.m + row) * p.n + col] = sum;
    return;
  }
  const MatrixOutput<T> output = p.member(at.batch).output();
  output.data[output.rowOffset(row) + output.colOffset(col)] = sum + output.bias(row, col);
}

// The matrix lies along k: a warp has kRows rows, its lanes 16 bytes of each at a time. B comes from the
// cache.
template <class T, int cols>
WG_KERNEL(kThreads, 2)
thinAlongK(const WG_GRID_CONSTANT MatrixProblem<T> p, ThinCut cut, int64_t batches, T* partial) {
  constexpr int V = kPackCount<T>;
  const ThinCut::Place at = cut.place(blockIdx.x);
  const auto member = p.member(at.batch);
  const T *const a = p.a.data + member.at[1], *const b = p.b.data + member.at[2];
  const int32_t row0 = (static_cast<int32_t>(at.block) * kWarps + warpId()) * kRows;
  const int32_t begin = static_cast<int32_t>(at.split) * cut.depth;
  const int32_t end = member.k() - begin < cut.depth ? member.k() : begin + cut.depth;
  T sums[kRows][cols] = {};
  for (int32_t k = begin + laneId() * V; k < end; k += kWarp * V) {
    Pack16<T> left[kRows];
    WG_UNROLL
    for (int i = 0; i < kRows; i++) {
      left[i] = Pack16<T>{};
      if (row0 + i >= member.m()) continue;
      const T* const from = a + (row0 + i) * p.a.row + k * p.a.k;
      if (p.a.packs) {
        left[i] = loadOnce<Pack16<T>>(from);
      } else {
        WG_UNROLL
        for (int v = 0; v < V; v++)
          if (k + v < end) left[i][v] = from[v * p.a.k];
      }
    }
    WG_UNROLL
    for (int v = 0; v < V; v++) {
      if (k + v >= end) continue;
      WG_UNROLL
      for (int j = 0; j < cols; j++) {
        if (j >= member.n()) continue;
        const T right = b[(k + v) * p.b.k + j * p.b.row];
        WG_UNROLL
        for (int i = 0; i < kRows; i++) sums[i][j] += left[i][v] * right;
      }
    }
  }
  WG_UNROLL
  for (int i = 0; i < kRows; i++) {
    WG_UNROLL
    for (int j = 0; j < cols; j++) {
      if (j >= member.n() || row0 + i >= member.m()) continue;  // the same in all lanes
      const T sum = warpSum(sums[i][j]);
      if (laneId() == 0) put(p, at, batches, partial, row0 + i, j, sum);
    }
  }
}

// The matrix lies along its rows: a block has 32 lanes' rows, its warps take turns with k and add up at the
// end.
template <class T, int cols>
WG_KERNEL(kThreads, 2)
thinAlongRows(const WG_GRID_CONSTANT MatrixProblem<T> p, ThinCut cut, int64_t batches, T* partial) {
  constexpr int V = kPackCount<T>, kUnroll = 4;
  WG_SHARED(Pack16<T>, ofWarps, [kWarps][kWarp]);
  const ThinCut::Place at = cut.place(blockIdx.x);
  const auto member = p.member(at.batch);
  const T *const a = p.a.data + member.at[1], *const b = p.b.data + member.at[2];
  const int32_t row = (static_cast<int32_t>(at.block) * kWarp + laneId()) * V, left = member.m() - row;
  const int32_t begin = static_cast<int32_t>(at.split) * cut.depth;
  const int32_t end = member.k() - begin < cut.depth ? member.k() : begin + cut.depth;
  Pack16<T> sums[cols] = {};
  for (int32_t k0 = begin + warpId(); k0 < end; k0 += kWarps * kUnroll) {
    Pack16<T> values[kUnroll];
    WG_UNROLL
    for (int u = 0; u < kUnroll; u++) {
      const int32_t k = k0 + u * kWarps;
      values[u] = Pack16<T>{};
      if (k >= end || left <= 0) continue;
      const T* const from = a + row * p.a.row + k * p.a.k;
      if (p.a.packs) {
        values[u] = loadOnce<Pack16<T>>(from);
      } else {
        WG_UNROLL
        for (int v = 0; v < V; v++)
          if (v < left) values[u][v] = from[v * p.a.row];
      }
    }
    WG_UNROLL
    for (int u = 0; u < kUnroll; u++) {
      const int32_t k = k0 + u * kWarps;
      if (k >= end) continue;
      WG_UNROLL
      for (int j = 0; j < cols; j++) {
        if (j >= member.n()) continue;
        const T right = b[k * p.b.k + j * p.b.row];
        WG_UNROLL
        for (int v = 0; v < V; v++) sums[j][v] += values[u][v] * right;
      }
    }
  }
  WG_UNROLL
  for (int j = 0; j < cols; j++) {
    if (j >= member.n()) continue;  // the same in the whole block
    ofWarps[warpId()][laneId()] = sums[j];
    syncBlock();
    if (warpId() == 0) {
      Pack16<T> sum = ofWarps[0][laneId()];
      for (int w = 1; w < kWarps; w++) {
        WG_UNROLL
        for (int v = 0; v < V; v++) sum[v] += ofWarps[w][laneId()][v];
      }
      WG_UNROLL
      for (int v = 0; v < V; v++)
        if (v < left) put(p, at, batches, partial, row + v, j, sum[v]);
    }
    syncBlock();
  }
}

}  // namespace

size_t thinBytes(int64_t m, int64_t n, int64_t k, int64_t batches, DType dtype) {
  const int64_t splits = splitsOf(maxOf(m, n), k, batches, dtype);
  return splits == 1 ? 0 : static_cast<size_t>(splits * batches * m * n * itemBytes(dtype));
}

template <class T>
bool runThin(Stream& s, MatrixProblem<T> p, int64_t batches) {
  constexpr DType dtype = sizeof(T) == 4 ? DType::f32 : DType::f64;
  if (p.n > p.m) p = p.exchanged();
  const size_t bytes = thinBytes(p.m, p.n, p.k, batches, dtype);
  if (bytes > 0 && (s.scratch == nullptr || s.scratchBytes < bytes)) return false;
  T* const partial = bytes > 0 ? static_cast<T*>(s.scratch) : nullptr;
  const int32_t splits = splitsOf(p.m, p.k, batches, dtype);
  const int64_t rows = p.a.alongK ? kWarps * kRows : kWarp * kLaneRows<T>;
  // Whole packs to a split.
  const int64_t depth = ::wg::ceilDiv(::wg::ceilDiv(p.k, splits), kPackCount<T>) * kPackCount<T>;
  ThinCut cut{static_cast<uint32_t>(::wg::ceilDiv(p.m, rows)), static_cast<uint32_t>(splits), 0,
              static_cast<int32_t>(depth)};
  const int64_t blocks = int64_t{cut.rowBlocks} * splits, atOnce = maxOf(INT32_MAX / blocks, 1);
  const auto kernel = p.a.alongK ? (p.n == 1 ? thinAlongK<T, 1> : thinAlongK<T, kMostCols>)
                                 : (p.n == 1 ? thinAlongRows<T, 1> : thinAlongRows<T, kMostCols>);
  for (int64_t batch = 0; batch < batches; batch += atOnce) {
    cut.firstBatch = static_cast<uint32_t>(batch);
    launch(s, kernel, dim3(static_cast<uint32_t>(blocks * minOf(atOnce, batches - batch))), dim3(kThreads), 0,
           p, cut, batches, partial);
  }
  if (splits > 1) runSumSplits(s, p, batches, splits, partial);
  return true;
}

template bool runThin<float>(Stream&, MatrixProblem<float>, int64_t);
template bool runThin<double>(Stream&, MatrixProblem<double>, int64_t);

}  // namespace wg::cuda::gemm
