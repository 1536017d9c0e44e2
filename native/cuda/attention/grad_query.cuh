// The gradient of attention's queries: a block keeps some queries with their rows of dout, and walks the keys
// they see, making their weights again from the log-sum-exp of each row.
#pragma once
#include "backward.cuh"

namespace wg::cuda::flash {

template <class Tile>
WG_KERNEL(Tile::kThreads, Tile::kBlocks)
gradQuery(const WG_GRID_CONSTANT Backward<typename Tile::T> p, Blocks blocks) {
  using T = typename Tile::T;
  WG_DYN_SHARED(shared);
  T *const queries = reinterpret_cast<T*>(shared), *const douts = queries + Tile::kKeptSize,
           *const keys = douts + Tile::kKeptSize, *const values = keys + Tile::kPassingSize,
           *const weights = values + Tile::kPassingSize;
  const Lanes<Tile> lanes;
  const Scores<T>& scores = p.scores;
  const Blocks::Place at = blocks.place(blockIdx.x);
  const int row0 = at.block * Tile::kKept, col0 = at.chunk * Tile::kWidth;
  const int last = smaller(row0 + Tile::kKept, scores.queries) - 1;
  const T *const q = p.q.at(at.b, at.h), *const dout = p.dout.at(at.b, at.h);
  const T *const k = p.k.at(at.b, at.h / p.group), *const v = p.v.at(at.b, at.h / p.group);
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

  T sums[Tile::kEach][Tile::kSums] = {};
  typename Backward<T>::Row rows[Tile::kEach];
  WG_UNROLL
  for (int i = 0; i < Tile::kEach; i++) rows[i] = p.row(at.b, at.h, row0 + lanes.row(i));
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
    T s[Tile::kEach][4] = {}, ds[Tile::kEach][4] = {};
    if constexpr (Tile::kChunked) {
      for (int col = 0; col < p.width; col += Tile::kWidth) {
        syncBlock();
        bringDouts(col);
        bringValues(key0, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        addDots<Tile>(ds, douts, values, smaller(p.width - col, Tile::kWidth), lanes);
      }
      for (int col = 0; col < p.depth; col += Tile::kWidth) {
        syncBlock();
        bringQueries(col);
        bringKeys(key0, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        addDots<Tile>(s, queries, keys, smaller(p.depth - col, Tile::kWidth), lanes);
      }
      syncBlock();
      bringKeys(key0, col0);
      copyAsyncCommit();
    } else {
      // The values are here, the keys perhaps not yet.
      copyAsyncWait<1>();
      syncBlock();
      addDots<Tile>(ds, douts, values, p.width, lanes);
      copyAsyncWait<0>();
      syncBlock();
      if (key0 + Tile::kPassing < seen.to) bringValues(key0 + Tile::kPassing, 0);
      copyAsyncCommit();
      addDots<Tile>(s, queries, keys, p.depth, lanes);
    }
    if (scores.dropout > T(0)) putFactors<Tile, true>(weights, scores, at.b, at.h, row0, key0, lanes);
    WG_UNROLL
    for (int i = 0; i < Tile::kEach; i++) {
      const int query = row0 + lanes.row(i);
      const Span span = scores.keysOf(query);
      Quad<T> factors{{T(1), T(1), T(1), T(1)}};
      if (scores.dropout > T(0)) factors = factorsOf<Tile>(weights, i, lanes);
      WG_UNROLL
      for (int c = 0; c < 4; c++) {
        const int key = key0 + lanes.weight(c);
        weigh(p, rows[i], span.has(key), at.b, at.h, query, key, factors[c], s[i][c], ds[i][c]);
      }
    }
    putWeights<Tile>(weights, ds, lanes);
    if constexpr (Tile::kChunked) {
      copyAsyncWait<0>();
      syncBlock();
    } else {
      __syncwarp();
    }
    addRows<Tile>(sums, weights, keys, smaller(scores.keys - key0, Tile::kPassing), lanes);
    syncBlock();  // all are done with the keys and weights
    if constexpr (!Tile::kChunked) {
      if (key0 + Tile::kPassing < seen.to) bringKeys(key0 + Tile::kPassing, 0);
      copyAsyncCommit();
    }
  }
  writeSums<Tile>(p.dq, p.dq.at(at.b, at.h), sums, row0, scores.queries, col0, p.depth, lanes);
}

}  // namespace wg::cuda::flash
