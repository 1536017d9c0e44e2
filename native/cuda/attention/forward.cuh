// The kernel of attention (Dao 2023, algorithm 1): a block keeps some queries, walks the keys they see once,
// and holds the running maximum and sum of each row. Products run on FFMA, or on DFMA.
#pragma once
#include "scores.cuh"

namespace wg::cuda::flash {

template <class T>
struct Forward {
  Matrices<const T> q, k, v;
  Matrices<T> out;
  T* lse;
  int64_t lseStride[3];
  Scores<T> scores;
  int depth, width, group;  ///< columns of q and k, of v and out; heads that share keys
};

/// The larger; NaN wins.
template <class T>
WG_DEV T largest(T a, T b) {
  return b > a || b != b ? b : a;
}

/// What a thread knows of its rows: lanes that share a row agree on the top, and have parts of the sum.
template <class Tile>
struct Running {
  using T = typename Tile::T;
  T top[Tile::kEach], sum[Tile::kEach];

  WG_DEV Running() {
    WG_UNROLL
    for (int i = 0; i < Tile::kEach; i++) {
      top[i] = -Format<T>::kInf;
      sum[i] = T(0);
    }
  }

  /// Scores of row i, those that take no part being minus infinity, become exp(score - top); gives by how
  /// much what was summed before shrinks.
  WG_DEV T weigh(int i, T (&s)[4]) {
    T best = largest(largest(s[0], s[1]), largest(s[2], s[3]));
    WG_UNROLL
    for (int distance = 1; distance < 8; distance *= 2) best = largest(best, shuffleXor(best, distance));
    const T before = top[i];
    top[i] = largest(before, best);
    const T shift = top[i] == -Format<T>::kInf ? T(0) : top[i];
    WG_UNROLL
    for (int c = 0; c < 4; c++) s[c] = exponential(s[c] - shift);
    const T shrink = top[i] == before ? T(1) : exponential(before - top[i]);
    sum[i] = sum[i] * shrink + ((s[0] + s[1]) + (s[2] + s[3]));
    return shrink;
  }
};

template <class Tile>
WG_KERNEL(Tile::kThreads, Tile::kBlocks)
forwardRows(const WG_GRID_CONSTANT Forward<typename Tile::T> p, Blocks blocks) {
  using T = typename Tile::T;
  WG_DYN_SHARED(shared);
  T *const queries = reinterpret_cast<T*>(shared), *const keys = queries + Tile::kKeptSize,
           *const values = keys + Tile::kPassingSize, *const weights = values + Tile::kPassingSize;
  const Lanes<Tile> lanes;
  const Scores<T>& scores = p.scores;
  const Blocks::Place at = blocks.place(blockIdx.x);
  const int row0 = at.block * Tile::kKept, col0 = at.chunk * Tile::kWidth;
  const int last = (row0 + Tile::kKept < scores.queries ? row0 + Tile::kKept : scores.queries) - 1;
  const T* const q = p.q.at(at.b, at.h);
  const T *const k = p.k.at(at.b, at.h / p.group), *const v = p.v.at(at.b, at.h / p.group);
  const auto bringQueries = [&](int col) {
    bring<Tile, false>(queries, p.q, q, row0, scores.queries, col, p.depth);
  };
  const auto bringKeys = [&](int key, int col) {
    bring<Tile, true>(keys, p.k, k, key, scores.keys, col, p.depth);
  };

  Running<Tile> running;
  T sums[Tile::kEach][Tile::kSums] = {};
  const Span seen = scores.keysOf(row0, last);
  const int first = seen.from / Tile::kPassing * Tile::kPassing;
  if (!Tile::kChunked && first < seen.to) {
    bringQueries(0);
    bringKeys(first, 0);
    copyAsyncCommit();
  }
  for (int key0 = first; key0 < seen.to; key0 += Tile::kPassing) {
    T s[Tile::kEach][4] = {};
    if constexpr (Tile::kChunked) {
      for (int col = 0; col < p.depth; col += Tile::kWidth) {
        syncBlock();
        bringQueries(col);
        bringKeys(key0, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        addDots<Tile>(s, queries, keys, smaller(p.depth - col, Tile::kWidth), lanes);
      }
    } else {
      copyAsyncWait<0>();
    }
    // The keys are here, and all are done with the values and weights of the step before.
    syncBlock();
    bring<Tile, true>(values, p.v, v, key0, scores.keys, col0, p.width);
    copyAsyncCommit();
    if (scores.dropout > T(0)) putFactors<Tile, true>(weights, scores, at.b, at.h, row0, key0, lanes);
    if constexpr (!Tile::kChunked) addDots<Tile>(s, queries, keys, p.depth, lanes);

    WG_UNROLL
    for (int i = 0; i < Tile::kEach; i++) {
      const int query = row0 + lanes.row(i);
      const Span span = scores.keysOf(query);
      WG_UNROLL
      for (int c = 0; c < 4; c++) {
        const int key = key0 + lanes.weight(c);
        if (span.has(key)) {
          s[i][c] *= scores.scale;
          if (scores.biased()) s[i][c] += scores.bias(at.b, at.h, query, key);
        } else {
          s[i][c] = -Format<T>::kInf;
        }
      }
      const T shrink = running.weigh(i, s[i]);
      if (shrink != T(1)) {
        WG_UNROLL
        for (int c = 0; c < Tile::kSums; c++) sums[i][c] *= shrink;
      }
      if (scores.dropout > T(0)) {
        const Quad<T> factors = factorsOf<Tile>(weights, i, lanes);
        WG_UNROLL
        for (int c = 0; c < 4; c++) s[i][c] *= factors[c];
      }
    }
    putWeights<Tile>(weights, s, lanes);
    copyAsyncWait<0>();
    syncBlock();  // the values and weights are here, and all are done with the keys
    if (!Tile::kChunked && key0 + Tile::kPassing < seen.to) {
      bringKeys(key0 + Tile::kPassing, 0);
      copyAsyncCommit();
    }
    addRows<Tile>(sums, weights, values, smaller(scores.keys - key0, Tile::kPassing), lanes);
  }

  WG_UNROLL
  for (int i = 0; i < Tile::kEach; i++) {
    T sum = running.sum[i];
    WG_UNROLL
    for (int distance = 1; distance < 8; distance *= 2) sum += shuffleXor(sum, distance);
    const bool none = running.top[i] == -Format<T>::kInf;
    const T scale = none ? T(1) : T(1) / sum;
    WG_UNROLL
    for (int c = 0; c < Tile::kSums; c++) sums[i][c] *= scale;
    const int query = row0 + lanes.row(i);
    if (at.chunk == 0 && lanes.group == 0 && query < scores.queries)
      p.lse[at.b * p.lseStride[0] + at.h * p.lseStride[1] + query * p.lseStride[2]] =
          none ? running.top[i] : running.top[i] + math::log(sum);
  }
  writeSums<Tile>(p.out, p.out.at(at.b, at.h), sums, row0, scores.queries, col0, p.width, lanes);
}

}  // namespace wg::cuda::flash
