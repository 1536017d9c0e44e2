// From operands to tiles in shared memory. A loader is what the main loop asks: fetch() reads the thread's
// share of the next step into registers, store() puts it into shared memory once the step before is done
// with. An operand is [rows, k], its rows those of C or, on the right, C's columns.
#pragma once
#include "tile.cuh"

namespace wg::cuda::gemm {

/// A strided matrix, as kernels get it.
template <class T>
struct Matrix {
  const T* data;
  int64_t row, k;  ///< strides
  bool alongK;     ///< chunks run along k, else along the rows
  bool packs;      ///< every chunk is 16 aligned bytes, wholly inside or outside
};

template <class Tile>
class MatrixLoader {
  using T = typename Tile::T;
  static constexpr int V = Tile::kVector;

 public:
  WG_DEV MatrixLoader(const Matrix<T>& m, const T* data, int32_t row0, int32_t rows, int32_t k, int32_t kEnd)
      : m_(m) {
    const int row = rowOf(m), before = kOf(m);
    left_ = rows - row0 - row;
    before_ = kEnd - k - before;
    at_ = data + (row0 + row) * m.row + (k + before) * m.k;
  }

  WG_DEV void fetch(Pack16<T>& chunk) {
    const int32_t count = m_.alongK ? (left_ > 0 ? before_ : 0) : (before_ > 0 ? left_ : 0);
    chunk = Pack16<T>{};
    if (m_.packs) {
      if (count > 0) chunk = loadReadOnly<Pack16<T>>(at_);
    } else {
      const int64_t stride = m_.alongK ? m_.k : m_.row;
      WG_UNROLL
      for (int j = 0; j < V; j++)
        if (j < count) chunk[j] = at_[j * stride];
    }
    at_ += Tile::kDepth * m_.k;
    before_ -= Tile::kDepth;
  }
  WG_DEV void store(T* tile, const Pack16<T>& chunk) const {
    if (m_.alongK) storeAlongK<Tile>(tile, rowOf(m_), kOf(m_), chunk);
    else storeAlongRows<Tile>(tile, rowOf(m_), kOf(m_), chunk);
  }

 private:
  // Of the thread's chunk within a tile; not kept, registers are scarce.
  static WG_DEV int rowOf(const Matrix<T>& m) {
    const int t = static_cast<int>(threadIdx.x);
    return m.alongK ? t / (Tile::kDepth / V) : t % (Tile::kSide / V) * V;
  }
  static WG_DEV int kOf(const Matrix<T>& m) {
    const int t = static_cast<int>(threadIdx.x);
    return m.alongK ? t % (Tile::kDepth / V) * V : t / (Tile::kSide / V);
  }

  const Matrix<T>& m_;
  const T* at_;
  int32_t left_, before_;  ///< rows from the chunk on, and k
};

/// An operand that is no matrix in memory. It tells where element (row, k) lies and whether it is there at
/// all:
///   static constexpr bool kAlongK      a thread brings some k of one row, else one k of some rows
///   Row row(int32_t), Step step(int32_t)   what depends on the one or the other; beyond the ends too
///   bool inside(Row, Step)             whether there is such an element
///   int64_t offset(Row, Step)          where, in elements from the data
template <class Tile, class Operand>
class GatherLoader {
  using T = typename Tile::T;
  static constexpr int V = Tile::kVector, kRows = Operand::kAlongK ? 1 : V;

 public:
  WG_DEV GatherLoader(const Operand& operand, const T* data, int32_t row0, int32_t k)
      : operand_(operand), data_(data) {
    next_ = k + kOf();
    WG_UNROLL
    for (int i = 0; i < kRows; i++) rows_[i] = operand.row(row0 + rowOf() + i);
  }

  WG_DEV void fetch(Pack16<T>& chunk) {
    typename Operand::Step step = operand_.step(next_);
    WG_UNROLL
    for (int j = 0; j < V; j++) {
      if (Operand::kAlongK && j > 0) step = operand_.step(next_ + j);
      const typename Operand::Row& row = rows_[Operand::kAlongK ? 0 : j];
      chunk[j] = operand_.inside(row, step) ? data_[operand_.offset(row, step)] : T(0);
    }
    next_ += Tile::kDepth;
  }
  WG_DEV void store(T* tile, const Pack16<T>& chunk) const {
    if (Operand::kAlongK) storeAlongK<Tile>(tile, rowOf(), kOf(), chunk);
    else storeAlongRows<Tile>(tile, rowOf(), kOf(), chunk);
  }

 private:
  // Neighbouring lanes have neighbouring rows, or k: they read neighbouring memory.
  static WG_DEV int rowOf() {
    const int t = static_cast<int>(threadIdx.x);
    return Operand::kAlongK ? t % Tile::kSide : t / Tile::kDepth * V;
  }
  static WG_DEV int kOf() {
    const int t = static_cast<int>(threadIdx.x);
    return Operand::kAlongK ? t / Tile::kSide * V : t % Tile::kDepth;
  }

  Operand operand_;
  const T* data_;
  typename Operand::Row rows_[kRows];
  int32_t next_;
};

}  // namespace wg::cuda::gemm
