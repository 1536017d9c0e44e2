// Rows: making and copying tensors.
#pragma once

// clang-format off
#define WG_MEMORY_ROWS(X) \
  X(fill, (Out, double), "out value") \
  X(arange, (Out, double, double), "out start step") \
  X(copy, (Out, In), "out x") /* strided, casting; float to int saturates, NaN to 0 */ \
  X(anyNonFinite, (Out, In), "out x") /* rank-0 bool */
// clang-format on
