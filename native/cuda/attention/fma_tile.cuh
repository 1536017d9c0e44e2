// Tiles of float and double, whose products are multiplied and added one by one.
#pragma once
#include "tile.cuh"

namespace wg::cuda::flash {

template <class T>
using Quad = Pack<T, 4>;
template <class T>
WG_DEV Quad<T> loadQuad(const T* p) {
  if constexpr (sizeof(T) == 4) {
    return load<Quad<T>>(p);
  } else {
    const auto low = load<Pack16<T>>(p), high = load<Pack16<T>>(p + 2);
    return {{low[0], low[1], high[0], high[1]}};
  }
}
template <class T>
WG_DEV void storeQuad(T* p, const Quad<T>& q) {
  if constexpr (sizeof(T) == 4) {
    store(p, q);
  } else {
    store(p, Pack16<T>{{q[0], q[1]}});
    store(p + 2, Pack16<T>{{q[2], q[3]}});
  }
}

/// Four warps of 4 × 8 lanes. A thread has `rows` rows, four apart; of 32 weights of a row it has four
/// neighbours, of `width` sums four of every 32. More columns than `width` are `chunked`: brought and made in
/// parts of that many. `blocks` share a multiprocessor.
template <class T_, int rows, int width, int blocks, bool chunked>
struct FmaTile {
  using T = T_;
  using S = T;
  using Item = T;
  static constexpr int kThreads = 128, kBlocks = blocks, kKept = 16 * rows, kPassing = 32, kWidth = width;
  static constexpr bool kChunked = chunked;
  static constexpr int kRows = rows, kWeights = 4, kSums = width / 8, kSharing = 8, kStep = 4;
  /// 16 bytes more, so that neighbouring rows begin in other banks.
  static constexpr int kPitch = width + kPackCount<T>, kWeightPitch = kPassing + kPackCount<T>;
  static constexpr int kKeptSize = kKept * kPitch, kPassingSize = kPassing * kPitch;
  static constexpr int kWeightSize = kKept * kWeightPitch;

  static WG_DEV int group() { return laneId() % 8; }
  static WG_DEV int row(int i) { return warpId() * (4 * rows) + laneId() / 8 + 4 * i; }
  static WG_DEV int weight(int c) { return 4 * group() + c; }
  static WG_DEV int sum(int c) { return c / 4 * 32 + 4 * group() + c % 4; }

  /// The four rows whose weights a thread has lie eight apart, and its neighbours read neighbouring ones.
  template <bool passing>
  static WG_DEV int at(int r, int piece) {
    return (passing ? r % 4 * 8 + r / 4 : r) * kPitch + piece * kPackCount<T>;
  }

  struct Weights {
    T v[rows][4];
    WG_DEV T& at(int i, int c) { return v[i][c]; }
  };
  struct Sums {
    T v[rows][kSums];
    WG_DEV T& at(int i, int c) { return v[i][c]; }
  };

  /// w += kept passing^T, over the first `columns` columns.
  static WG_DEV void addDots(Weights& w, const T* kept, const T* passing, int columns) {
    const T* const own = kept + row(0) * kPitch;
    const T* const others = passing + group() * kPitch;
    WG_ROLLED
    for (int x = 0; x < columns; x += 4) {
      Quad<T> a[rows];
      WG_UNROLL
      for (int i = 0; i < rows; i++) a[i] = loadQuad(own + 4 * i * kPitch + x);
      WG_UNROLL
      for (int c = 0; c < 4; c++) {
        const Quad<T> b = loadQuad(others + 8 * c * kPitch + x);
        WG_UNROLL
        for (int i = 0; i < rows; i++) {
          WG_UNROLL
          for (int e = 0; e < 4; e++) w.v[i][c] += a[i][e] * b[e];
        }
      }
    }
  }

  /// sums += w passing, over the first `count` passing rows. The weights go to the lanes that share their row
  /// by way of `room`.
  static WG_DEV void addRows(Sums& sums, const Weights& w, T* room, const T* passing, int count, int) {
    __syncwarp();  // the lanes have read what was there
    WG_UNROLL
    for (int i = 0; i < rows; i++)
      storeQuad(room + row(i) * kWeightPitch + weight(0), {{w.v[i][0], w.v[i][1], w.v[i][2], w.v[i][3]}});
    __syncwarp();
    const T* const own = room + row(0) * kWeightPitch;
    WG_ROLLED
    for (int x = 0; x < count; x += 4) {
      Quad<T> a[rows];
      WG_UNROLL
      for (int i = 0; i < rows; i++) a[i] = loadQuad(own + 4 * i * kWeightPitch + x);
      WG_UNROLL
      for (int e = 0; e < 4; e++) {
        const T* const other = passing + (8 * e + x / 4) * kPitch + sum(0);
        WG_UNROLL
        for (int g = 0; g < kSums / 4; g++) {
          const Quad<T> b = loadQuad(other + 32 * g);
          WG_UNROLL
          for (int i = 0; i < rows; i++) {
            WG_UNROLL
            for (int c = 0; c < 4; c++) sums.v[i][4 * g + c] += a[i][e] * b[c];
          }
        }
      }
    }
  }

  /// Writes sums to rows [row0, rowEnd) and columns [col0, colEnd) of an operand.
  static WG_DEV void putSums(const Sums& sums, const Matrices<T>& to, T* data, int row0, int rowEnd, int col0,
                             int colEnd, T*) {
    constexpr int V = kPackCount<T>;
    WG_UNROLL
    for (int i = 0; i < rows; i++) {
      if (row0 + row(i) >= rowEnd) continue;
      T* const line = data + (row0 + row(i)) * to.row;
      WG_UNROLL
      for (int c = 0; c < kSums; c += V) {
        const int col = col0 + sum(c);
        if (col >= colEnd) continue;
        if (to.packs) {
          Pack16<T> pack;
          WG_UNROLL
          for (int v = 0; v < V; v++) pack[v] = sums.v[i][c + v];
          store(line + col, pack);
        } else {
          WG_UNROLL
          for (int v = 0; v < V; v++)
            if (col + v < colEnd) line[(col + v) * to.col] = sums.v[i][c + v];
        }
      }
    }
  }
};

}  // namespace wg::cuda::flash
