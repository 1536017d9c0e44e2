// What the gradients of attention share: the operands, and from products to weights and their gradients.
#pragma once
#include "scores.cuh"

namespace wg::cuda::flash {

template <class T>
struct Backward {
  Matrices<const T> q, k, v, dout;
  Matrices<T> dq, dk, dv;
  const T* lse;
  int64_t lseStride[3];
  const T* delta;  ///< [B, H, S]: sum of dout * out, less the gradient of lse
  Scores<T> scores;
  int depth, width, group;  ///< columns of q and k, of v and dout; heads that share keys

  /// Of one query: the logarithm of its sum of exponentials, and its delta.
  struct Row {
    T lse, delta;
  };
  WG_DEV Row row(int b, int h, int query) const {
    if (query >= scores.queries) return {-Format<T>::kInf, T(0)};
    const int64_t head = static_cast<int64_t>(b) * scores.heads + h;
    return {lse[b * lseStride[0] + h * lseStride[1] + query * lseStride[2]],
            delta[head * scores.queries + query]};
  }
};

/// From a product q k and a product dout v to the weight after dropout, and the gradient of the product q k.
template <class T>
WG_DEV void weigh(const Backward<T>& p, const typename Backward<T>::Row& row, bool seen, int b, int h,
                  int query, int key, T factor, T& dot, T& gradient) {
  if (!seen || row.lse == -Format<T>::kInf) {  // takes no part, or nothing did
    dot = gradient = T(0);
    return;
  }
  T score = dot * p.scores.scale;
  if (p.scores.biased()) score += p.scores.bias(b, h, query, key);
  const T weight = exponential(score - row.lse);
  gradient = weight * (gradient * factor - row.delta) * p.scores.scale;
  dot = weight * factor;
}

/// The gradients of q, and of k and v, from the deltas.
template <class T>
void runGradQuery(Stream& s, const Backward<T>& p, int64_t batch);
template <class T>
void runGradKey(Stream& s, const Backward<T>& p, int64_t batch, int64_t keyHeads);

}  // namespace wg::cuda::flash
