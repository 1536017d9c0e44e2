// Rows: borders around the last three axes, and windows laid out as columns, with the gradients of both.
#pragma once
#include "../params.h"

namespace wg {

struct PadParams {
  int32_t mode;                       ///< 0 reflect, 1 replicate, 2 circular
  int32_t beforeD, beforeH, beforeW;  ///< rows added before, last axis last
  static constexpr const char* kName = "PadParams";
  static constexpr auto kFields =
      fields(Field{"mode", &PadParams::mode}, Field{"beforeD", &PadParams::beforeD},
             Field{"beforeH", &PadParams::beforeH}, Field{"beforeW", &PadParams::beforeW});
};

struct Im2colParams {
  int32_t kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW;
  static constexpr const char* kName = "Im2colParams";
  static constexpr auto kFields =
      fields(Field{"kernelH", &Im2colParams::kernelH}, Field{"kernelW", &Im2colParams::kernelW},
             Field{"strideH", &Im2colParams::strideH}, Field{"strideW", &Im2colParams::strideW},
             Field{"padH", &Im2colParams::padH}, Field{"padW", &Im2colParams::padW},
             Field{"dilationH", &Im2colParams::dilationH}, Field{"dilationW", &Im2colParams::dilationW});
};

}  // namespace wg

// clang-format off
#define WG_PAD_ROWS(X) \
  X(pad, (Out, In, PadParams), "out x params") \
  X(padGrad, (Out, In, PadParams), "dx dy params") \
  X(im2col, (Out, In, Im2colParams), "out x params") /* x [N, C, H, W], out [N, C * kernel, windows] */ \
  X(col2im, (Out, In, Im2colParams), "out x params") /* the way back: what meets in one element is added */
// clang-format on
