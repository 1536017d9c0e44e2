// The gradients of attention's keys and values: a block keeps some keys with their values, and walks the
// queries that see them, of every head that shares them, in order: so sums have one order.
#pragma once
#include "backward.cuh"
#include "tiles.cuh"

namespace wg::cuda::flash {

template <class Tile>
WG_KERNEL(Tile::kThreads, Tile::kBlocks)
gradKey(const WG_GRID_CONSTANT Backward<typename Tile::T, typename Tile::S> p, Blocks blocks) {
  using T = typename Tile::T;
  using S = typename Tile::S;
  using Item = typename Tile::Item;
  WG_DYN_SHARED(shared);
  Item *const keys = reinterpret_cast<Item*>(shared), *const values = keys + Tile::kKeptSize,
              *const queries = values + Tile::kKeptSize, *const douts = queries + Tile::kPassingSize,
              *const room = douts + Tile::kPassingSize;
  const auto& scores = p.scores;
  const Blocks::Place at = blocks.place(blockIdx.x);
  const int row0 = at.block * Tile::kKept, col0 = at.chunk * Tile::kWidth;
  const int last = smaller(row0 + Tile::kKept, scores.keys) - 1;
  const S *const k = p.k.at(at.b, at.h), *const v = p.v.at(at.b, at.h);
  const Span seeing = scores.queriesOf(row0, last);
  const int first = seeing.from / Tile::kPassing;
  const int tiles = seeing.from < seeing.to ? ceilDiv(seeing.to, Tile::kPassing) - first : 0;
  const int head0 = at.h * p.group;
  const auto bringKeys = [&](int col) { bring<Tile, false>(keys, p.k, k, row0, scores.keys, col, p.depth); };
  const auto bringValues = [&](int col) {
    bring<Tile, false>(values, p.v, v, row0, scores.keys, col, p.width);
  };
  const auto bringQueries = [&](int h, int tile, int col) {
    bring<Tile, true>(queries, p.q, p.q.at(at.b, h), tile * Tile::kPassing, scores.queries, col, p.depth);
  };
  const auto bringDouts = [&](int h, int tile, int col) {
    bring<Tile, true>(douts, p.dout, p.dout.at(at.b, h), tile * Tile::kPassing, scores.queries, col, p.width);
  };

  typename Tile::Sums dKeys{}, dValues{};
  int h = head0, tile = first;
  if (!Tile::kChunked && tiles > 0) {
    bringValues(0);
    bringDouts(h, tile, 0);
    copyAsyncCommit();
    bringKeys(0);
    bringQueries(h, tile, 0);
    copyAsyncCommit();
  }
  while (tiles > 0 && h < head0 + p.group) {
    const bool lastTile = tile + 1 == first + tiles;
    const int nextHead = lastTile ? h + 1 : h, nextTile = lastTile ? first : tile + 1;
    const bool more = nextHead < head0 + p.group;
    const int query0 = tile * Tile::kPassing, count = smaller(scores.queries - query0, Tile::kPassing);
    typename Tile::Weights w{}, dw{};
    if constexpr (Tile::kChunked) {
      for (int col = 0; col < p.width; col += Tile::kWidth) {
        syncBlock();
        bringValues(col);
        bringDouts(h, tile, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        Tile::addDots(dw, values, douts, smaller(p.width - col, Tile::kWidth));
      }
      for (int col = 0; col < p.depth; col += Tile::kWidth) {
        syncBlock();
        bringKeys(col);
        bringQueries(h, tile, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        Tile::addDots(w, keys, queries, smaller(p.depth - col, Tile::kWidth));
      }
      syncBlock();
      if (col0 < p.width) bringDouts(h, tile, col0);
      if (col0 < p.depth) bringQueries(h, tile, col0);
      copyAsyncCommit();
    } else {
      // The rows of dout are here, the queries perhaps not yet.
      copyAsyncWait<1>();
      syncBlock();
      Tile::addDots(dw, values, douts, p.width);
      copyAsyncWait<0>();
      syncBlock();
      Tile::addDots(w, keys, queries, p.depth);
    }
    typename Backward<T, S>::Row rows[Tile::kWeights];
    WG_UNROLL
    for (int c = 0; c < Tile::kWeights; c++) rows[c] = p.row(at.b, h, query0 + Tile::weight(c));
    weigh<Tile, false>(p, at.b, h, row0, query0, w, dw, [&](int, int c) { return rows[c]; });
    if constexpr (Tile::kChunked) {
      copyAsyncWait<0>();
      syncBlock();
    }
    Tile::addRows(dValues, w, room, douts, count, p.width - col0);
    if constexpr (!Tile::kChunked) {
      syncBlock();  // all are done with the rows of dout
      if (more) bringDouts(nextHead, nextTile, 0);
      copyAsyncCommit();
    }
    Tile::addRows(dKeys, dw, room, queries, count, p.depth - col0);
    syncBlock();  // and with the queries
    if constexpr (!Tile::kChunked) {
      if (more) bringQueries(nextHead, nextTile, 0);
      copyAsyncCommit();
    }
    h = nextHead;
    tile = nextTile;
  }
  Tile::putSums(dValues, p.dv, p.dv.at(at.b, at.h), row0, scores.keys, col0, p.width, values);
  Tile::putSums(dKeys, p.dk, p.dk.at(at.b, at.h), row0, scores.keys, col0, p.depth, keys);
}

template <class Tile>
void launchGradKey(Stream& s, const Backward<typename Tile::T, typename Tile::S>& p, int64_t batch,
                   int64_t keyHeads) {
  constexpr size_t kBytes =
      (2 * Tile::kKeptSize + 2 * Tile::kPassingSize + Tile::kWeightSize) * sizeof(typename Tile::Item);
  eachGrid<Tile>(s, p.scores.keys, maxOf(p.depth, p.width), batch, keyHeads, false,
                 [&](const Blocks& blocks, dim3 grid) {
                   launch(s, gradKey<Tile>, grid, dim3(Tile::kThreads), kBytes, p, blocks);
                 });
}
template <class T, class S>
void runGradKey(Stream& s, const Backward<T, S>& p, int64_t batch, int64_t keyHeads) {
  withTile<KeyGradients<S>>(p.depth, p.width,
                            [&]<class Tile>() { launchGradKey<Tile>(s, p, batch, keyHeads); });
}

}  // namespace wg::cuda::flash
