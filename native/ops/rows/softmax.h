// Rows: the softmax family over the last axis.
#pragma once

// clang-format off
#define WG_SOFTMAX_ROWS(X) \
  X(softmax, (Out, In), "out x") \
  X(softmaxGrad, (Out, In, In), "dx out dy") \
  X(logSoftmax, (Out, In), "out x") \
  X(logSoftmaxGrad, (Out, In, In), "dx out dy") \
  X(logsumexp, (Out, In), "out x") /* out: the last axis has size 1 */
// clang-format on
