// The gradients of attention's keys and values: a block keeps some keys with their values, and walks the
// queries that see them, of every head that shares them, in order: so sums have one order.
#pragma once
#include "backward.cuh"

namespace wg::cuda::flash {

template <class Tile>
WG_KERNEL(Tile::kThreads, Tile::kBlocks)
gradKey(const WG_GRID_CONSTANT Backward<typename Tile::T> p, Blocks blocks) {
  using T = typename Tile::T;
  WG_DYN_SHARED(shared);
  T *const keys = reinterpret_cast<T*>(shared), *const values = keys + Tile::kKeptSize,
           *const queries = values + Tile::kKeptSize, *const douts = queries + Tile::kPassingSize,
           *const weights = douts + Tile::kPassingSize;
  const Lanes<Tile> lanes;
  const Scores<T>& scores = p.scores;
  const Blocks::Place at = blocks.place(blockIdx.x);
  const int row0 = at.block * Tile::kKept, col0 = at.chunk * Tile::kWidth;
  const int last = smaller(row0 + Tile::kKept, scores.keys) - 1;
  const T *const k = p.k.at(at.b, at.h), *const v = p.v.at(at.b, at.h);
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

  T dKeys[Tile::kEach][Tile::kSums] = {}, dValues[Tile::kEach][Tile::kSums] = {};
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
    T s[Tile::kEach][4] = {}, ds[Tile::kEach][4] = {};
    if constexpr (Tile::kChunked) {
      for (int col = 0; col < p.width; col += Tile::kWidth) {
        syncBlock();
        bringValues(col);
        bringDouts(h, tile, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        addDots<Tile>(ds, values, douts, smaller(p.width - col, Tile::kWidth), lanes);
      }
      for (int col = 0; col < p.depth; col += Tile::kWidth) {
        syncBlock();
        bringKeys(col);
        bringQueries(h, tile, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        addDots<Tile>(s, keys, queries, smaller(p.depth - col, Tile::kWidth), lanes);
      }
      syncBlock();
      if (col0 < p.width) bringDouts(h, tile, col0);
      if (col0 < p.depth) bringQueries(h, tile, col0);
      copyAsyncCommit();
    } else {
      // The rows of dout are here, the queries perhaps not yet.
      copyAsyncWait<1>();
      syncBlock();
      addDots<Tile>(ds, values, douts, p.width, lanes);
      copyAsyncWait<0>();
      syncBlock();
      addDots<Tile>(s, keys, queries, p.depth, lanes);
    }
    if (scores.dropout > T(0)) putFactors<Tile, false>(weights, scores, at.b, h, row0, query0, lanes);
    typename Backward<T>::Row rows[4];
    Span spans[4];
    WG_UNROLL
    for (int c = 0; c < 4; c++) {
      rows[c] = p.row(at.b, h, query0 + lanes.weight(c));
      spans[c] = scores.keysOf(query0 + lanes.weight(c));
    }
    WG_UNROLL
    for (int i = 0; i < Tile::kEach; i++) {
      const int key = row0 + lanes.row(i);
      Quad<T> factors{{T(1), T(1), T(1), T(1)}};
      if (scores.dropout > T(0)) factors = factorsOf<Tile>(weights, i, lanes);
      WG_UNROLL
      for (int c = 0; c < 4; c++) {
        weigh(p, rows[c], spans[c].has(key), at.b, h, query0 + lanes.weight(c), key, factors[c], s[i][c],
              ds[i][c]);
      }
    }
    putWeights<Tile>(weights, s, lanes);
    if constexpr (Tile::kChunked) {
      copyAsyncWait<0>();
      syncBlock();
    } else {
      __syncwarp();
    }
    addRows<Tile>(dValues, weights, douts, count, lanes);
    if constexpr (Tile::kChunked) {
      __syncwarp();
    } else {
      syncBlock();  // all are done with the rows of dout
      if (more) bringDouts(nextHead, nextTile, 0);
      copyAsyncCommit();
    }
    putWeights<Tile>(weights, ds, lanes);
    __syncwarp();
    addRows<Tile>(dKeys, weights, queries, count, lanes);
    syncBlock();  // and with the queries and weights
    if constexpr (!Tile::kChunked) {
      if (more) bringQueries(nextHead, nextTile, 0);
      copyAsyncCommit();
    }
    h = nextHead;
    tile = nextTile;
  }
  writeSums<Tile>(p.dv, p.dv.at(at.b, at.h), dValues, row0, scores.keys, col0, p.width, lanes);
  writeSums<Tile>(p.dk, p.dk.at(at.b, at.h), dKeys, row0, scores.keys, col0, p.depth, lanes);
}

}  // namespace wg::cuda::flash
