// Cutting a product into blocks: tiles of C, members of the batch and splits of K, whose sums a second kernel
// adds. For the FFMA kernels and for those of tensor cores.
#pragma once
#include "../../ops/checks.h"
#include "../wg/index.h"
#include "../wg/launch.h"
#include "../wg/vector.h"

namespace wg::cuda::gemm {

/// Sizes that fit the kernels' 32-bit indices, with room for a last tile beyond the end.
inline bool tileable(int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kMost = INT32_MAX - 1024;
  return m <= kMost && n <= kMost && k <= kMost;
}

/// How a product is cut: a function of its sizes and dtype, so that sums are added in the same order
/// anywhere.
struct Plan {
  bool large;      ///< the problem's large tile
  int32_t splits;  ///< parts of K, each with sums of its own
  size_t bytes;    ///< of those sums
};
inline Plan planOf(int64_t m, int64_t n, int64_t k, int64_t batch, DType dtype, bool large = true) {
  // 128 blocks of the large tile keep every multiprocessor of an H200 busy; twice as many small ones.
  constexpr int64_t kBusy = 128, kLeastDepth = 256, kMostSplits = 64;
  const auto tiles = [&](int64_t side) { return ::wg::ceilDiv(m, side) * ::wg::ceilDiv(n, side) * batch; };
  if (dtype == DType::f32 && large && tiles(128) >= kBusy) return {true, 1, 0};
  const int64_t blocks = maxOf(tiles(64), 1);
  const int64_t splits =
      blocks >= 2 * kBusy
          ? 1
          : maxOf(minOf(minOf(::wg::ceilDiv(2 * kBusy, blocks), k / kLeastDepth), kMostSplits), 1);
  const int64_t bytes = splits == 1 ? 0 : splits * batch * m * n * itemBytes(dtype);
  return {false, static_cast<int32_t>(splits), static_cast<size_t>(bytes)};
}

/// Where a block works.
struct Cut {
  uint32_t rows, cols;  ///< tiles of C
  uint32_t splits, firstBatch;

  struct Place {
    uint32_t row, col, split, batch;
  };
  WG_DEV Place place(uint32_t block) const {
    // Blocks that run together share rows and columns of tiles: eight rows wide, they find most in the cache.
    constexpr uint32_t kWide = 8;
    const uint32_t tiles = rows * cols, rest = block / tiles, tile = block % tiles;
    const uint32_t first = tile / (kWide * cols) * kWide, within = tile % (kWide * cols);
    const uint32_t here = rows - first < kWide ? rows - first : kWide;
    return {first + within % here, within / here, rest % splits, firstBatch + rest / splits};
  }

  struct Steps {
    int32_t first, last;
  };
  /// Those of a split, of `all`.
  WG_DEV Steps steps(const Place& at, int32_t all) const {
    const int32_t each = ceilDiv(all, static_cast<int32_t>(splits)),
                  before = static_cast<int32_t>(at.split) * each;
    const int32_t first = before < all ? before : all;
    return {first, first + each < all ? first + each : all};
  }
};

/// Launches run(cut, blocks) for as many members of the batch at a time as a grid can count.
template <class F>
void inPieces(int64_t rowTiles, int64_t colTiles, int32_t splits, int64_t batches, F run) {
  Cut cut{static_cast<uint32_t>(rowTiles), static_cast<uint32_t>(colTiles), static_cast<uint32_t>(splits), 0};
  const int64_t blocks = rowTiles * colTiles * splits, atOnce = maxOf(INT32_MAX / blocks, 1);
  for (int64_t batch = 0; batch < batches; batch += atOnce) {
    cut.firstBatch = static_cast<uint32_t>(batch);
    run(cut, static_cast<uint32_t>(blocks * minOf(atOnce, batches - batch)));
  }
}

/// Sums of one split: dense, [split, batch, m, n].
template <class T>
struct Partial {
  T* data;
  int64_t cols;
  bool aligned;  ///< packs may be used
  WG_DEV int64_t rowOffset(int32_t row) const { return row * cols; }
  WG_DEV int64_t colOffset(int32_t col) const { return col; }
  WG_DEV T bias(int32_t, int32_t) const { return T(0); }
  WG_DEV bool packs() const { return aligned; }
  WG_DEV void put(int64_t at, T sum) const { data[at] = sum; }
  WG_DEV void putFour(int64_t at, const Pack<T, 4>& sums) const { store(data + at, sums); }
};

// One thread an element of C: the sums of its splits, in their order.
template <class T, class Problem>
WG_KERNEL(256)
sumSplits(const WG_GRID_CONSTANT Problem problem, int64_t batches, int32_t splits, const T* partial) {
  const int64_t total = batches * problem.m * problem.n;
  for (int64_t i = int64_t{blockIdx.x} * 256 + threadIdx.x; i < total; i += int64_t{gridDim.x} * 256) {
    const int64_t rest = i / problem.n;
    const int32_t col = static_cast<int32_t>(i % problem.n), row = static_cast<int32_t>(rest % problem.m);
    const auto member = problem.member(static_cast<uint32_t>(rest / problem.m));
    if (row >= member.m() || col >= member.n()) continue;
    T sum = 0;
    for (int32_t split = 0; split < splits; split++) sum += partial[split * total + i];
    const auto output = member.output();
    output.put(output.rowOffset(row) + output.colOffset(col), sum + output.bias(row, col));
  }
}

template <class T, class Problem>
void runSumSplits(Stream& s, const Problem& problem, int64_t batches, int32_t splits, const T* partial) {
  const int64_t blocks = ::wg::ceilDiv(batches * problem.m * problem.n, 256);
  launch(s, sumSplits<T, Problem>, dim3(static_cast<uint32_t>(minOf(blocks, 1 << 16))), dim3(256), 0, problem,
         batches, splits, partial);
}

/// Whether the scratch holds the plan's sums.
inline bool hasRoom(const Stream& s, const Plan& plan) {
  return plan.bytes == 0 || (s.scratch != nullptr && s.scratchBytes >= plan.bytes);
}

}  // namespace wg::cuda::gemm
