// Rows: multi-tensor optimizer steps; hyper and state are float64 vectors on the device. `flags` are the bits
// of native/cpu/optim_step.h. A list of slots that a variant does not need is empty.
#pragma once

// clang-format off
#define WG_OPTIM_ROWS(X) \
  X(sgdStep, (InOutList, InList, InOutList, InOut, In, int32_t), "params grads momentum state hyper flags") \
  X(adamStep, (InOutList, InList, InOutList, InOutList, InOutList, InOut, In, int32_t), "params grads m v largest state hyper flags") \
  X(adamaxStep, (InOutList, InList, InOutList, InOutList, InOut, In, int32_t), "params grads m largest state hyper flags") \
  X(nadamStep, (InOutList, InList, InOutList, InOutList, InOut, In, int32_t), "params grads m v state hyper flags") \
  X(radamStep, (InOutList, InList, InOutList, InOutList, InOut, In, int32_t), "params grads m v state hyper flags") \
  X(rmspropStep, (InOutList, InList, InOutList, InOutList, InOutList, InOut, In, int32_t), "params grads square mean momentum state hyper flags") \
  X(adagradStep, (InOutList, InList, InOutList, InOut, In, int32_t), "params grads sum state hyper flags") \
  X(adadeltaStep, (InOutList, InList, InOutList, InOutList, InOut, In, int32_t), "params grads square delta state hyper flags") \
  X(lionStep, (InOutList, InList, InOutList, InOut, In, int32_t), "params grads m state hyper flags") \
  X(lambStep, (InOutList, InList, InOutList, InOutList, InOut, In, int32_t), "params grads m v state hyper flags") \
  X(emaStep, (InOutList, InList, InOut, In, int32_t), "averages params state hyper flags") \
  X(assignAll, (InOutList, InList), "targets sources") \
  X(unscaleCheck, (Out, InOutList, In), "found grads scale") \
  X(globalNorm, (Out, InList), "norm grads") \
  X(clipScale, (InOutList, In, double), "grads norm maxNorm")
// clang-format on
