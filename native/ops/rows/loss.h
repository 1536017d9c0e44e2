// Rows: losses. Logits [N, C], int labels [N], losses and logSumExp [N]; a label equal to ignoreIndex gives
// loss 0 and gradient 0.
#pragma once

// clang-format off
#define WG_LOSS_ROWS(X) \
  X(crossEntropy, (Out, Out, In, In, double), "losses logSumExp logits labels ignoreIndex") \
  X(crossEntropyGrad, (Out, In, In, In, In, double), "dLogits logits logSumExp labels dLosses ignoreIndex")
// clang-format on
