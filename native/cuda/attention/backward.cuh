// What the gradients of attention share: the operands, and from products to weights and their gradients.
#pragma once
#include "scores.cuh"

namespace wg::cuda::flash {

template <class T, class S>
struct Backward {
  Matrices<const S> q, k, v, dout;
  Matrices<S> dq, dk, dv;
  const T* lse;
  int64_t lseStride[3];
  const T* delta;  ///< [B, H, S]: sum of dout * out, less the gradient of lse
  Scores<T, S> scores;
  int depth, width,
      group;  ///< columns of q and k, of v and dout; heads that share keys

  /// Of one query: the logarithm of its sum of exponentials, in kUnit, and its delta.
  struct Row {
    T lse, delta;
  };
  WG_DEV Row row(int b, int h, int query) const {
    if (query >= scores.queries) return {-Format<T>::kInf, T(0)};
    const int64_t head = static_cast<int64_t>(b) * scores.heads + h;
    return {lse[b * lseStride[0] + h * lseStride[1] + query * lseStride[2]] * kUnit<T>,
            delta[head * scores.queries + query]};
  }
};

/// From products q k and dout v to weights after dropout, and the gradients of the products q k. rowOf(i, c):
/// the query's. Kept rows are queries, or keys.
template <class Tile, bool queriesKept, class RowOf>
WG_DEV void weigh(const Backward<typename Tile::T, typename Tile::S>& p, int b, int h, int kept0,
                  int passing0, typename Tile::Weights& w, typename Tile::Weights& dw, RowOf rowOf) {
  using T = typename Tile::T;
  const auto& scores = p.scores;
  const int query0 = queriesKept ? kept0 : passing0, key0 = queriesKept ? passing0 : kept0;
  const int queries = queriesKept ? Tile::kKept : Tile::kPassing,
            keys = queriesKept ? Tile::kPassing : Tile::kKept;
  const bool plain = scores.plain(query0, query0 + queries - 1, key0, key0 + keys - 1);
  Kept<Tile> kept;
  kept.all();
  if (scores.dropout > T(0)) kept.template draw<queriesKept>(scores, b, h, kept0, passing0);
  const T factor = T(1) / (T(1) - scores.dropout);
  WG_UNROLL
  for (int i = 0; i < Tile::kRows; i++) {
    WG_UNROLL
    for (int c = 0; c < Tile::kWeights; c++) {
      const int query = query0 + (queriesKept ? Tile::row(i) : Tile::weight(c));
      const int key = key0 + (queriesKept ? Tile::weight(c) : Tile::row(i));
      const auto row = rowOf(i, c);
      T weight = T(0), slope = T(0);
      // A query whose sum is zero has seen no key that takes part.
      if (plain ? row.lse != -Format<T>::kInf : scores.sees(query, key) && row.lse != -Format<T>::kInf) {
        const T score =
            plain ? w.at(i, c) * (scores.scale * kUnit<T>) : scores.score(w.at(i, c), b, h, query, key);
        const T share = power(score - row.lse), through = kept.has(i, c) ? factor : T(0);
        weight = share * through;
        slope = share * (dw.at(i, c) * through - row.delta) * scores.scale;
      }
      w.at(i, c) = weight;
      dw.at(i, c) = slope;
    }
  }
}

/// The gradients of q, and of k and v, from the deltas.
template <class T, class S>
void runGradQuery(Stream& s, const Backward<T, S>& p, int64_t batch);
template <class T, class S>
void runGradKey(Stream& s, const Backward<T, S>& p, int64_t batch, int64_t keyHeads);

}  // namespace wg::cuda::flash
