// Rows: elements where a condition holds. `offsets` [blocks + 1] int64 says how many such elements stand
// before each block of the row-major order; the last is their number.
#pragma once

// clang-format off
#define WG_MASKED_ROWS(X) \
  X(nonzeroCount, (Out, In), "offsets x") \
  X(nonzero, (Out, In, In, double), "out x offsets fill") /* out [size, rank]; rows beyond the count hold fill */ \
  X(maskedSelect, (Out, In, In, In, double), "out x mask offsets fill") /* out [size] */ \
  X(maskedScatter, (InOut, In, In, In, int32_t), "out mask offsets src strict") /* strict: 1 src must suffice, 2 it must fit exactly */ \
  X(triangle, (Out, In, double, int32_t), "out x diagonal upper") /* 0 outside of the triangle of the last two axes */
// clang-format on
