// Tiles of float16 and bfloat16, whose products tensor cores add up in float32. Weights go from one product
// to the next in registers: the layout of a sum of the cores is that of a left factor.
#pragma once
#include "tile.cuh"

namespace wg::cuda::flash {

/// Four warps of `rowTiles` × 16 rows. See FmaTile; lane 4g + q has rows g and g + 8 of each 16, and columns
/// 2q and 2q + 1 of each eight.
template <class S_, int rowTiles, int passing_, int width, int blocks, bool chunked>
struct CoreTile {
  using T = float;
  using S = S_;
  using Item = S_;
  static constexpr int kThreads = 128, kBlocks = blocks, kKept = 64 * rowTiles, kPassing = passing_;
  static constexpr int kWidth = width;
  static constexpr bool kChunked = chunked;
  static constexpr int kRows = 2 * rowTiles, kWeights = kPassing / 4, kSums = width / 4, kSharing = 4;
  static constexpr int kStep = 16, kPieces = width / 8;
  static_assert(kPieces % 8 == 0);
  static constexpr int kKeptSize = kKept * width, kPassingSize = kPassing * width, kWeightSize = 0;

  static WG_DEV int row(int i) { return warpId() * (16 * rowTiles) + i / 2 * 16 + i % 2 * 8 + laneId() / 4; }
  static WG_DEV int weight(int c) { return c / 2 * 8 + laneId() % 4 * 2 + c % 2; }
  static WG_DEV int sum(int c) { return weight(c); }

  /// Permuted, so that eight rows of one piece, and eight pieces of a row, lie in different banks.
  template <bool passing>
  static WG_DEV int at(int r, int piece) {
    return (r * kPieces + (piece ^ (r & 7))) * 8;
  }

  template <int tiles>
  struct Fragments {
    float v[rowTiles][tiles][4];
    WG_DEV float& at(int i, int c) { return v[i / 2][c / 2][i % 2 * 2 + c % 2]; }
  };
  using Weights = Fragments<kPassing / 8>;
  using Sums = Fragments<width / 8>;

  /// 16 rows and two pieces: {rows 0 … 7, rows 8 … 15} of the first, then of the second.
  template <Transpose transpose>
  static WG_DEV void fetch(uint32_t (&r)[4], const S* tile, int row0, int piece) {
    loadMatrix<4, transpose>(r, tile + at<true>(row0 + laneId() % 16, piece + laneId() / 16));
  }

  static WG_DEV void addDots(Weights& w, const S* kept, const S* passing, int columns) {
    const int row0 = warpId() * (16 * rowTiles);
    WG_UNROLL
    for (int x = 0; x < width; x += 16) {
      if (x >= columns) break;
      uint32_t a[rowTiles][4];
      WG_UNROLL
      for (int m = 0; m < rowTiles; m++) fetch<Transpose::no>(a[m], kept, row0 + 16 * m, x / 8);
      WG_UNROLL
      for (int n = 0; n < kPassing / 8; n += 2) {
        uint32_t r[4];
        fetch<Transpose::no>(r, passing, 8 * n, x / 8);
        multiply(w, a, n, {r[0], r[2]}, {r[1], r[3]});
      }
    }
  }

  static WG_DEV void addRows(Sums& sums, const Weights& w, S*, const S* passing, int count, int columns) {
    WG_UNROLL
    for (int x = 0; x < kPassing; x += 16) {
      if (x >= count) break;
      uint32_t a[rowTiles][4];
      WG_UNROLL
      for (int m = 0; m < rowTiles; m++) {
        const float(&low)[4] = w.v[m][x / 8], (&high)[4] = w.v[m][x / 8 + 1];
        a[m][0] = gemm::Core<S>::narrow(low[0], low[1]);
        a[m][1] = gemm::Core<S>::narrow(low[2], low[3]);
        a[m][2] = gemm::Core<S>::narrow(high[0], high[1]);
        a[m][3] = gemm::Core<S>::narrow(high[2], high[3]);
      }
      WG_UNROLL
      for (int n = 0; n < width / 8; n += 2) {
        if (8 * n >= columns) break;
        uint32_t r[4];
        fetch<Transpose::yes>(r, passing, x, n);
        multiply(sums, a, n, {r[0], r[1]}, {r[2], r[3]});
      }
    }
  }

  /// `room`: kept rows that nobody but their warp reads any more. Through it, neighbouring lanes write
  /// neighbouring memory.
  static WG_DEV void putSums(const Sums& sums, const Matrices<S>& to, S* data, int row0, int rowEnd, int col0,
                             int colEnd, S* room) {
    __syncwarp();
    const int q = laneId() % 4;
    WG_UNROLL
    for (int m = 0; m < rowTiles; m++) {
      WG_UNROLL
      for (int n = 0; n < width / 8; n++) {
        const float(&d)[4] = sums.v[m][n];
        store(room + at<false>(row(2 * m), n) + 2 * q, gemm::Core<S>::narrow(d[0], d[1]));
        store(room + at<false>(row(2 * m + 1), n) + 2 * q, gemm::Core<S>::narrow(d[2], d[3]));
      }
    }
    __syncwarp();
    for (int i = laneId(); i < 16 * rowTiles * kPieces; i += kWarp) {
      const int r = warpId() * (16 * rowTiles) + i / kPieces, piece = i % kPieces;
      const int row = row0 + r, col = col0 + 8 * piece;
      if (row >= rowEnd || col >= colEnd) continue;
      const auto pack = load<Pack16<S>>(room + at<false>(r, piece));
      S* const line = data + row * to.row + col * to.col;
      if (to.packs) {
        store(line, pack);
      } else {
        WG_UNROLL
        for (int e = 0; e < 8; e++)
          if (col + e < colEnd) line[e * to.col] = pack[e];
      }
    }
  }

 private:
  struct Right {
    uint32_t r[2];
  };
  template <int tiles>
  static WG_DEV void multiply(Fragments<tiles>& d, const uint32_t (&a)[rowTiles][4], int n,
                              const Right& first, const Right& second) {
    WG_UNROLL
    for (int m = 0; m < rowTiles; m++) {
      gemm::Core<S>::multiply(d.v[m][n], a[m], first.r);
      gemm::Core<S>::multiply(d.v[m][n + 1], a[m], second.r);
    }
  }
};

}  // namespace wg::cuda::flash
