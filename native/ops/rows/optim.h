// Rows: multi-tensor optimizer steps; hyper and state are float64 vectors on the device.
#pragma once

// clang-format off
#define WG_OPTIM_ROWS(X) \
  X(sgdStep, (InOutList, InList, InOutList, InOut, In, int32_t), "params grads momentum state hyper nesterov") \
  X(adamStep, (InOutList, InList, InOutList, InOutList, InOut, In, int32_t), "params grads m v state hyper decoupled") \
  X(globalNorm, (Out, InList), "norm grads") \
  X(clipScale, (InOutList, In, double), "grads norm maxNorm")
// clang-format on
