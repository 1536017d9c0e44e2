// Wide tiles over panels of B whose rows lie one behind the other, in the first-level cache where the panel
// is cut to it. A panel's first tile may read B where it lies and leave the copy: stores have nothing else to
// do while k runs, and packing takes no time of its own.
#pragma once
#include "gemm_tile.h"

namespace wg::cpu {
inline namespace WG_ISA {

// On Sapphire Rapids; see bench/NOTES.md.
/// Steps to each row of lines a dense tile asks for, in one loop with it: loops of few steps within another
/// are mispredicted.
inline constexpr int kStepsPerAsk = 4;
/// A copying tile asks for its rows of B, and its columns of A, so many steps before it reads them.
inline constexpr int kStepsAhead = 8;

/// B's rows are dense.
template <class T, int MR>
void denseTile(const Tile<T>& t) {
  Strided<T, MR, kWideVectors> tile(t, t.begun);
  constexpr int NV = kWideVectors;
  const auto step = [&]() __attribute__((always_inline)) { tile.step(NV * Lanes<T>::kCount); };
  const auto steps = [&]() __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int n = 0; n < kStepsPerAsk; ++n) step();
  };
  int64_t k = t.k - t.asks * kStepsPerAsk;
  if (t.asksC) {
    const T* c = t.c;
    for (int i = 0; i < MR; ++i, c += t.cRow) {
#pragma GCC unroll 4
      for (int x = 0; x < kLinesPerRow<NV>; ++x) __builtin_prefetch(c + x * kLine<T>, 1, 3);
      steps();
    }
    k -= MR * kStepsPerAsk;
  }
  const T* ask = t.ask;
  for (int64_t left = t.asks; left > 0; --left, ask += t.askRow) {
#pragma GCC unroll 4
    for (int x = 0; x < kLinesPerRow<NV>; ++x) __builtin_prefetch(ask + x * t.askLine, 0, 2);
    steps();
  }
  for (; k >= kStepsPerAsk; k -= kStepsPerAsk) steps();
  for (; k > 0; --k) step();
  finish<T, MR, NV>(t, tile.acc);
}

/// B's rows lie t.bRow apart and are copied to t.copy.
template <class T, int MR>
void copyingTile(const Tile<T>& t) {
  constexpr int NV = kWideVectors, L = Lanes<T>::kCount;
  Strided<T, MR, kWideVectors> tile(t, t.begun);
  T* copy = t.copy;
  for (int64_t k = t.k; k > 0; --k) {
#pragma GCC unroll 4
    for (int x = 0; x < kLinesPerRow<NV>; ++x)
      __builtin_prefetch(tile.b + kStepsAhead * t.bRow + x * kLine<T>, 0, 3);
    __builtin_prefetch(tile.base[0] + kStepsAhead * t.aCol, 0, 3);
    tile.step(
        t.bRow, [&](auto& column) __attribute__((always_inline)) {
#pragma GCC unroll 4
          for (int j = 0; j < NV; ++j) storeVec(copy + j * L, column[j]);
          copy += NV * L;
        });
  }
  finish<T, MR, NV>(t, tile.acc);
}

template <class T, int... R>
struct DenseTable {
  static constexpr TileKernel<T> kRows[] = {&denseTile<T, R>...};
};

template <class T>
inline TileKernel<T> denseKernel(int rows) {
  return DenseTable<T, WG_WIDE_ROWS>::kRows[rows - 1];
}

/// Where panels are copied: the strips of a block that has several are at least this high.
inline constexpr int kLeastCopyingRows = kWideRows / 2 + 1;

template <class T>
inline TileKernel<T> copyingKernel(int rows) {
  if constexpr (kVectorBytes == 64) {
    static constexpr TileKernel<T> kRows[] = {&copyingTile<T, 4>, &copyingTile<T, 5>, &copyingTile<T, 6>};
    return kRows[rows - kLeastCopyingRows];
  } else {
    return nullptr;
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
