// The kernel of attention (Dao 2023, algorithm 1): a block keeps some queries, walks the keys they see once,
// and holds the running maximum and sum of each row.
#pragma once
#include "tiles.cuh"

namespace wg::cuda::flash {

template <class T, class S>
struct Forward {
  Matrices<const S> q, k, v;
  Matrices<S> out;
  T* lse;
  int64_t lseStride[3];
  Scores<T, S> scores;
  int depth, width,
      group;  ///< columns of q and k, of v and out; heads that share keys
};

/// The larger; NaN wins.
struct Largest {
  template <class T>
  WG_DEV T operator()(T a, T b) const {
    return b > a || b != b ? b : a;
  }
};

template <class Tile>
WG_KERNEL(Tile::kThreads, Tile::kBlocks)
forwardRows(const WG_GRID_CONSTANT Forward<typename Tile::T, typename Tile::S> p, Blocks blocks) {
  using T = typename Tile::T;
  using Item = typename Tile::Item;
  constexpr T kNone = -Format<T>::kInf;
  WG_DYN_SHARED(shared);
  Item *const queries = reinterpret_cast<Item*>(shared), *const keys = queries + Tile::kKeptSize,
              *const values = keys + Tile::kPassingSize, *const room = values + Tile::kPassingSize;
  const auto& scores = p.scores;
  const Blocks::Place at = blocks.place(blockIdx.x);
  const int row0 = at.block * Tile::kKept, col0 = at.chunk * Tile::kWidth;
  const int last = smaller(row0 + Tile::kKept, scores.queries) - 1;
  const auto* const q = p.q.at(at.b, at.h);
  const auto *const k = p.k.at(at.b, at.h / p.group), *const v = p.v.at(at.b, at.h / p.group);
  const auto bringQueries = [&](int col) {
    bring<Tile, false>(queries, p.q, q, row0, scores.queries, col, p.depth);
  };
  const auto bringKeys = [&](int key, int col) {
    bring<Tile, true>(keys, p.k, k, key, scores.keys, col, p.depth);
  };

  // Lanes that share a row agree on its top, and have parts of its sum.
  T top[Tile::kRows], sum[Tile::kRows];
  WG_UNROLL
  for (int i = 0; i < Tile::kRows; i++) {
    top[i] = kNone;
    sum[i] = T(0);
  }
  typename Tile::Sums sums{};
  const Span seen = scores.keysOf(row0, last);
  const int first = seen.from / Tile::kPassing * Tile::kPassing;
  if (!Tile::kChunked && first < seen.to) {
    bringQueries(0);
    bringKeys(first, 0);
    copyAsyncCommit();
  }
  for (int key0 = first; key0 < seen.to; key0 += Tile::kPassing) {
    typename Tile::Weights w{};
    if constexpr (Tile::kChunked) {
      for (int col = 0; col < p.depth; col += Tile::kWidth) {
        syncBlock();
        bringQueries(col);
        bringKeys(key0, col);
        copyAsyncCommit();
        copyAsyncWait<0>();
        syncBlock();
        Tile::addDots(w, queries, keys, smaller(p.depth - col, Tile::kWidth));
      }
    } else {
      copyAsyncWait<0>();
    }
    // The keys are here, and all are done with the values of the step before.
    syncBlock();
    bring<Tile, true>(values, p.v, v, key0, scores.keys, col0, p.width);
    copyAsyncCommit();
    if constexpr (!Tile::kChunked) Tile::addDots(w, queries, keys, p.depth);

    if (scores.plain(row0, row0 + Tile::kKept - 1, key0, key0 + Tile::kPassing - 1)) {
      WG_UNROLL
      for (int i = 0; i < Tile::kRows; i++) {
        WG_UNROLL
        for (int c = 0; c < Tile::kWeights; c++) w.at(i, c) *= scores.scale * kUnit<T>;
      }
    } else {
      WG_UNROLL
      for (int i = 0; i < Tile::kRows; i++) {
        WG_UNROLL
        for (int c = 0; c < Tile::kWeights; c++) {
          const int query = row0 + Tile::row(i), key = key0 + Tile::weight(c);
          w.at(i, c) = scores.sees(query, key) ? scores.score(w.at(i, c), at.b, at.h, query, key) : kNone;
        }
      }
    }
    WG_UNROLL
    for (int i = 0; i < Tile::kRows; i++) {
      T best = w.at(i, 0);
      WG_UNROLL
      for (int c = 1; c < Tile::kWeights; c++) best = Largest()(best, w.at(i, c));
      best = overRow<Tile>(best, Largest());
      const T before = top[i];
      top[i] = Largest()(before, best);
      const T shift = top[i] == kNone ? T(0) : top[i];
      T part = T(0);
      WG_UNROLL
      for (int c = 0; c < Tile::kWeights; c++) {
        w.at(i, c) = power(w.at(i, c) - shift);
        part += w.at(i, c);
      }
      const T shrink = top[i] == before ? T(1) : power(before - top[i]);
      sum[i] = sum[i] * shrink + part;
      if (shrink != T(1)) {
        WG_UNROLL
        for (int c = 0; c < Tile::kSums; c++) sums.at(i, c) *= shrink;
      }
    }
    if (scores.dropout > T(0)) {
      Kept<Tile> kept;
      kept.template draw<true>(scores, at.b, at.h, row0, key0);
      const T factor = T(1) / (T(1) - scores.dropout);
      WG_UNROLL
      for (int i = 0; i < Tile::kRows; i++) {
        WG_UNROLL
        for (int c = 0; c < Tile::kWeights; c++) w.at(i, c) *= kept.has(i, c) ? factor : T(0);
      }
    }
    copyAsyncWait<0>();
    syncBlock();  // the values are here, and all are done with the keys
    if (!Tile::kChunked && key0 + Tile::kPassing < seen.to) {
      bringKeys(key0 + Tile::kPassing, 0);
      copyAsyncCommit();
    }
    Tile::addRows(sums, w, room, values, smaller(scores.keys - key0, Tile::kPassing), p.width - col0);
  }

  WG_UNROLL
  for (int i = 0; i < Tile::kRows; i++) {
    const T all = overRow<Tile>(sum[i], Add());
    const bool none = top[i] == kNone && all == T(0);
    const T scale = none ? T(1) : T(1) / all;
    WG_UNROLL
    for (int c = 0; c < Tile::kSums; c++) sums.at(i, c) *= scale;
    const int query = row0 + Tile::row(i);
    if (at.chunk == 0 && laneId() % Tile::kSharing == 0 && query < scores.queries)
      p.lse[at.b * p.lseStride[0] + at.h * p.lseStride[1] + query * p.lseStride[2]] =
          none ? kNone : top[i] * (T(1) / kUnit<T>)+math::log(all);
  }
  Tile::putSums(sums, p.out, p.out.at(at.b, at.h), row0, scores.queries, col0, p.width, queries);
}

template <class Tile>
void launchForward(Stream& s, const Forward<typename Tile::T, typename Tile::S>& p, int64_t batch,
                   int64_t heads) {
  constexpr size_t kBytes =
      (Tile::kKeptSize + 2 * Tile::kPassingSize + Tile::kWeightSize) * sizeof(typename Tile::Item);
  eachGrid<Tile>(s, p.scores.queries, p.width, batch, heads, p.scores.right < p.scores.keys,
                 [&](const Blocks& blocks, dim3 grid) {
                   launch(s, forwardRows<Tile>, grid, dim3(Tile::kThreads), kBytes, p, blocks);
                 });
}
template <class T, class S>
void runForward(Stream& s, const Forward<T, S>& p, int64_t batch, int64_t heads) {
  withTile<Forwards<S>>(p.depth, p.width, [&]<class Tile>() { launchForward<Tile>(s, p, batch, heads); });
}

}  // namespace wg::cuda::flash
