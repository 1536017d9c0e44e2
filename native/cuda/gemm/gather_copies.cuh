// What is no matrix in memory on its way to tensor cores. As for GatherLoader an operand tells where element
// (row, k) lies and whether it is there at all; here pieces of 16 bytes lie together, so it is asked for the
// first element of one, and tells how many of them there are:
//   static constexpr bool kAlongK          pieces run along k, else along the rows
//   Row row(int32_t), Step step(int32_t)   what depends on the one or the other; beyond the ends too
//   bool inside(Row, Step)
//   int64_t offset(Row, Step)              in elements from the data
//   int32_t count(Row, Step)               elements of the piece
#pragma once
#include "tensor_loop.cuh"

namespace wg::cuda::gemm {

template <class Tile, class Operand>
class GatherCopies {
  using T = typename Tile::T;
  using S = Staged<Tile, Operand::kAlongK>;
  static constexpr int V = Tile::kVector, kApart = Tile::kThreads / S::kPerLine;
  static constexpr int kRows = Operand::kAlongK ? Tile::kCopies : 1;

 public:
  static constexpr bool kAlongK = Operand::kAlongK;

  WG_DEV GatherCopies(const Operand& operand, const T* data, int32_t row0, int32_t k, int32_t kEnd)
      : operand_(operand), data_(data), kEnd_(kEnd) {
    const int line = static_cast<int>(threadIdx.x) / S::kPerLine,
              along = static_cast<int>(threadIdx.x) % S::kPerLine * V;
    next_ = k + (kAlongK ? along : line);
    WG_UNROLL
    for (int i = 0; i < kRows; i++) rows_[i] = operand.row(row0 + (kAlongK ? line + i * kApart : along));
  }

  WG_DEV void copy(unsigned char* tile) {
    const int line = static_cast<int>(threadIdx.x) / S::kPerLine,
              piece = static_cast<int>(threadIdx.x) % S::kPerLine;
    typename Operand::Step step = operand_.step(next_);
    WG_UNROLL
    for (int i = 0; i < Tile::kCopies; i++) {
      const int32_t k = kAlongK ? next_ : next_ + i * kApart;
      if (!kAlongK && i > 0) step = operand_.step(k);
      const typename Operand::Row& row = rows_[kAlongK ? i : 0];
      const bool inside = k < kEnd_ && operand_.inside(row, step);
      const int32_t count = inside ? operand_.count(row, step) : 0;
      const T* const from = data_ + (inside ? operand_.offset(row, step) : 0);
      copyAsync<16>(tile + S::at(line + i * kApart, piece), from,
                    (count < V ? count : V) * static_cast<int>(sizeof(T)));
    }
    next_ += Tile::kDepth;
  }

 private:
  Operand operand_;
  const T* data_;
  typename Operand::Row rows_[kRows];
  int32_t next_, kEnd_;
};

}  // namespace wg::cuda::gemm
