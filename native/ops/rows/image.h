// Rows: resizing, sampling at points and choosing boxes, float32 and float64.
#pragma once
#include "../params.h"

namespace wg {

/// How one axis is read at another number of places. `mode`: 0 nearest, 1 nearest with centres, 2 linear,
/// 3 cubic, 4 area. `ratio` is the distance between two places in elements of the source.
struct ResampleParams {
  int32_t mode, alignCorners;
  double ratio;
  static constexpr const char* kName = "ResampleParams";
  static constexpr auto kFields =
      fields(Field{"mode", &ResampleParams::mode}, Field{"alignCorners", &ResampleParams::alignCorners},
             Field{"ratio", &ResampleParams::ratio});
};

/// `mode`: 0 linear, 1 nearest, 2 cubic; `padding`: 0 zeros, 1 border, 2 reflection.
struct GridSampleParams {
  int32_t mode, padding, alignCorners;
  static constexpr const char* kName = "GridSampleParams";
  static constexpr auto kFields =
      fields(Field{"mode", &GridSampleParams::mode}, Field{"padding", &GridSampleParams::padding},
             Field{"alignCorners", &GridSampleParams::alignCorners});
};

}  // namespace wg

// clang-format off
#define WG_IMAGE_ROWS(X) \
  X(resample, (Out, In, ResampleParams), "out x params") /* [A, n, B] to [A, m, B] */ \
  X(resampleGrad, (Out, In, ResampleParams), "dx dy params") \
  X(gridSample, (Out, In, In, GridSampleParams), "out x grid params") /* x [N,C,D,H,W], grid [N,OD,OH,OW,2|3] */ \
  X(gridSampleGradInput, (Out, In, In, GridSampleParams), "dx dy grid params") \
  X(gridSampleGradGrid, (Out, In, In, In, GridSampleParams), "dGrid dy x grid params") \
  X(nms, (Out, Out, In, In, double, int32_t), "keep count boxes scores threshold fill") /* keep int32 [m], count int32 [] */
// clang-format on
