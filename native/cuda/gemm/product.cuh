// Matrix products of any operands: cutting the work into blocks, the kernel, and the sum over splits of K.
//
// A problem is what a product is made of, for each member of a batch:
//   T, m, n, k                     sizes; of a member no larger than these
//   Large                          the tile for large products in float32, or void
//   member(batch)                  with m(), n(), k(), left<Tile>(row0, k0, kEnd), right<Tile>(col0, k0,
//   kEnd),
//                                  which are loaders, and output()
// and an output tells where sums go:
//   rowOffset(row), colOffset(col)     which add up, from `data`
//   bias(row, col)
//   packs()                        four columns from a multiple of four on are 16 aligned bytes or more
#pragma once
#include "../../ops/checks.h"
#include "../wg/index.h"
#include "../wg/launch.h"
#include "loader.cuh"
#include "main_loop.cuh"

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
};

template <class Tile, class Output>
WG_DEV void writeOut(const typename Tile::T (&sums)[Tile::kMicro][Tile::kMicro], const Output& output,
                     int32_t row0, int32_t rows, int32_t col0, int32_t cols) {
  using T = typename Tile::T;
  constexpr int V = Tile::kVector;
  const Micro<Tile> micro;
  WG_UNROLL
  for (int j = 0; j < Tile::kMicro; j += 4) {
    const int32_t col = col0 + micro.col(j);
    if (col >= cols) continue;
    int64_t to[4];
    WG_UNROLL
    for (int c = 0; c < 4; c++) to[c] = col + c < cols ? output.colOffset(col + c) : 0;
    WG_UNROLL
    for (int i = 0; i < Tile::kMicro; i++) {
      const int32_t row = row0 + micro.row(i);
      if (row >= rows) continue;
      T* const line = output.data + output.rowOffset(row);
      if (output.packs()) {
        WG_UNROLL
        for (int c = 0; c < 4; c += V) {
          Pack16<T> pack;
          WG_UNROLL
          for (int v = 0; v < V; v++) pack[v] = sums[i][j + c + v] + output.bias(row, col + c + v);
          store(line + to[c], pack);
        }
      } else {
        WG_UNROLL
        for (int c = 0; c < 4; c++)
          if (col + c < cols) line[to[c]] = sums[i][j + c] + output.bias(row, col + c);
      }
    }
  }
}

/// Sums of one split: dense, [split, batch, m, n].
template <class T>
struct Partial {
  T* data;
  int64_t cols;
  WG_DEV int64_t rowOffset(int32_t row) const { return row * cols; }
  WG_DEV int64_t colOffset(int32_t col) const { return col; }
  WG_DEV T bias(int32_t, int32_t) const { return T(0); }
  WG_DEV bool packs() const { return false; }
};

template <class Tile, class Problem>
WG_DEV void writeTile(const typename Tile::T (&sums)[Tile::kMicro][Tile::kMicro], const Problem& problem,
                      const Cut::Place& at, int64_t batches, typename Tile::T* partial) {
  const auto member = problem.member(at.batch);
  const int32_t row0 = static_cast<int32_t>(at.row) * Tile::kSide,
                col0 = static_cast<int32_t>(at.col) * Tile::kSide;
  if (partial == nullptr) return writeOut<Tile>(sums, member.output(), row0, member.m(), col0, member.n());
  const int64_t matrix = at.split * batches + at.batch;
  const Partial<typename Tile::T> output{partial + matrix * problem.m * problem.n, problem.n};
  writeOut<Tile>(sums, output, row0, member.m(), col0, member.n());
}

// One block a tile of C, a member of the batch and a split of K.
template <class Tile, class Problem>
WG_KERNEL(Tile::kThreads, Tile::kBlocks)
product(const WG_GRID_CONSTANT Problem problem, Cut cut, int64_t batches, typename Tile::T* partial) {
  using T = typename Tile::T;
  const Cut::Place at = cut.place(blockIdx.x);
  const auto member = problem.member(at.batch);
  const int32_t row0 = static_cast<int32_t>(at.row) * Tile::kSide,
                col0 = static_cast<int32_t>(at.col) * Tile::kSide;
  if (row0 >= member.m() || col0 >= member.n()) return;  // a member may be smaller than the largest
  const int32_t steps = ceilDiv(member.k(), Tile::kDepth);
  const int32_t each = ceilDiv(steps, static_cast<int32_t>(cut.splits));
  const int32_t split = static_cast<int32_t>(at.split);
  const int32_t first = split * each < steps ? split * each : steps;
  const int32_t last = first + each < steps ? first + each : steps;
  const int32_t k0 = first * Tile::kDepth,
                kEnd = last * Tile::kDepth < member.k() ? last * Tile::kDepth : member.k();
  T sums[Tile::kMicro][Tile::kMicro] = {};
  auto left = member.template left<Tile>(row0, k0, kEnd);
  auto right = member.template right<Tile>(col0, k0, kEnd);
  // What the end needs would take registers from the main loop: it is kept here and the rest found anew.
  WG_SHARED(Cut::Place, kept);
  if (threadIdx.x == 0) kept = at;
  syncBlock();
  mainLoop<Tile>(sums, left, right, last - first);
  writeTile<Tile>(sums, problem, kept, batches, partial);
}

// One thread an element of C: the sums of its splits, in their order.
template <class Problem>
WG_KERNEL(256)
sumSplits(const WG_GRID_CONSTANT Problem problem, int64_t batches, int32_t splits,
          const typename Problem::T* partial) {
  using T = typename Problem::T;
  const int64_t total = batches * problem.m * problem.n;
  for (int64_t i = int64_t{blockIdx.x} * 256 + threadIdx.x; i < total; i += int64_t{gridDim.x} * 256) {
    const int64_t rest = i / problem.n;
    const int32_t col = static_cast<int32_t>(i % problem.n), row = static_cast<int32_t>(rest % problem.m);
    const auto member = problem.member(static_cast<uint32_t>(rest / problem.m));
    if (row >= member.m() || col >= member.n()) continue;
    T sum = 0;
    for (int32_t split = 0; split < splits; split++) sum += partial[split * total + i];
    const auto output = member.output();
    output.data[output.rowOffset(row) + output.colOffset(col)] = sum + output.bias(row, col);
  }
}

template <class Problem>
void runSumSplits(Stream& s, const Problem& problem, int64_t batches, int32_t splits,
                  const typename Problem::T* partial) {
  const int64_t blocks = ::wg::ceilDiv(batches * problem.m * problem.n, 256);
  launch(s, sumSplits<Problem>, dim3(static_cast<uint32_t>(minOf(blocks, 1 << 16))), dim3(256), 0, problem,
         batches, splits, partial);
}

template <class Tile, class Problem>
void runTiles(Stream& s, const Problem& problem, int64_t batches, int32_t splits) {
  using T = typename Tile::T;
  T* const partial = splits > 1 ? static_cast<T*>(s.scratch) : nullptr;
  Cut cut{static_cast<uint32_t>(::wg::ceilDiv(problem.m, Tile::kSide)),
          static_cast<uint32_t>(::wg::ceilDiv(problem.n, Tile::kSide)), static_cast<uint32_t>(splits), 0};
  const int64_t blocks = int64_t{cut.rows} * cut.cols * splits;
  const int64_t atOnce = maxOf(INT32_MAX / blocks, 1);
  for (int64_t batch = 0; batch < batches; batch += atOnce) {
    cut.firstBatch = static_cast<uint32_t>(batch);
    launch(s, product<Tile, Problem>, dim3(static_cast<uint32_t>(blocks * minOf(atOnce, batches - batch))),
           dim3(Tile::kThreads), 0, problem, cut, batches, partial);
  }
  if (splits > 1) runSumSplits(s, problem, batches, splits, partial);
}

/// Whether the scratch holds the plan's sums.
inline bool hasRoom(const Stream& s, const Plan& plan) {
  return plan.bytes == 0 || (s.scratch != nullptr && s.scratchBytes >= plan.bytes);
}

/// Runs a problem whose sizes are tileable, with room for the plan.
template <class Problem>
void runProduct(Stream& s, const Problem& problem, int64_t batches, const Plan& plan) {
  using T = typename Problem::T;
  if constexpr (sizeof(T) == 8) {
    runTiles<DoubleTile>(s, problem, batches, plan.splits);
  } else {
    if constexpr (!std::is_void_v<typename Problem::Large>)
      if (plan.large) return runTiles<typename Problem::Large>(s, problem, batches, plan.splits);
    runTiles<SmallTile>(s, problem, batches, plan.splits);
  }
}

}  // namespace wg::cuda::gemm
