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
//   put(offset, sum)
//   packs()                        four columns from a multiple of four on are 16 aligned bytes or more
#pragma once
#include "loader.cuh"
#include "main_loop.cuh"
#include "split.cuh"

namespace wg::cuda::gemm {

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

template <class Tile, class Problem>
WG_DEV void writeTile(const typename Tile::T (&sums)[Tile::kMicro][Tile::kMicro], const Problem& problem,
                      const Cut::Place& at, int64_t batches, typename Tile::T* partial) {
  const auto member = problem.member(at.batch);
  const int32_t row0 = static_cast<int32_t>(at.row) * Tile::kSide,
                col0 = static_cast<int32_t>(at.col) * Tile::kSide;
  if (partial == nullptr) return writeOut<Tile>(sums, member.output(), row0, member.m(), col0, member.n());
  const int64_t matrix = at.split * batches + at.batch;
  const Partial<typename Tile::T> output{partial + matrix * problem.m * problem.n, problem.n, false};
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
  const auto [first, last] = cut.steps(at, ceilDiv(member.k(), Tile::kDepth));
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

template <class Tile, class Problem>
void runTiles(Stream& s, const Problem& problem, int64_t batches, int32_t splits) {
  using T = typename Tile::T;
  T* const partial = splits > 1 ? static_cast<T*>(s.scratch) : nullptr;
  inPieces(::wg::ceilDiv(problem.m, Tile::kSide), ::wg::ceilDiv(problem.n, Tile::kSide), splits, batches,
           [&](const Cut& cut, uint32_t blocks) {
             launch(s, product<Tile, Problem>, dim3(blocks), dim3(Tile::kThreads), 0, problem, cut, batches,
                    partial);
           });
  if (splits > 1) runSumSplits(s, problem, batches, splits, partial);
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
