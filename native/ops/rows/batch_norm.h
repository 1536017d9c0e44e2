#pragma once

#define WG_BATCH_NORM_ROWS(X)                                        \
  X(batchNorm, (Out, Out, Out, In, MaybeIn, MaybeIn, double),        \
    "out mean variance x weight bias eps") /* x [N, C, L] */         \
  X(batchNormGrad, (Out, Out, Out, In, In, In, MaybeIn, In, double), \
    "dx dWeight dBias x mean variance weight dy eps")
