// Rows: convolution, NC[D]HW, floats. A transposed convolution is an input gradient with a bias.
#pragma once
#include "../params.h"

namespace wg {

struct Conv2dParams {
  int32_t strideH, strideW, padH, padW, dilationH, dilationW, groups;
  int32_t precision;  ///< a Precision
  static constexpr const char* kName = "Conv2dParams";
  static constexpr auto kFields =
      fields(Field{"strideH", &Conv2dParams::strideH}, Field{"strideW", &Conv2dParams::strideW},
             Field{"padH", &Conv2dParams::padH}, Field{"padW", &Conv2dParams::padW},
             Field{"dilationH", &Conv2dParams::dilationH}, Field{"dilationW", &Conv2dParams::dilationW},
             Field{"groups", &Conv2dParams::groups}, Field{"precision", &Conv2dParams::precision});
};

struct Conv3dParams {
  int32_t strideD, strideH, strideW, padD, padH, padW, dilationD, dilationH, dilationW, groups;
  int32_t precision;  ///< a Precision
  static constexpr const char* kName = "Conv3dParams";
  static constexpr auto kFields =
      fields(Field{"strideD", &Conv3dParams::strideD}, Field{"strideH", &Conv3dParams::strideH},
             Field{"strideW", &Conv3dParams::strideW}, Field{"padD", &Conv3dParams::padD},
             Field{"padH", &Conv3dParams::padH}, Field{"padW", &Conv3dParams::padW},
             Field{"dilationD", &Conv3dParams::dilationD}, Field{"dilationH", &Conv3dParams::dilationH},
             Field{"dilationW", &Conv3dParams::dilationW}, Field{"groups", &Conv3dParams::groups},
             Field{"precision", &Conv3dParams::precision});
};

}  // namespace wg

// clang-format off
#define WG_CONV_ROWS(X) \
  X(conv2d, (Out, In, In, MaybeIn, Conv2dParams), "out x weight bias params") \
  X(conv2dGradInput, (Out, In, In, MaybeIn, Conv2dParams), "dx dy weight bias params") /* and convTranspose2d */ \
  X(conv2dGradWeight, (Out, In, In, Conv2dParams), "dWeight x dy params") \
  X(conv3d, (Out, In, In, MaybeIn, Conv3dParams), "out x weight bias params") \
  X(conv3dGradInput, (Out, In, In, MaybeIn, Conv3dParams), "dx dy weight bias params") /* and convTranspose3d */ \
  X(conv3dGradWeight, (Out, In, In, Conv3dParams), "dWeight x dy params")
// clang-format on
