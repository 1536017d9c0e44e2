// Products x W^T of few rows or few columns, W as it lies, and x W of few columns, W turned: dot products
// along k, where no lane is idle.
#pragma once
#include "gemm_thin.h"

namespace wg::cpu {
inline namespace WG_ISA {

// bench/native/gemm_bench.cc on Zen 4: shorter sums and more columns are faster in tiles of whole vectors.
inline constexpr int64_t kThinCols = 12, kThinDepth = 16;

/// Few columns of B whose rows are contiguous fit the scratch the other way round.
template <class T>
inline bool turnsColumns(const Gemm<T>& g) {
  return g.bCol == 1 && g.n <= kThinCols &&
         ceilDiv(g.k, Lanes<T>::kCount) * kVectorBytes * g.n <= kBlockBytes;
}

/// Rows of A and columns of B are contiguous, or B's few columns can be made so, and C is narrow.
template <class T>
inline bool thinColumns(const Gemm<T>& g) {
  const bool lies = g.bRow == 1 && g.bCol != 1;
  const int64_t least = (lies && g.m <= kThinRows ? 4 : kThinDepth) * Lanes<T>::kCount;
  if (g.aCol != 1 || g.k < least) return false;
  return lies ? g.m <= kThinRows || g.n <= kThinCols : turnsColumns(g);
}

// Rows and columns of a tile, by the registers that its accumulators and columns take.
#if defined(__AVX512F__)
inline constexpr int kDots = 5;
#define WG_DOTS 1, 2, 3, 4, 5
#elif defined(__AVX2__)
inline constexpr int kDots = 3;
#define WG_DOTS 1, 2, 3
#else
inline constexpr int kDots = 2;
#define WG_DOTS 1, 2
#endif

/// Adds halves of pairs of rows until lane i of the first is the sum of row i: fewer shuffles than a whole
/// transpose.
template <class T, int Half>
WG_INLINE void addHalves(typename Lanes<T>::Vec* rows) {
#pragma GCC unroll 16
  for (int i = 0; i < Half; ++i) {
    swapHalves<T, Half>(rows[i], rows[i + Half]);
    rows[i] += rows[i + Half];
  }
  if constexpr (Half > 1) addHalves<T, Half / 2>(rows);
}

/// sums[i] = the lanes of acc[i] added up: a vector's worth at a time.
template <class T, int N>
WG_INLINE void sumLanes(const typename Lanes<T>::Vec* acc, T* sums) {
  constexpr int L = Lanes<T>::kCount;
#pragma GCC unroll 16
  for (int from = 0; from < N; from += L) {
    typename Lanes<T>::Vec rows[L];
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) rows[i] = from + i < N ? acc[from + i] : typename Lanes<T>::Vec{};
    addHalves<T, L / 2>(rows);
    storeVec(sums + from, rows[0]);
  }
}

/// MR rows of A times NC columns of B, lanes along k: one accumulator for each element, however the block is
/// cut.
template <class T, int MR, int NC>
void dotTile(const Gemm<T>& g, int64_t i0, int64_t j0) {
  constexpr int L = Lanes<T>::kCount;
  typename Lanes<T>::Vec acc[MR][NC] = {};
  const T *a[MR], *b[NC];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) a[i] = g.a + (i0 + i) * g.aRow;
#pragma GCC unroll 8
  for (int j = 0; j < NC; ++j) b[j] = g.b + (j0 + j) * g.bCol;
  const auto add = [&](auto load) __attribute__((always_inline)) {
    typename Lanes<T>::Vec column[NC];
#pragma GCC unroll 8
    for (int j = 0; j < NC; ++j) column[j] = load(b[j]);
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) {
      const auto row = load(a[i]);
#pragma GCC unroll 8
      for (int j = 0; j < NC; ++j) acc[i][j] += row * column[j];
    }
  };
  int64_t k = 0;
  for (; k + L <= g.k; k += L) add([k](const T* p) __attribute__((always_inline)) { return loadVec(p + k); });
  if (k < g.k) {
    const int count = static_cast<int>(g.k - k);
    add([ k, count ](const T* p) __attribute__((always_inline)) { return loadPart(p + k, count); });
  }
  alignas(64) T sums[(MR * NC + L - 1) / L * L];
  sumLanes<T, MR * NC>(&acc[0][0], sums);
  for (int i = 0; i < MR; ++i)
    for (int j = 0; j < NC; ++j) {
      T sum = sums[i * NC + j];
      if (g.columnBias) sum += g.columnBias[(j0 + j) * g.columnBiasStride];
      if (g.rowBias) sum += g.rowBias[(i0 + i) * g.rowBiasStride];
      g.c[(i0 + i) * g.cRow + (j0 + j) * g.cCol] = sum;
    }
}

template <class T>
using DotKernel = void (*)(const Gemm<T>&, int64_t, int64_t);
template <class T, int MR, int... NC>
struct DotRow {
  static constexpr DotKernel<T> kColumns[] = {&dotTile<T, MR, NC>...};
};
template <class T, int... MR>
struct DotTable {
  static constexpr const DotKernel<T>* kRows[] = {DotRow<T, MR, WG_DOTS>::kColumns...};
};

template <class T>
inline void gemmDots(const Gemm<T>& g, T* scratch) {
  Gemm<T> turned = g;
  if (g.bRow != 1) {
    constexpr int64_t L = Lanes<T>::kCount;
    const int width = static_cast<int>(ceilDiv(g.k, L) * L);
    packPanel(scratch, width, static_cast<int>(g.k), g.n, g.b, g.bRow, g.bCol);
    turned.b = scratch;
    turned.bRow = 1;
    turned.bCol = width;
  }
  const int64_t rows = evenSplit(g.m, kDots, 1), columns = evenSplit(g.n, kDots, 1);
  for (int64_t j = 0; j < g.n; j += columns)
    for (int64_t i = 0; i < g.m; i += rows)
      DotTable<T, WG_DOTS>::kRows[minOf(rows, g.m - i) - 1][minOf(columns, g.n - j) - 1](turned, i, j);
}

template <class T>
inline void gemmPanels(const Gemm<T>& g, T* scratch) {
  gemmBlock(g, scratch);
}

/// The way that a product's blocks are worked out: the whole product's shape chooses it, or columns would be
/// summed in another order where a cut leaves few of them.
template <class T>
inline auto blockOf(const Gemm<T>& g) {
  return thinRows(g) ? &gemmThinRows<T> : thinColumns(g) ? &gemmDots<T> : &gemmPanels<T>;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
