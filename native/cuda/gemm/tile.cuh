// The shapes of a block's part of a matrix product, and which of its threads owns what.
#pragma once
#include "../wg/block.h"
#include "../wg/vector.h"

namespace wg::cuda::gemm {

/// A block of 256 threads makes side × side sums, `depth` products of each at a step: so a thread brings 16
/// bytes of either operand a step. `blocks` of them share a multiprocessor.
template <class T_, int side, int depth, int blocks>
struct Tile {
  using T = T_;
  static constexpr int kThreads = 256, kSide = side, kDepth = depth, kBlocks = blocks;
  static constexpr int kVector = kPackCount<T>;
  static constexpr int kMicro = side / 16;  ///< a thread's sums in either direction
  /// Elements from one k to the next in shared memory: a chunk along k then meets other banks than its
  /// neighbour.
  static constexpr int kRow = side + 4;
  static_assert(side * depth == kThreads * kVector);
};

// FFMA kernels. 128 × 128 reuses each element 128 times; the small one fills the card when tiles are few.
using LargeTile = Tile<float, 128, 8, 2>;
/// For operands whose addresses take more registers than half a multiprocessor has.
using LooseTile = Tile<float, 128, 8, 1>;
using SmallTile = Tile<float, 64, 16, 3>;
using DoubleTile = Tile<double, 64, 8, 2>;

/// A thread's sums: kMicro rows and columns in groups of four, a warp's lanes 8 × 4 of them. So the loads of
/// a warp from shared memory hit each bank once.
template <class Tile>
struct Micro {
  static constexpr int kGroups = Tile::kMicro / 4;
  int row0, col0;

  WG_DEV Micro() {
    const int lane = laneId(), warp = warpId();
    row0 = warp / 4 * (kGroups * 32) + lane / 4 * 4;
    col0 = warp % 4 * (kGroups * 16) + lane % 4 * 4;
  }
  WG_DEV int row(int i) const { return row0 + i / 4 * 32 + i % 4; }
  WG_DEV int col(int j) const { return col0 + j / 4 * 16 + j % 4; }
};

/// Puts what a thread brought where the main loop reads it: tile[k][row].
template <class Tile>
WG_DEV void storeAlongK(typename Tile::T* tile, int row, int k, const Pack16<typename Tile::T>& chunk) {
  WG_UNROLL
  for (int j = 0; j < Tile::kVector; j++) tile[(k + j) * Tile::kRow + row] = chunk[j];
}
template <class Tile>
WG_DEV void storeAlongRows(typename Tile::T* tile, int row, int k, const Pack16<typename Tile::T>& chunk) {
  store(tile + k * Tile::kRow + row, chunk);
}

}  // namespace wg::cuda::gemm
