// The op attention: its checks, and which tile its columns go to.
#include "../../ops/attention.h"

#include "../prototype.h"
#include "forward.cuh"

WG_CUDA_PROTOTYPES(WG_ATTENTION_ROWS)

namespace wg::cuda {
namespace flash {
namespace {

template <class Tile>
void runForward(Stream& s, const Forward<typename Tile::T>& p, int64_t batch, int64_t heads) {
  constexpr size_t kBytes =
      (Tile::kKeptSize + 2 * Tile::kPassingSize + Tile::kWeightSize) * sizeof(typename Tile::T);
  eachGrid<Tile>(s, p.scores.queries, p.width, batch, heads, p.scores.right >= 0,
                 [&](const Blocks& blocks, dim3 grid) {
                   launch(s, forwardRows<Tile>, grid, dim3(Tile::kThreads), kBytes, p, blocks);
                 });
}

}  // namespace
}  // namespace flash

void attention(Stream& s, const Out& out, const Out& lse, const In& q, const In& k, const In& v,
               const MaybeIn& mask, const MaybeIn& slopes, const MaybeIn& used,
               const AttentionParams& params) {
  using namespace flash;
  if (!attentionFits(s, q, k, v, mask, slopes, used) || !attentionResultsFit(s, out, lse, q, v)) return;
  const int64_t batch = q.shape[0], heads = q.shape[1];
  if (batch * heads * q.shape[2] == 0 || !countable(s, q, k)) return;
  withFloat(s, q.dtype, "attention", [&]<class T>() {
    const Forward<T> p{matricesOf<const T>(q),
                       matricesOf<const T>(k),
                       matricesOf<const T>(v),
                       matricesOf<T>(out),
                       static_cast<T*>(lse.data),
                       {lse.stride[0], lse.stride[1], lse.stride[2]},
                       scoresOf<T>(q, k, mask, slopes, used, params),
                       static_cast<int>(q.shape[3]),
                       static_cast<int>(v.shape[3]),
                       static_cast<int>(heads / k.shape[1])};
    const int64_t columns = maxOf(q.shape[3], v.shape[3]);
    if constexpr (sizeof(T) == 8) {
      runForward<Tile<T, 4, 64, 2, true>>(s, p, batch, heads);
    } else {
      if (columns <= 64) runForward<Tile<T, 8, 64, 3, false>>(s, p, batch, heads);
      else if (columns <= 128) runForward<Tile<T, 8, 128, 2, false>>(s, p, batch, heads);
      else runForward<Tile<T, 4, 128, 2, true>>(s, p, batch, heads);
    }
  });
}

}  // namespace wg::cuda
