// Rows: what token models do to their inputs.
#pragma once

// clang-format off
#define WG_EMBEDDING_ROWS(X) \
  /* pairs of the last axis turned by angles whose cosines and sines are [..., D / 2] */ \
  X(rotate, (Out, In, In, In, int32_t, int32_t), "out x cos sin interleaved inverse") \
  /* mode 0 sum, 1 mean, 2 max: then places [B, D] is where each element came from, -1: nowhere */ \
  X(embeddingBag, (Out, Out, In, In, In, MaybeIn, int32_t, double), \
    "out places weight indices offsets scales mode padding") \
  X(bagNumbers, (Out, In), "out offsets") /* the bag of each index */
// clang-format on
