// Rows: rows of x [R, ...] chosen by int indices [...]: out [indices..., ...]; out of range is ERR_INDEX.
#pragma once

// clang-format off
#define WG_INDEX_ROWS(X) \
  X(index, (Out, In, In), "out x indices") \
  X(indexAdd, (InOut, In, In), "out indices dy") /* out[indices[i]] += dy[i], in a fixed order */
// clang-format on
