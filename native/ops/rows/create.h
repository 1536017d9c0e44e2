// Rows: tensors made from a few numbers, from labels or from the clock.
#pragma once

// clang-format off
#define WG_CREATE_ROWS(X) \
  X(linspace, (Out, double, double), "out start end") \
  X(triangleIndices, (Out, double, double, double, int32_t), "out rows columns offset upper") /* rows, columns < 2^31 */ \
  X(oneHot, (Out, In), "out labels") /* out is contiguous, with the classes last */ \
  X(timestamp, (Out), "out") /* one int64: nanoseconds of the device's clock when everything before is done */
// clang-format on
