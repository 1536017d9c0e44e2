// The op attentionGrad: a delta for each query, then the gradients of the queries, then those of keys and
// values. Two kernels make the weights twice, but nothing is added up by more than one block.
#include "../../ops/attention.h"

#include "../prototype.h"
#include "../rows.cuh"
#include "backward.cuh"

WG_CUDA_PROTOTYPES(WG_ATTENTION_ROWS)

namespace wg::cuda {
namespace flash {
namespace {

// A team of threads a row of out and dout.
template <class T, class S>
WG_KERNEL(512)
rowDeltas(T* delta, const S* out, const S* dout, const T* dlse, Rows<3> r, TeamShape shape) {
  const Team team(shape.lanes, shape.across);
  const int64_t row = team.row(), width = row < r.rows ? r.width : 0;
  const auto at = r.starts(static_cast<uint64_t>(row < r.rows ? row : 0));
  T sum = T(0);
  eachRun(out + at[0], r.step[0], width, r.packed, team, [&](const auto& values, int64_t i) {
    auto slopes = values;
    getRun(dout + at[1], r.step[1], i, slopes);
    WG_UNROLL
    for (int k = 0; k < values.kCount; k++) sum += widen(values[k]) * widen(slopes[k]);
  });
  sum = team.reduce(sum, Add{});
  if (row < r.rows && team.rank == 0) delta[row] = sum - dlse[at[2]];
}

}  // namespace
}  // namespace flash

size_t attentionGradWorkspace(const Out&, const Out&, const Out&, const In& q, const In&, const In&,
                              const In&, const In&, const In&, const In&, const MaybeIn&, const MaybeIn&,
                              const MaybeIn&, const AttentionParams&) {
  if (q.rank != 4) return 0;
  return static_cast<size_t>(q.shape[0] * q.shape[1] * q.shape[2] * itemBytes(computeOf(q.dtype)));
}

void attentionGrad(Stream& s, const Out& dq, const Out& dk, const Out& dv, const In& q, const In& k,
                   const In& v, const In& out, const In& lse, const In& dout, const In& dlse,
                   const MaybeIn& mask, const MaybeIn& slopes, const MaybeIn& used,
                   const AttentionParams& params) {
  using namespace flash;
  if (!attentionFits(s, q, k, v, mask, slopes, used) ||
      !attentionGradientsFit(s, dq, dk, dv, q, k, v, out, lse, dout, dlse))
    return;
  const int64_t batch = q.shape[0], keyHeads = k.shape[1];
  if (batch * keyHeads == 0 || !countable(s, q, k)) return;
  const size_t needed =
      attentionGradWorkspace(dq, dk, dv, q, k, v, out, lse, dout, dlse, mask, slopes, used, params);
  if (!require(s, s.scratchBytes >= needed, "attentionGrad: the scratch is too small")) return;
  withElement(s, q.dtype, "attentionGrad", [&]<class S>() {
    using T = ComputedIn<S>;
    T* const delta = static_cast<T*>(s.scratch);
    const Rows<3> r = rowsOf<3>({&out, &dout, &dlse}, 2);
    if (r.rows > 0) {
      const TeamShape team = streamedTeam<S>(r);
      launch(s, rowDeltas<T, S>, gridOf(r.rows, team), blockOf(team), 0, delta,
             static_cast<const S*>(out.data), static_cast<const S*>(dout.data),
             static_cast<const T*>(dlse.data), r, team);
    }
    const Backward<T, S> p{matricesOf<const S>(q),
                           matricesOf<const S>(k),
                           matricesOf<const S>(v),
                           matricesOf<const S>(dout),
                           matricesOf<S>(dq),
                           matricesOf<S>(dk),
                           matricesOf<S>(dv),
                           static_cast<const T*>(lse.data),
                           {lse.stride[0], lse.stride[1], lse.stride[2]},
                           delta,
                           scoresOf<T, S>(q, k, mask, slopes, used, params),
                           static_cast<int>(q.shape[3]),
                           static_cast<int>(v.shape[3]),
                           static_cast<int>(q.shape[1] / keyHeads)};
    runGradQuery(s, p, batch);
    runGradKey(s, p, batch, keyHeads);
  });
}

}  // namespace wg::cuda
