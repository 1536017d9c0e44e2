// A block's part of a product on tensor cores: its shape, and where the elements of a step lie in shared
// memory. Pieces of 16 bytes are permuted, so that neither the copies nor the loads of fragments meet in a
// bank.
#pragma once
#include "../wg/block.h"
#include "../wg/vector.h"
#include "core.cuh"

namespace wg::cuda::gemm {

/// A block makes side × side sums, a warp `rows` × `cols` of them. A step is 64 bytes deep: two of the cores'
/// own. `stages` steps are in shared memory, all but one of them under way; `blocks` share a multiprocessor.
template <class T_, int side, int rows, int cols, int stages, int blocks>
struct TensorTile {
  using T = T_;
  static constexpr int kSide = side, kRows = rows, kCols = cols, kStages = stages, kBlocks = blocks;
  static constexpr int kThreads = side / rows * (side / cols) * kWarp;
  static constexpr int kVector = kPackCount<T>, kDepth = 4 * kVector;
  static constexpr int kRowTiles = rows / 16, kColTiles = cols / 8;  ///< products of the cores, at a time
  static constexpr int kOperandBytes = side * 64;
  /// A warp's sums pass through shared memory 16 rows at a time.
  static constexpr int kStripPitch = cols + 8;
  static constexpr size_t kSharedBytes = static_cast<size_t>(2 * kOperandBytes * stages);
  static_assert(kThreads / kWarp * 16 * kStripPitch * 4 <= static_cast<int>(kSharedBytes));
  static constexpr int kCopies = kOperandBytes / 16 / kThreads;  ///< of a thread, a step and an operand

  struct Sums {
    float at[kRowTiles][kColTiles][4];
  };
  static WG_DEV int row0() { return warpId() / (side / cols) * rows; }
  static WG_DEV int col0() { return warpId() % (side / cols) * cols; }
};

/// `blocks`: one where the copies' addresses take more registers than half a multiprocessor has.
template <class T, int blocks = 2>
using LargeTensorTile = TensorTile<T, 128, 64, 32, 4, blocks>;
template <class T>
using SmallTensorTile = TensorTile<T, 64, 32, 32, 4, 3>;

/// One operand's step in shared memory. `alongK`: 64 bytes of k of one row after the other; else all rows of
/// one k after the other.
template <class Tile, bool alongK>
struct Staged {
  using T = typename Tile::T;
  static constexpr int kPerLine = alongK ? 4 : Tile::kSide / Tile::kVector;  ///< pieces

  /// Offset in bytes of a piece of row or k `line`.
  static WG_DEV int at(int line, int piece) {
    // Eight lines, or their halves, that one instruction reads lie in eight different groups of banks.
    const int mask = alongK ? line >> 1 & 3 : sizeof(T) == 2 ? line & 7 : (line & 3) << 1;
    return (line * kPerLine + (piece ^ mask)) * 16;
  }

  /// Rows row … row + 15 of step `half` of the cores: {row g, row g + 8} of the first half of its k, then of
  /// the second.
  static WG_DEV void load(uint32_t (&r)[4], const unsigned char* tile, int row, int half) {
    const int lane = laneId();
    if constexpr (alongK) {
      loadMatrix(r, tile + at(row + lane % 16, 2 * half + lane / 16));
    } else if constexpr (sizeof(T) == 2) {
      const int k = 16 * half + lane % 8 + lane / 16 * 8;
      loadMatrix<4, Transpose::yes>(r, tile + at(k, row / 8 + lane / 8 % 2));
    } else {
      const int g = lane / 4, q = lane % 4;
      WG_UNROLL
      for (int i = 0; i < 4; i++) {
        const int at_ = row + g + i % 2 * 8;
        const unsigned char* const piece = tile + at(8 * half + q + i / 2 * 4, at_ / 4);
        r[i] = cuda::load<uint32_t>(piece + at_ % 4 * 4);
      }
    }
    Core<T>::settle(r);
  }
};

}  // namespace wg::cuda::gemm
