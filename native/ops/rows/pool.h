// Rows: pooling, NCHW, float32 and float64.
#pragma once
#include "../params.h"

namespace wg {

struct Pool2dParams {
  int32_t kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW;
  // Average pooling only; `divisor` 0 counts the window's elements.
  int32_t countIncludePad, divisor;
  static constexpr const char* kName = "Pool2dParams";
  static constexpr auto kFields = fields(
      Field{"kernelH", &Pool2dParams::kernelH}, Field{"kernelW", &Pool2dParams::kernelW},
      Field{"strideH", &Pool2dParams::strideH}, Field{"strideW", &Pool2dParams::strideW},
      Field{"padH", &Pool2dParams::padH}, Field{"padW", &Pool2dParams::padW},
      Field{"dilationH", &Pool2dParams::dilationH}, Field{"dilationW", &Pool2dParams::dilationW},
      Field{"countIncludePad", &Pool2dParams::countIncludePad}, Field{"divisor", &Pool2dParams::divisor});
};

}  // namespace wg

// clang-format off
#define WG_POOL_ROWS(X) \
  X(maxPool2d, (Out, Out, In, Pool2dParams), "out indices x params") /* indices int32: h * W + w of the winner */ \
  X(maxPool2dGrad, (Out, In, In), "dx indices dy") /* also the scatter of any [N,C,OH,OW] back to [N,C,H,W] */ \
  X(maxPool2dGather, (Out, In, In), "out indices x") /* x[N,C,H,W] read at the winners */ \
  X(maxUnpool2d, (Out, In, In), "out indices x") /* zeros with x[N,C,OH,OW] at its indices, the last of equals */ \
  X(adaptiveMaxPool2d, (Out, Out, In), "out indices x") \
  X(avgPool2d, (Out, In, Pool2dParams), "out x params") \
  X(avgPool2dGrad, (Out, In, Pool2dParams), "dx dy params")
// clang-format on
