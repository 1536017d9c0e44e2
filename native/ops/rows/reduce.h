// Rows: reductions. `out` has x's rank; reduced axes have size 1 in it.
#pragma once

// clang-format off
#define WG_REDUCE_ROWS(X) \
  X(sum, (Out, In), "out x") \
  X(mean, (Out, In), "out x") \
  X(amax, (Out, In), "out x") /* NaN wins */ \
  X(amin, (Out, In), "out x") \
  X(prod, (Out, In), "out x") \
  X(variance, (Out, In, double), "out x correction") \
  X(argmax, (Out, In), "out x") /* one axis reduced; out int32 or int64; first of equals; NaN wins */ \
  X(argmin, (Out, In), "out x")
// clang-format on
