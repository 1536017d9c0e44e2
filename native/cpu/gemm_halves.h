// The gradient of weights, A^T B over many rows of both, on several threads: half of them take the first half
// of those, which are what they wrote and read in the kernels before, and the others the second. Every block
// of k of the second half has sums of its own, added in order behind: the same bits as one after the other.
#pragma once
#include "gemm_dots.h"

namespace wg::cpu {
inline namespace WG_ISA {

template <class T>
struct Halves {
  const Gemm<T>& g;
  int64_t depth = depthBlock<T>(g.k), blocks = ceilDiv(g.k, depth), first = ceilDiv(blocks, 2);

  bool fit() const {
    constexpr int64_t kMostBlocks = 4, kMostSums = 1 << 17;
    return blockOf(g) == &gemmPanels<T> && g.aRow == 1 && g.aCol != 1 && g.bCol == 1 && g.cCol == 1 &&
           !g.columnBias && !g.rowBias && blocks >= 2 && blocks <= kMostBlocks && g.m * g.n <= kMostSums &&
           g.m * g.n * g.k > kLeastWork;
  }
  size_t bytes() const { return static_cast<size_t>((blocks - first) * g.m * g.n) * sizeof(T); }

  void run(Stream& s) const {
    const double work = static_cast<double>(g.m * g.n) * static_cast<double>(g.k);
    T* const sums = static_cast<T*>(s.scratch);
    Gemm<T> half = g;
    half.k = first * depth;
    const Grid grid = gridFor<T>(half, work / 8);
    const int64_t rows = ceilDiv(g.m, grid.rows), cols = ceilDiv(g.n, grid.cols);
    parallelFor(s, 2 * rows * cols, [&](int64_t piece) {
      T* const scratch = static_cast<T*>(workerScratch());
      if (!scratch) return fail(s, Code::outOfMemory, "matmul: no memory for a packing buffer");
      const bool second = piece >= rows * cols;
      const int64_t i = piece % rows * grid.rows, j = piece % (rows * cols) / rows * grid.cols;
      for (int64_t b = second ? first : 0; b < (second ? blocks : first); ++b) {
        Gemm<T> part = g;
        part.m = minOf(grid.rows, g.m - i);
        part.n = minOf(grid.cols, g.n - j);
        part.k = minOf(depth, g.k - b * depth);
        part.a += i + b * depth * g.aCol;
        part.b += j + b * depth * g.bRow;
        part.c = second ? sums + ((b - first) * g.m + i) * g.n + j : g.c + i * g.cRow + j;
        if (second) part.cRow = g.n;
        part.accumulate = !second && b > 0;
        gemmBlock(part, scratch);
      }
    });
    constexpr int64_t kRows = 16;
    parallelFor(s, ceilDiv(g.m, kRows), [&](int64_t piece) {
      for (int64_t i = piece * kRows; i < minOf(g.m, (piece + 1) * kRows); ++i)
        for (int64_t b = 0; b < blocks - first; ++b) {
          T* const c = g.c + i * g.cRow;
          const T* const more = sums + (b * g.m + i) * g.n;
          for (int64_t j = 0; j < g.n; ++j) c[j] += more[j];
        }
    });
  }

 private:
  static constexpr int64_t kLeastWork = 1 << 23;  // some 50 us
};

}  // namespace WG_ISA
}  // namespace wg::cpu
