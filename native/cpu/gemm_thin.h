// Products with few rows are bound by memory: B is read once, along its contiguous axis, and never packed.
#pragma once
#include "gemm.h"

namespace wg::cpu {
inline namespace WG_ISA {

struct Grid {
  int64_t rows, cols;
};

/// Block of C for one chunk of about `work` multiply-adds.
template <class T>
inline Grid gridFor(const Gemm<T>& g, double work) {
  constexpr int64_t kPanel = kTileVectors * Lanes<T>::kCount;
  const double area = work / static_cast<double>(g.k + 1);
  // Packing costs per row and per column of the block: square blocks waste least. Columns come in whole panels.
  int64_t rows = 1;
  while (static_cast<double>(rows) * static_cast<double>(rows) < area && rows < (int64_t{1} << 20)) rows *= 2;
  rows = evenSplit(g.m, maxOf(minOf(rows, 256), kTileRows), kTileRows);
  const double wanted = area / static_cast<double>(rows);
  const int64_t cols = wanted > 4096 ? 4096 : static_cast<int64_t>(wanted) / kPanel * kPanel;
  return {rows, evenSplit(g.n, maxOf(cols, kPanel), kPanel)};
}

template <class T>
inline void gemmAny(const Gemm<T>& g, T* scratch) {
  gemmBlock(g, scratch);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
