// The device's side of error cells; see ../cells.h.
#pragma once
#include "../cells.h"
#include "atomic.h"

namespace wg::cuda {

/// Fails the op that owns the cell; the first thread's numbers are kept.
WG_DEV void raise(ErrorCell* cell, int64_t a, int64_t b = 0, int64_t c = 0) {
  if (atomicCompareExchange(&cell->set, 0u, 1u) != 0) return;
  cell->value[0] = a;
  cell->value[1] = b;
  cell->value[2] = c;
}

}  // namespace wg::cuda
