// Rows: scans along one axis; all tensors share their shape but for what is said.
#pragma once

// clang-format off
#define WG_SCAN_ROWS(X) \
  X(cumsum, (Out, In, int32_t), "out x axis") /* floats are added in double, integers wrap */ \
  X(cumprod, (Out, In, int32_t), "out x axis") \
  X(logcumsumexp, (Out, In, int32_t), "out x axis") \
  X(cummax, (Out, Out, In, int32_t), "out indices x axis") /* indices int32 or int64; NaN stays, the last of equals */ \
  X(cummin, (Out, Out, In, int32_t), "out indices x axis") \
  X(linearScan, (Out, In, In, int32_t), "out a b axis") /* out[i] = b[i] + a[i-1] out[i-1]; a is one shorter */
// clang-format on
