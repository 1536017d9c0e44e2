// Which operands of attention fit together; every backend's kernels rest on it. Host code only.
#pragma once
#include "checks.h"

namespace wg {
inline namespace WG_ISA {

inline bool isMatrixBatch(const View& v, int64_t b, int64_t h, int64_t rows, int64_t cols, DType dtype) {
  return v.rank == 4 && v.shape[0] == b && v.shape[1] == h && v.shape[2] == rows && v.shape[3] == cols &&
         v.dtype == dtype;
}

/// One number for each row of q, of the dtype it is computed in.
inline bool isPerQuery(const View& v, const View& q) {
  return v.rank == 3 && v.dtype == computeOf(q.dtype) && v.shape[0] == q.shape[0] &&
         v.shape[1] == q.shape[1] && v.shape[2] == q.shape[2];
}

/// The inputs, forward and backward alike.
inline bool attentionFits(Stream& s, const View& q, const View& k, const View& v, const View& mask,
                          const View& slopes, const View& used) {
  bool fits = q.rank == 4 && k.rank == 4 && v.rank == 4;
  if (fits) {
    const int64_t b = q.shape[0], h = k.shape[1], t = k.shape[2];
    fits = isMatrixBatch(k, b, h, t, q.shape[3], q.dtype) && isMatrixBatch(v, b, h, t, v.shape[3], q.dtype) &&
           (h == 0 ? q.shape[1] == 0 : q.shape[1] % h == 0);
    if (fits && mask.data)
      fits = isMatrixBatch(mask, b, q.shape[1], q.shape[2], t,
                           mask.dtype == DType::boolean ? DType::boolean : q.dtype);
    if (fits && slopes.data)
      fits = slopes.rank == 1 && slopes.shape[0] == q.shape[1] && slopes.dtype == q.dtype;
    if (fits && used.data) fits = used.rank == 1 && used.shape[0] == 2 && used.dtype == DType::i64;
  }
  return require(s, fits, "attention: q, k, v, mask, slopes or random state do not fit together");
}

/// The results, for inputs that fit.
inline bool attentionResultsFit(Stream& s, const View& out, const View& lse, const View& q, const View& v) {
  return require(
      s, isMatrixBatch(out, q.shape[0], q.shape[1], q.shape[2], v.shape[3], q.dtype) && isPerQuery(lse, q),
      "attention: the outputs do not fit the inputs");
}

/// Everything else that the gradient reads and writes, for inputs that fit.
inline bool attentionGradientsFit(Stream& s, const View& dq, const View& dk, const View& dv, const View& q,
                                  const View& k, const View& v, const View& out, const View& lse,
                                  const View& dout, const View& dlse) {
  return require(s,
                 sameShape(dq, q) && sameShape(dk, k) && sameShape(dv, v) && dq.dtype == q.dtype &&
                     dk.dtype == q.dtype && dv.dtype == q.dtype &&
                     isMatrixBatch(out, q.shape[0], q.shape[1], q.shape[2], v.shape[3], q.dtype) &&
                     sameShape(out, dout) && dout.dtype == q.dtype && isPerQuery(lse, q) &&
                     isPerQuery(dlse, q),
                 "attentionGrad: gradients, saved results and inputs do not fit together");
}

}  // namespace WG_ISA
}  // namespace wg
