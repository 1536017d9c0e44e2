// Sizes of one 2-d convolution and the checks every conv kernel relies on.
#pragma once
#include "checks.h"
#include "rows/conv.h"

namespace wg {
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

/// `pad` counts the zeros before the axis; behind it stand as many as the last window needs. So an even
/// kernel may pad unevenly, and a transposed convolution may be given any output.
inline bool convAxisFits(int64_t out, int64_t in, int64_t kernel, int64_t stride, int64_t pad,
                         int64_t dilation) {
  if (kernel < 1 || kernel > INT32_MAX || stride < 1 || dilation < 1 || pad < 0) return false;
  return out >= 0 && in >= 0 && out - 1 <= (in + 2 * pad) / stride;
}

/// What a 3-d convolution does within a plane.
inline Conv2dParams planesOf(const Conv3dParams& p) {
  return {p.strideH, p.strideW, p.padH, p.padW, p.dilationH, p.dilationW, p.groups, p.precision};
}

/// [A, B, D, H, W] without D, at depth `at`; `images` > 0 puts that many planes, `step` apart, in A's place.
inline View planes(const View& v, int64_t at, int64_t images, int64_t step = 1) {
  View plane = v;
  plane.rank = 4;
  plane.data = static_cast<char*>(v.data) + at * v.stride[2] * (v.dtype == DType::f64 ? 8 : 4);
  for (int i = 2; i < 4; ++i) plane.shape[i] = v.shape[i + 1], plane.stride[i] = v.stride[i + 1];
  if (images > 0) plane.shape[0] = images, plane.stride[0] = step * v.stride[2];
  return plane;
}

/// Output depths that tap `tap` of the kernel's depth reaches inside the input: output o reads o * stride +
/// shift.
struct DepthTap {
  int64_t from, count, shift;
};
inline DepthTap depthTap(int64_t tap, int64_t out, int64_t in, const Conv3dParams& p) {
  DepthTap t{0, 0, tap * p.dilationD - p.padD};
  if (t.shift < 0) t.from = ceilDiv(-t.shift, p.strideD);
  if (in - 1 - t.shift >= 0) t.count = maxOf(minOf(out, (in - 1 - t.shift) / p.strideD + 1) - t.from, 0);
  return t;
}

/// x [N, G*C, H, W], weight [G*F, C, R, S], out [N, G*F, OH, OW], all of one float dtype; `halves`: float16
/// and bfloat16 too.
inline bool convFits(Stream& s, const char* op, const View& out, const View& x, const View& weight,
                     const Conv2dParams& p, bool halves = false) {
  const bool half = out.dtype == DType::f16 || out.dtype == DType::bf16;
  if (out.dtype != DType::f32 && out.dtype != DType::f64 && !(half && halves)) {
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

/// The same of x [N, G*C, D, H, W], weight [G*F, C, Q, R, S] and out [N, G*F, OD, OH, OW].
inline bool convFits(Stream& s, const char* op, const View& out, const View& x, const View& weight,
                     const Conv3dParams& p, bool halves = false) {
  const bool ranks = out.rank == 5 && x.rank == 5 && weight.rank == 5;
  if (ranks && convAxisFits(out.shape[2], x.shape[2], weight.shape[2], p.strideD, p.padD, p.dilationD))
    return convFits(s, op, planes(out, 0, 0), planes(x, 0, 0), planes(weight, 0, 0), planesOf(p), halves);
  fail(s, Code::bounds, "%s: shapes and parameters do not fit together", op);
  return false;
}

/// One element per channel of out, or none.
inline bool convBiasFits(Stream& s, const View& out, const View& bias) {
  return require(s,
                 !bias.data || (bias.rank == 1 && bias.shape[0] == out.shape[1] && bias.dtype == out.dtype),
                 "convolution: bias must have one element per output channel");
}

/// The same as a question, for workspace queries.
inline bool convPlausible(const View& out, const View& x, const View& weight, const Conv2dParams& p) {
  return out.rank == 4 && x.rank == 4 && weight.rank == 4 && p.groups >= 1 && p.strideH >= 1 &&
         p.strideW >= 1;
}

}  // namespace WG_ISA
}  // namespace wg
