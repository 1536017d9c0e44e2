// The shape of a block's part of attention. A block keeps some rows, of queries or of keys, and walks the
// rows of the other side in tiles: `kept` and `passing`. Every warp has kept rows of its own, so what stands
// between two products needs no barrier of the block.
//
// A tile says, besides its sizes,
//   T, S, Item                 what is computed in, what operands are made of, what shared memory holds
//   kRows, kWeights, kSums     of a thread: kept rows; weights and sums of each
//   kSharing                   lanes that share a row, neighbours
//   row(i), weight(c), sum(c)  which kept row, which passing row, which column
//   Weights, Sums              at(i, c)
//   at<passing>(row, piece)    where 16 bytes of a row are brought to
//   addDots, addRows, putSums  the products, and the way out
#pragma once
#include <type_traits>

#include "../gemm/core.cuh"
#include "../wg/async.h"
#include "../wg/block.h"
#include "../wg/vector.h"

namespace wg::cuda::flash {

using gemm::Bf16;
using gemm::F16;

WG_DEV float widen(float x) { return x; }
WG_DEV double widen(double x) { return x; }
WG_DEV float widen(F16 x) { return gemm::Core<F16>::widen(x); }
WG_DEV float widen(Bf16 x) { return gemm::Core<Bf16>::widen(x); }

WG_BOTH int smaller(int a, int b) { return a < b ? a : b; }

/// One of the operands [B, H, rows, columns].
template <class T>
struct Matrices {
  T* data;
  int64_t batch, head, row, col;  ///< strides
  bool packs;                     ///< rows are made of aligned 16 bytes
  bool alongRows;                 ///< rows follow each other closer than columns
  WG_DEV T* at(int b, int h) const { return data + b * batch + h * head; }
};

/// Brings rows [row0, row0 + rows) and columns [col0, colEnd), as many as a tile has, asynchronously where it
/// can: then commit and wait. Zeros where there is none.
template <class Tile, bool passing>
WG_DEV void bring(typename Tile::Item* tile, const Matrices<const typename Tile::S>& from,
                  const typename Tile::S* data, int row0, int rowEnd, int col0, int colEnd) {
  using S = typename Tile::S;
  constexpr int kRows = passing ? Tile::kPassing : Tile::kKept, V = kPackCount<S>, kPieces = Tile::kWidth / V;
  const int columns = ceilDiv(smaller(colEnd - col0, Tile::kWidth), Tile::kStep) * Tile::kStep;
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kPieces; i += Tile::kThreads) {
    const bool turned = !from.packs && from.alongRows;
    const int row = turned ? i % kRows : i / kPieces, piece = turned ? i / kRows : i % kPieces;
    if (piece * V >= columns) continue;
    const int left = row0 + row < rowEnd ? colEnd - col0 - piece * V : 0;  // elements that there are
    auto* const to = tile + Tile::template at<passing>(row, piece);
    const S* const at = data + (row0 + row) * from.row + (col0 + piece * V) * from.col;
    if (from.packs) {
      copyAsync<16>(to, left > 0 ? at : data, left > 0 ? 16 : 0);
    } else if constexpr (sizeof(S) >= 4) {
      WG_UNROLL
      for (int e = 0; e < V; e++)
        copyAsync<sizeof(S)>(to + e, e < left ? at + e * from.col : data, e < left ? sizeof(S) : 0);
    } else {
      Pack16<S> pack{};
      WG_UNROLL
      for (int e = 0; e < V; e++)
        if (e < left) pack[e] = at[e * from.col];
      store(to, pack);
    }
  }
}

}  // namespace wg::cuda::flash
