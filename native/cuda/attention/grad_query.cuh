// The gradient of attention's queries: a block keeps some queries with their rows of dout, and walks the keys
// they see, making their weights again from the log-sum-exp of each row.
#pragma once
#include "backward.cuh"
#include "tiles.cuh"

namespace wg::cuda::flash {

template <class Tile>
WG_KERNEL(Tile::kThreads, Tile::kBlocks)
gradQuery(const WG_GRID_CONSTANT Backward<typename Tile::T, typename Tile::S> p, Blocks blocks) {
  using T = typename Tile::T;
  using S = typename Tile::S;
  using Item = typename Tile::Item;
  WG_DYN_SHARED(shared);
  Item *const queries = reinterpret_cast<Item*>(shared), *const douts = queries + Tile::kKeptSize,
              *const keys = douts + Tile::kKeptSize, *const values = keys + Tile::kPassingSize,
              *const room = values + Tile::kPassingSize;
  const auto& scores = p.scores;
  const Blocks::Place at = blocks.place(blockIdx.x);
  const int row0 = at.block * Tile::kKept, col0 = at.chunk * Tile::kWidth;
  const int last = smaller(row0 + Tile::kKept, scores.queries) - 1;
  const S *const q = p.q.at(at.b, at.h), *const dout = p.dout.at(at.b, at.h);
  const S *const k = p.k.at(at.b, at.h / p.group), *const v = p.v.at(at.b, at.h / p.group);
  const auto bringQueries = [&](int col) {
    bring<Tile, false>(queries, p.q, q, row0, scores.queries, col, p.depth);
  };
  const auto bringDouts = [&](int col) {
    bring<Tile, false>(douts, p.dout, dout, row0, scores.queries, col, p.width);
  };
  const auto bringKeys = [&](int key, int col) {
    bring<Tile, true>(keys, p.k, k, key, scores.keys, col, p.depth);
  };
  const auto bringValues = [&](int key, int col) {
    bring<Tile, true>(values, p.v, v, key, scores.keys, col, p.width);
  };

  typename Tile::Sums sums{};
  typename Backward<T, S>::Row rows[Tile::kRows];
  WG_UNROLL
  for (int i = 0; i < Tile::kRows; i++) rows[i] = p.row(at.b, at.h, row0 + Tile::row(i));
  const Span seen = scores.keysOf(row0, last);
  const int first = seen.from / Tile::kPassing * Tile::kPassing;
  if (!Tile::kChunked && first < seen.to) {
    bringDouts(0);
    bringValues(first, 0);
    copyAsyncCommit();
    bringQueries(0);
    bringKeys(first, 0);
    copyAsyncCommit();
  }
  for (int key0 = first; key0 < seen.to; key0 += Tile::kPassing) {
    typename Tile::Weights w{}, dw{};
    if constexpr (Tile::kChunked) {
      for (int col = 0; col < p.width; col += Tile::kWidth) {
        syncBlock();
        bringDouts(col);
        bringValues(key0, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        Tile::addDots(dw, douts, values, smaller(p.width - col, Tile::kWidth));
      }
      for (int col = 0; col < p.depth; col += Tile::kWidth) {
        syncBlock();
        bringQueries(col);
        bringKeys(key0, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        Tile::addDots(w, queries, keys, smaller(p.depth - col, Tile::kWidth));
      }
      syncBlock();
      bringKeys(key0, col0);
      copyAsyncCommit();
    } else {
      // The values are here, the keys perhaps not yet.
      copyAsyncWait<1>();
      syncBlock();
      Tile::addDots(dw, douts, values, p.width);
      copyAsyncWait<0>();
      syncBlock();
      if (key0 + Tile::kPassing < seen.to) bringValues(key0 + Tile::kPassing, 0);
      copyAsyncCommit();
      Tile::addDots(w, queries, keys, p.depth);
    }
    weigh<Tile, true>(p, at.b, at.h, row0, key0, w, dw, [&](int i, int) { return rows[i]; });
    if constexpr (Tile::kChunked) {
      copyAsyncWait<0>();
      syncBlock();
    }
    Tile::addRows(sums, dw, room, keys, smaller(scores.keys - key0, Tile::kPassing), p.depth - col0);
    syncBlock();  // all are done with the keys
    if constexpr (!Tile::kChunked) {
      if (key0 + Tile::kPassing < seen.to) bringKeys(key0 + Tile::kPassing, 0);
      copyAsyncCommit();
    }
  }
  Tile::putSums(sums, p.dq, p.dq.at(at.b, at.h), row0, scores.queries, col0, p.depth, queries);
}

template <class Tile>
void launchGradQuery(Stream& s, const Backward<typename Tile::T, typename Tile::S>& p, int64_t batch) {
  constexpr size_t kBytes =
      (2 * Tile::kKeptSize + 2 * Tile::kPassingSize + Tile::kWeightSize) * sizeof(typename Tile::Item);
  eachGrid<Tile>(s, p.scores.queries, p.depth, batch, p.scores.heads, p.scores.right < p.scores.keys,
                 [&](const Blocks& blocks, dim3 grid) {
                   launch(s, gradQuery<Tile>, grid, dim3(Tile::kThreads), kBytes, p, blocks);
                 });
}
template <class T, class S>
void runGradQuery(Stream& s, const Backward<T, S>& p, int64_t batch) {
  withTile<QueryGradients<S>>(p.depth, p.width, [&]<class Tile>() { launchGradQuery<Tile>(s, p, batch); });
}

}  // namespace wg::cuda::flash
