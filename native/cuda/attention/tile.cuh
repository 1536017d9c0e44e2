// Products of tiles in shared memory. A block keeps some rows, of queries or of keys, and walks the rows of
// the other side in tiles of 32: `kept` and `passing`. Every warp has kept rows of its own, so what stands
// between two products goes through shared memory without a barrier of the block.
#pragma once
#include "../wg/async.h"
#include "../wg/block.h"
#include "../wg/vector.h"

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

WG_BOTH int smaller(int a, int b) { return a < b ? a : b; }

/// Four warps of 4 × 8 lanes. A thread has `each` rows, four apart; of 32 weights of a row it has four
/// neighbours, of `width` sums four of every 32. More columns than `width` are `chunked`: brought and made in
/// parts of that many. `blocks` share a multiprocessor.
template <class T_, int each, int width, int blocks, bool chunked>
struct Tile {
  using T = T_;
  static constexpr int kThreads = 128, kBlocks = blocks, kEach = each, kKept = 16 * each, kPassing = 32;
  static constexpr int kWidth = width, kSums = width / 8;
  static constexpr bool kChunked = chunked;
  /// 16 bytes more, so that neighbouring rows begin in other banks.
  static constexpr int kPitch = width + kPackCount<T>, kWeightPitch = kPassing + kPackCount<T>;
  static constexpr int kKeptSize = kKept * kPitch, kPassingSize = kPassing * kPitch;
  static constexpr int kWeightSize = kKept * kWeightPitch;
};

/// The row a passing row is stored in: then the four rows whose weights a thread has lie eight apart, and its
/// neighbours read neighbouring rows.
WG_BOTH int slotOf(int row) { return row % 4 * 8 + row / 4; }

/// Where a thread's rows and columns are.
template <class Tile>
struct Lanes {
  int row0, group;
  WG_DEV Lanes() : row0(warpId() * (4 * Tile::kEach) + laneId() / 8), group(laneId() % 8) {}
  WG_DEV int row(int i) const { return row0 + 4 * i; }
  WG_DEV int weight(int c) const { return 4 * group + c; }
  WG_DEV int sum(int g) const { return 32 * g + 4 * group; }
};

/// One of the operands [B, H, rows, columns].
template <class T>
struct Matrices {
  T* data;
  int64_t batch, head, row, col;  ///< strides
  bool packs;                     ///< rows are made of aligned 16 bytes
  bool alongRows;                 ///< rows follow each other closer than columns
  WG_DEV T* at(int b, int h) const { return data + b * batch + h * head; }
};

/// Brings rows [row0, row0 + rows) and `columns` from col0 on, asynchronously; zeros where there is none.
template <class Tile, bool passing>
WG_DEV void bring(typename Tile::T* tile, const Matrices<const typename Tile::T>& from,
                  const typename Tile::T* data, int row0, int rowEnd, int col0, int colEnd) {
  using T = typename Tile::T;
  constexpr int kRows = passing ? Tile::kPassing : Tile::kKept, V = kPackCount<T>;
  const int columns = ceilDiv(smaller(colEnd - col0, Tile::kWidth), 4) * 4;
  const auto move = [&](int row, int col, auto bytes) {
    if (col >= columns) return;
    const bool there = row0 + row < rowEnd && col0 + col < colEnd;
    T* const to = tile + (passing ? slotOf(row) : row) * Tile::kPitch + col;
    copyAsync<bytes>(to, there ? data + (row0 + row) * from.row + (col0 + col) * from.col : data,
                     there ? bytes : 0);
  };
  const int t = static_cast<int>(threadIdx.x);
  if (from.packs) {
    constexpr int kChunks = Tile::kWidth / V;
    for (int i = t; i < kRows * kChunks; i += Tile::kThreads)
      move(i / kChunks, i % kChunks * V, std::integral_constant<int, 16>());
  } else {
    constexpr std::integral_constant<int, sizeof(T)> item;
    for (int i = t; i < kRows * Tile::kWidth; i += Tile::kThreads) {
      if (from.alongRows) move(i % kRows, i / kRows, item);
      else move(i / Tile::kWidth, i % Tile::kWidth, item);
    }
  }
}

/// sums += kept passing^T, over the first `columns` columns.
template <class Tile>
WG_DEV void addDots(typename Tile::T (&sums)[Tile::kEach][4], const typename Tile::T* kept,
                    const typename Tile::T* passing, int columns, const Lanes<Tile>& lanes) {
  using T = typename Tile::T;
  const T* const rows = kept + lanes.row0 * Tile::kPitch;
  const T* const others = passing + lanes.group * Tile::kPitch;
  WG_ROLLED
  for (int x = 0; x < columns; x += 4) {
    Quad<T> a[Tile::kEach];
    WG_UNROLL
    for (int i = 0; i < Tile::kEach; i++) a[i] = loadQuad(rows + 4 * i * Tile::kPitch + x);
    WG_UNROLL
    for (int c = 0; c < 4; c++) {
      const Quad<T> b = loadQuad(others + 8 * c * Tile::kPitch + x);
      WG_UNROLL
      for (int i = 0; i < Tile::kEach; i++) {
        WG_UNROLL
        for (int e = 0; e < 4; e++) sums[i][c] += a[i][e] * b[e];
      }
    }
  }
}

/// sums += weights passing, over the first `count` passing rows.
template <class Tile>
WG_DEV void addRows(typename Tile::T (&sums)[Tile::kEach][Tile::kSums], const typename Tile::T* weights,
                    const typename Tile::T* passing, int count, const Lanes<Tile>& lanes) {
  using T = typename Tile::T;
  const T* const rows = weights + lanes.row0 * Tile::kWeightPitch;
  WG_ROLLED
  for (int x = 0; x < count; x += 4) {
    Quad<T> a[Tile::kEach];
    WG_UNROLL
    for (int i = 0; i < Tile::kEach; i++) a[i] = loadQuad(rows + 4 * i * Tile::kWeightPitch + x);
    WG_UNROLL
    for (int e = 0; e < 4; e++) {
      const T* const other = passing + (8 * e + x / 4) * Tile::kPitch;
      WG_UNROLL
      for (int g = 0; g < Tile::kSums / 4; g++) {
        const Quad<T> b = loadQuad(other + lanes.sum(g));
        WG_UNROLL
        for (int i = 0; i < Tile::kEach; i++) {
          WG_UNROLL
          for (int c = 0; c < 4; c++) sums[i][4 * g + c] += a[i][e] * b[c];
        }
      }
    }
  }
}

/// A thread's weights, for the other lanes of its warp to read after a syncWarp.
template <class Tile>
WG_DEV void putWeights(typename Tile::T* weights, const typename Tile::T (&w)[Tile::kEach][4],
                       const Lanes<Tile>& lanes) {
  WG_UNROLL
  for (int i = 0; i < Tile::kEach; i++)
    storeQuad(weights + lanes.row(i) * Tile::kWeightPitch + lanes.weight(0),
              {{w[i][0], w[i][1], w[i][2], w[i][3]}});
}

/// Writes sums to rows [row0, rowEnd) and columns [col0, colEnd) of an operand.
template <class Tile>
WG_DEV void writeSums(const Matrices<typename Tile::T>& to, typename Tile::T* data,
                      const typename Tile::T (&sums)[Tile::kEach][Tile::kSums], int row0, int rowEnd,
                      int col0, int colEnd, const Lanes<Tile>& lanes) {
  using T = typename Tile::T;
  constexpr int V = kPackCount<T>;
  WG_UNROLL
  for (int i = 0; i < Tile::kEach; i++) {
    const int row = row0 + lanes.row(i);
    if (row >= rowEnd) continue;
    T* const line = data + row * to.row;
    WG_UNROLL
    for (int g = 0; g < Tile::kSums / 4; g++) {
      const int col = col0 + lanes.sum(g);
      WG_UNROLL
      for (int c = 0; c < 4; c += V) {
        if (col + c >= colEnd) continue;
        if (to.packs) {
          Pack16<T> pack;
          WG_UNROLL
          for (int v = 0; v < V; v++) pack[v] = sums[i][4 * g + c + v];
          store(line + col + c, pack);
        } else {
          WG_UNROLL
          for (int v = 0; v < V; v++)
            if (col + c + v < colEnd) line[(col + c + v) * to.col] = sums[i][4 * g + c + v];
        }
      }
    }
  }
}

}  // namespace wg::cuda::flash
