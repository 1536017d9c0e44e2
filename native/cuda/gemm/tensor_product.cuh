// Matrix products on tensor cores, of whatever can be copied into shared memory 16 bytes at a time.
//
// A problem is as in product.cuh, with
//   T                              the operands' elements, see core.cuh; sums are floats
//   Large                          a LargeTensorTile
//   left<Tile, alongK>(row0, k0, kEnd), right<Tile, alongK>(col0, k0, kEnd)   which copy a step into
//                                  shared memory, see tensor_loop.cuh
// and an output has besides
//   putFour(offset, sums)          of a pack
#pragma once
#include "split.cuh"
#include "tensor_loop.cuh"

namespace wg::cuda::gemm {

using Four = Pack<float, 4>;

/// Elements that are floats or, unless `wide`, of T.
template <class T>
struct Floats {
  void* data;
  bool wide;

  WG_DEV float get(int64_t at) const {
    if constexpr (sizeof(T) == 2)
      if (!wide) return Core<T>::widen(static_cast<const T*>(data)[at]);
    return static_cast<const float*>(data)[at];
  }
  WG_DEV void put(int64_t at, float value) const {
    if constexpr (sizeof(T) == 2)
      if (!wide) return store(static_cast<T*>(data) + at, static_cast<uint16_t>(Core<T>::narrow(value, 0)));
    static_cast<float*>(data)[at] = value;
  }
  WG_DEV void putFour(int64_t at, const Four& v) const {
    if constexpr (sizeof(T) == 2)
      if (!wide)
        return store(static_cast<T*>(data) + at,
                     Pack<uint32_t, 2>{{Core<T>::narrow(v[0], v[1]), Core<T>::narrow(v[2], v[3])}});
    store(static_cast<float*>(data) + at, v);
  }
  /// From element `at` on.
  WG_DEV Floats from(int64_t at) const {
    return {static_cast<char*>(data) + at * (wide ? 4 : static_cast<int64_t>(sizeof(T))), wide};
  }
};

// A warp's sums go through shared memory, 16 rows at a time: its lanes then have four columns each and
// neighbours along a row.
template <class Tile, class Output>
WG_DEV void putTile(const typename Tile::Sums& sums, const Output& output, int32_t row0, int32_t rows,
                    int32_t col0, int32_t cols, unsigned char* shared) {
  constexpr int kPitch = Tile::kStripPitch, kAcross = Tile::kCols / 4, kAtOnce = kWarp / kAcross;
  auto* const strip = reinterpret_cast<float*>(shared) + warpId() * 16 * kPitch;
  const int lane = laneId(), g = lane / 4, q = lane % 4, own = lane % kAcross * 4;
  const int32_t col = col0 + Tile::col0() + own;
  int64_t to[4];
  WG_UNROLL
  for (int c = 0; c < 4; c++) to[c] = col + c < cols ? output.colOffset(col + c) : 0;
  WG_UNROLL
  for (int i = 0; i < Tile::kRowTiles; i++) {
    __syncwarp();
    WG_UNROLL
    for (int j = 0; j < Tile::kColTiles; j++) {
      const float(&d)[4] = sums.at[i][j];
      float* const at = strip + g * kPitch + 8 * j + 2 * q;
      store(at, Pack<float, 2>{{d[0], d[1]}});
      store(at + 8 * kPitch, Pack<float, 2>{{d[2], d[3]}});
    }
    __syncwarp();
    for (int r = lane / kAcross; r < 16; r += kAtOnce) {
      const int32_t row = row0 + Tile::row0() + 16 * i + r;
      if (row >= rows || col >= cols) continue;
      Four four = load<Four>(strip + r * kPitch + own);
      const int64_t line = output.rowOffset(row);
      WG_UNROLL
      for (int c = 0; c < 4; c++)
        if (col + c < cols) four[c] += output.bias(row, col + c);
      if (output.packs()) {
        output.putFour(line + to[0], four);
      } else {
        WG_UNROLL
        for (int c = 0; c < 4; c++)
          if (col + c < cols) output.put(line + to[c], four[c]);
      }
    }
  }
}

// One block a tile of C, a member of the batch and a split of K.
template <class Tile, class Problem, bool leftAlongK, bool rightAlongK>
WG_KERNEL(Tile::kThreads, Tile::kBlocks)
tensorProduct(const WG_GRID_CONSTANT Problem problem, Cut cut, int64_t batches, float* partial) {
  WG_DYN_SHARED(shared);
  const Cut::Place at = cut.place(blockIdx.x);
  const auto member = problem.member(at.batch);
  const int32_t row0 = static_cast<int32_t>(at.row) * Tile::kSide,
                col0 = static_cast<int32_t>(at.col) * Tile::kSide;
  if (row0 >= member.m() || col0 >= member.n()) return;  // a member may be smaller than the largest
  typename Tile::Sums sums{};
  {
    const auto [first, last] = cut.steps(at, ceilDiv(member.k(), Tile::kDepth));
    const int32_t k0 = first * Tile::kDepth,
                  kEnd = last * Tile::kDepth < member.k() ? last * Tile::kDepth : member.k();
    auto left = member.template left<Tile, leftAlongK>(row0, k0, kEnd);
    auto right = member.template right<Tile, rightAlongK>(col0, k0, kEnd);
    tensorLoop<Tile>(sums, left, right, last - first, shared);
  }
  if (partial == nullptr)
    return putTile<Tile>(sums, member.output(), row0, member.m(), col0, member.n(), shared);
  const int64_t matrix = at.split * batches + at.batch;
  const Partial<float> output{partial + matrix * problem.m * problem.n, problem.n, problem.n % 4 == 0};
  putTile<Tile>(sums, output, row0, member.m(), col0, member.n(), shared);
}

template <class Tile, bool leftAlongK, bool rightAlongK, class Problem>
void runTensorTiles(Stream& s, const Problem& problem, int64_t batches, int32_t splits) {
  auto* const partial = splits > 1 ? static_cast<float*>(s.scratch) : nullptr;
  inPieces(::wg::ceilDiv(problem.m, Tile::kSide), ::wg::ceilDiv(problem.n, Tile::kSide), splits, batches,
           [&](const Cut& cut, uint32_t blocks) {
             launch(s, tensorProduct<Tile, Problem, leftAlongK, rightAlongK>, dim3(blocks),
                    dim3(Tile::kThreads), Tile::kSharedBytes, problem, cut, batches, partial);
           });
  if (splits > 1) runSumSplits(s, problem, batches, splits, partial);
}

/// Runs a problem whose sizes are tileable, with room for the plan.
template <bool leftAlongK, bool rightAlongK, class Problem>
void runTensorProduct(Stream& s, const Problem& problem, int64_t batches, const Plan& plan) {
  using T = typename Problem::T;
  if (plan.large)
    runTensorTiles<typename Problem::Large, leftAlongK, rightAlongK>(s, problem, batches, plan.splits);
  else runTensorTiles<SmallTensorTile<T>, leftAlongK, rightAlongK>(s, problem, batches, plan.splits);
}

}  // namespace wg::cuda::gemm
