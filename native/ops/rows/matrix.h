// Rows: matrices: rank >= 2 everywhere, equal ranks, batch axes may have stride 0; bias [N] is added to every
// row.
#pragma once

// clang-format off
#define WG_MATRIX_ROWS(X) \
  X(matmul, (Out, In, In, MaybeIn), "out a b bias")
// clang-format on
