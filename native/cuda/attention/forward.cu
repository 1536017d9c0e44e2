// The op attention: its checks, and its kernels for float32 and float64.
#include "../../ops/attention.h"

#include "../prototype.h"
#include "forward.cuh"

WG_CUDA_PROTOTYPES(WG_ATTENTION_ROWS)

namespace wg::cuda {
namespace flash {

extern template void runForward(Stream&, const Forward<float, F16>&, int64_t, int64_t);
extern template void runForward(Stream&, const Forward<float, Bf16>&, int64_t, int64_t);

}  // namespace flash

void attention(Stream& s, const Out& out, const Out& lse, const In& q, const In& k, const In& v,
               const MaybeIn& mask, const MaybeIn& slopes, const MaybeIn& used,
               const AttentionParams& params) {
  using namespace flash;
  if (!attentionFits(s, q, k, v, mask, slopes, used) || !attentionResultsFit(s, out, lse, q, v)) return;
  const int64_t batch = q.shape[0], heads = q.shape[1];
  if (batch * heads * q.shape[2] == 0 || !countable(s, q, k)) return;
  withElement(s, q.dtype, "attention", [&]<class S>() {
    using T = ComputedIn<S>;
    const Forward<T, S> p{matricesOf<const S>(q),
                          matricesOf<const S>(k),
                          matricesOf<const S>(v),
                          matricesOf<S>(out),
                          static_cast<T*>(lse.data),
                          {lse.stride[0], lse.stride[1], lse.stride[2]},
                          scoresOf<T, S>(q, k, mask, slopes, used, params),
                          static_cast<int>(q.shape[3]),
                          static_cast<int>(v.shape[3]),
                          static_cast<int>(heads / k.shape[1])};
    runForward(s, p, batch, heads);
  });
}

}  // namespace wg::cuda
