// Rows: convolution, NCHW, float32 and float64.
#pragma once
#include "../params.h"

namespace wg {

struct Conv2dParams {
  int32_t strideH, strideW, padH, padW, dilationH, dilationW, groups;
  static constexpr const char* kName = "Conv2dParams";
  static constexpr auto kFields =
      fields(Field{"strideH", &Conv2dParams::strideH}, Field{"strideW", &Conv2dParams::strideW},
             Field{"padH", &Conv2dParams::padH}, Field{"padW", &Conv2dParams::padW},
             Field{"dilationH", &Conv2dParams::dilationH}, Field{"dilationW", &Conv2dParams::dilationW},
             Field{"groups", &Conv2dParams::groups});
};

}  // namespace wg

// clang-format off
#define WG_CONV_ROWS(X) \
  X(conv2d, (Out, In, In, MaybeIn, Conv2dParams), "out x weight bias params") \
  X(conv2dGradInput, (Out, In, In, Conv2dParams), "dx dy weight params") \
  X(conv2dGradWeight, (Out, In, In, Conv2dParams), "dWeight x dy params")
// clang-format on
