// Rows: normalisation along the last axis, float32 and float64. x, out, dx and dy are [R..., W]; mean and
// rstd hold one number for each row, [R...], where rstd = 1 / sqrt(variance + eps). With center 0 the mean
// counts as 0: root mean square. rowNormGrads is rowNormGrad and rowNormGradWeight in one.
#pragma once

// clang-format off
#define WG_NORM_ROWS(X) \
  X(rowNorm, (Out, Out, Out, In, MaybeIn, MaybeIn, double, int32_t), "out mean rstd x weight bias eps center") \
  X(rowNormGrad, (Out, In, In, In, MaybeIn, In, int32_t), "dx x mean rstd weight dy center") \
  X(rowNormGradWeight, (Out, Out, In, In, In, In), "dWeight dBias x mean rstd dy") \
  X(rowNormGrads, (Out, Out, Out, In, In, In, MaybeIn, In, int32_t), "dx dWeight dBias x mean rstd weight dy center")
// clang-format on
