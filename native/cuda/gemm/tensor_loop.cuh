// The main loop of tensor cores: a ring of steps in shared memory, filled by asynchronous copies.
#pragma once
#include "../wg/async.h"
#include "tensor_tile.cuh"

namespace wg::cuda::gemm {

/// A thread's part of what a matrix [rows, k] is copied by, a step a call. The matrix lies along k or along
/// its rows, and each line of it begins at 16 aligned bytes, `stride` elements after the one before.
template <class Tile, bool alongK>
class MatrixCopies {
  using T = typename Tile::T;
  using S = Staged<Tile, alongK>;
  static constexpr int V = Tile::kVector, kApart = Tile::kThreads / S::kPerLine;

 public:
  static constexpr bool kAlongK = alongK;

  WG_DEV MatrixCopies(const T* data, int64_t stride, int32_t row0, int32_t rows, int32_t k, int32_t kEnd)
      : stride_(stride) {
    const int line = static_cast<int>(threadIdx.x) / S::kPerLine,
              along = static_cast<int>(threadIdx.x) % S::kPerLine * V;
    const int32_t row = row0 + (alongK ? line : along), at = k + (alongK ? along : line);
    at_ = data + (alongK ? row * stride + at : at * stride + row);
    rows_ = rows - row;
    before_ = kEnd - at;
  }

  WG_DEV void copy(unsigned char* tile) {
    const int line = static_cast<int>(threadIdx.x) / S::kPerLine,
              piece = static_cast<int>(threadIdx.x) % S::kPerLine;
    WG_UNROLL
    for (int i = 0; i < Tile::kCopies; i++) {
      const int32_t lines = (alongK ? rows_ : before_) - i * kApart, along = alongK ? before_ : rows_;
      const int valid = lines <= 0 || along <= 0 ? 0 : along < V ? along : V;
      copyAsync<16>(tile + S::at(line + i * kApart, piece), at_ + i * kApart * stride_,
                    valid * static_cast<int>(sizeof(T)));
    }
    at_ += alongK ? Tile::kDepth : Tile::kDepth * stride_;
    before_ -= Tile::kDepth;
  }

 private:
  const T* at_;
  int64_t stride_;
  int32_t rows_, before_;  ///< rows from the thread's first piece on, and k
};

template <class Tile, bool leftAlongK, bool rightAlongK>
WG_DEV void multiplyStep(typename Tile::Sums& sums, const unsigned char* left, const unsigned char* right) {
  using C = Core<typename Tile::T>;
  const int row0 = Tile::row0(), col0 = Tile::col0();
  WG_UNROLL
  for (int half = 0; half < 2; half++) {
    uint32_t a[Tile::kRowTiles][4], b[Tile::kColTiles][2];
    WG_UNROLL
    for (int i = 0; i < Tile::kRowTiles; i++) Staged<Tile, leftAlongK>::load(a[i], left, row0 + 16 * i, half);
    WG_UNROLL
    for (int j = 0; j < Tile::kColTiles; j += 2) {
      uint32_t r[4];
      Staged<Tile, rightAlongK>::load(r, right, col0 + 8 * j, half);
      b[j][0] = r[0], b[j + 1][0] = r[1];
      b[j][1] = r[2], b[j + 1][1] = r[3];
    }
    WG_UNROLL
    for (int i = 0; i < Tile::kRowTiles; i++) {
      WG_UNROLL
      for (int j = 0; j < Tile::kColTiles; j++) C::multiply(sums.at[i][j], a[i], b[j]);
    }
  }
}

/// sums += the products of `steps` steps of what Left and Right copy. Every thread of the block calls it; at
/// the end none reads `ring` any more.
template <class Tile, class Left, class Right>
WG_DEV void tensorLoop(typename Tile::Sums& sums, Left& left, Right& right, int32_t steps,
                       unsigned char* ring) {
  constexpr int kAhead = Tile::kStages - 1, kStage = 2 * Tile::kOperandBytes;
  int32_t copied = 0;
  int into = 0, from = 0;
  // A group a step even when there is nothing to copy: so the wait below counts steps.
  const auto copyNext = [&] {
    if (copied < steps) {
      left.copy(ring + into);
      right.copy(ring + into + Tile::kOperandBytes);
    }
    copyAsyncCommit();
    copied++;
    into = into == kAhead * kStage ? 0 : into + kStage;
  };
  WG_UNROLL
  for (int i = 0; i < kAhead; i++) copyNext();
  for (int32_t step = 0; step < steps; step++) {
    copyAsyncWait<kAhead - 1>();
    syncBlock();  // the others' copies of this step are there too, and nobody reads the step before it
    copyNext();
    multiplyStep<Tile, Left::kAlongK, Right::kAlongK>(sums, ring + from, ring + from + Tile::kOperandBytes);
    from = from == kAhead * kStage ? 0 : from + kStage;
  }
  copyAsyncWait<0>();
  syncBlock();
}

}  // namespace wg::cuda::gemm
