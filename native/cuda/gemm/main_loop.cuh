// The FFMA main loop: one step is multiplied while the next is under way from global memory.
#pragma once
#include "tile.cuh"

namespace wg::cuda::gemm {

template <class Tile>
WG_DEV void multiply(typename Tile::T (&sums)[Tile::kMicro][Tile::kMicro], const typename Tile::T* left,
                     const typename Tile::T* right, const Micro<Tile>& micro) {
  using T = typename Tile::T;
  using P = Pack16<T>;
  constexpr int V = Tile::kVector, M = Tile::kMicro;
  WG_UNROLL
  for (int k = 0; k < Tile::kDepth; k++) {
    P a[M / V], b[M / V];
    WG_UNROLL
    for (int i = 0; i < M / V; i++) {
      a[i] = load<P>(left + k * Tile::kRow + micro.row(i * V));
      b[i] = load<P>(right + k * Tile::kRow + micro.col(i * V));
    }
    WG_UNROLL
    for (int i = 0; i < M; i++) {
      WG_UNROLL
      for (int j = 0; j < M; j++) sums[i][j] += a[i / V][i % V] * b[j / V][j % V];
    }
  }
}

/// sums += the products of `steps` steps of what the loaders bring. Every thread of the block calls it.
template <class Tile, class Left, class Right>
WG_DEV void mainLoop(typename Tile::T (&sums)[Tile::kMicro][Tile::kMicro], Left& left, Right& right,
                     int32_t steps) {
  using T = typename Tile::T;
  constexpr int kElements = Tile::kDepth * Tile::kRow;
  // Two buffers each: one is read while the other is filled, so one barrier a step is enough.
  WG_SHARED(Pack16<T>, lefts, [2 * kElements / Tile::kVector]);
  WG_SHARED(Pack16<T>, rights, [2 * kElements / Tile::kVector]);
  if (steps == 0) return;
  T *const a = reinterpret_cast<T*>(lefts), *const b = reinterpret_cast<T*>(rights);
  const Micro<Tile> micro;
  Pack16<T> forA, forB;
  left.fetch(forA);
  right.fetch(forB);
  left.store(a, forA);
  right.store(b, forB);
  syncBlock();
  for (int32_t step = 0; step < steps; step++) {
    const int now = step % 2 * kElements, next = kElements - now;
    const bool more = step + 1 < steps;
    if (more) {
      left.fetch(forA);
      right.fetch(forB);
    }
    multiply<Tile>(sums, a + now, b + now, micro);
    if (more) {
      left.store(a + next, forA);
      right.store(b + next, forB);
    }
    syncBlock();
  }
}

}  // namespace wg::cuda::gemm
