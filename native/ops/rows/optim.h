// Rows: multi-tensor optimizer steps; hyper and state are float64 vectors on the device. `flags` are the bits
// of native/cpu/optim_step.h. A list of slots that a variant does not need is empty. Where `skip`, one bool,
// is there and true, nothing is written: the step is left out.
#pragma once

// clang-format off
#define WG_OPTIM_ROWS(X) \
  X(sgdStep, (InOutList, InList, InOutList, InOut, In, MaybeIn, int32_t), "params grads momentum state hyper skip flags") \
  X(adamStep, (InOutList, InList, InOutList, InOutList, InOutList, InOut, In, MaybeIn, int32_t), "params grads m v largest state hyper skip flags") \
  X(adamaxStep, (InOutList, InList, InOutList, InOutList, InOut, In, MaybeIn, int32_t), "params grads m largest state hyper skip flags") \
  X(nadamStep, (InOutList, InList, InOutList, InOutList, InOut, In, MaybeIn, int32_t), "params grads m v state hyper skip flags") \
  X(radamStep, (InOutList, InList, InOutList, InOutList, InOut, In, MaybeIn, int32_t), "params grads m v state hyper skip flags") \
  X(rmspropStep, (InOutList, InList, InOutList, InOutList, InOutList, InOut, In, MaybeIn, int32_t), "params grads square mean momentum state hyper skip flags") \
  X(adagradStep, (InOutList, InList, InOutList, InOut, In, MaybeIn, int32_t), "params grads sum state hyper skip flags") \
  X(adadeltaStep, (InOutList, InList, InOutList, InOutList, InOut, In, MaybeIn, int32_t), "params grads square delta state hyper skip flags") \
  X(lionStep, (InOutList, InList, InOutList, InOut, In, MaybeIn, int32_t), "params grads m state hyper skip flags") \
  X(lambStep, (InOutList, InList, InOutList, InOutList, InOut, In, MaybeIn, int32_t), "params grads m v state hyper skip flags") \
  X(emaStep, (InOutList, InList, InOut, In, int32_t), "averages params state hyper flags") \
  X(assignAll, (InOutList, InList, MaybeIn), "targets sources skip") \
  X(updateScale, (InOut, In, double, double, double), "state found growth backoff interval") \
  X(unscaleCheck, (Out, InOutList, In), "found grads scale") \
  X(globalNorm, (Out, InList), "norm grads") \
  X(clipScale, (InOutList, In, double), "grads norm maxNorm")
// clang-format on
