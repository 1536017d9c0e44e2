// Sizes of one 2-d convolution and the checks every conv kernel relies on.
#pragma once
#include "../ops/rows/conv.h"
#include "kernel.h"

namespace wg::cpu {
inline namespace WG_ISA {

struct ConvShape {
  int64_t images, groups;
  int64_t channels, filters;    ///< of one group
  int64_t height, width;        ///< of x
  int64_t outHeight, outWidth;  ///< of out
  int64_t kernelH, kernelW;
  int64_t strideH, strideW, padH, padW, dilationH, dilationW;
};

inline ConvShape convShape(const View& out, const View& x, const View& weight, const Conv2dParams& p) {
  return {x.shape[0],      p.groups,        weight.shape[1], p.groups > 0 ? weight.shape[0] / p.groups : 0,
          x.shape[2],      x.shape[3],      out.shape[2],    out.shape[3],
          weight.shape[2], weight.shape[3], p.strideH,       p.strideW,
          p.padH,          p.padW,          p.dilationH,     p.dilationW};
}

inline bool convAxisFits(int64_t out, int64_t in, int64_t kernel, int64_t stride, int64_t pad,
                         int64_t dilation) {
  if (kernel < 1 || kernel > INT32_MAX || stride < 1 || dilation < 1 || pad < 0) return false;
  const int64_t room = in + 2 * pad - dilation * (kernel - 1) - 1;
  return room >= 0 && out == room / stride + 1;
}

/// x [N, G*C, H, W], weight [G*F, C, R, S], out [N, G*F, OH, OW], all of one float dtype.
inline bool convFits(Stream& s, const char* op, const View& out, const View& x, const View& weight,
                     const Conv2dParams& p) {
  if (out.dtype != DType::f32 && out.dtype != DType::f64) {
    unsupported(s, op, out.dtype);
    return false;
  }
  const bool fits = out.rank == 4 && x.rank == 4 && weight.rank == 4 && x.dtype == out.dtype &&
                    weight.dtype == out.dtype && p.groups >= 1 && weight.shape[0] % p.groups == 0 &&
                    x.shape[1] == weight.shape[1] * p.groups && out.shape[1] == weight.shape[0] &&
                    out.shape[0] == x.shape[0] &&
                    convAxisFits(out.shape[2], x.shape[2], weight.shape[2], p.strideH, p.padH, p.dilationH) &&
                    convAxisFits(out.shape[3], x.shape[3], weight.shape[3], p.strideW, p.padW, p.dilationW);
  if (!fits) fail(s, Code::bounds, "%s: shapes and parameters do not fit together", op);
  return fits;
}

/// The same as a question, for workspace queries.
inline bool convPlausible(const View& out, const View& x, const View& weight, const Conv2dParams& p) {
  return out.rank == 4 && x.rank == 4 && weight.rank == 4 && p.groups >= 1 && p.strideH >= 1 &&
         p.strideW >= 1;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
