// Rows: Fourier transforms along the last axis, float32 and float64, computed in double. Complex numbers are
// a last axis of size 2. The input is cut or filled with zeros to `length` (for irfft: to length / 2 + 1),
// the result to what the output holds: so each row's gradient is another of them.
#pragma once

// clang-format off
#define WG_FFT_ROWS(X) \
  X(fft, (Out, In, int32_t, int32_t, double), "out x length inverse scale") /* [..., m, 2] to [..., k, 2] */ \
  X(rfft, (Out, In, int32_t, double), "out x length scale") /* [..., m] to [..., k, 2] */ \
  X(irfft, (Out, In, int32_t, double), "out x length scale") /* [..., m, 2] to [..., k] */
// clang-format on
