// Rows: matrices: rank >= 2 everywhere, equal ranks, batch axes may have stride 0; bias [N] is added to every
// row.
#pragma once
#include "../params.h"

namespace wg {

struct MatmulParams {
  int32_t precision;  ///< a Precision
  static constexpr const char* kName = "MatmulParams";
  static constexpr auto kFields = fields(Field{"precision", &MatmulParams::precision});
};

}  // namespace wg

// clang-format off
#define WG_MATRIX_ROWS(X) \
  X(matmul, (Out, In, In, MaybeIn, MatmulParams), "out a b bias params")
// clang-format on
