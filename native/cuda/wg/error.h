// The device's side of error cells; see ../cells.h.
#pragma once
#include "../cells.h"
#include "atomic.h"

namespace wg::cuda {

/// Fails the op that owns the cell, with a line of its message; the first thread's numbers are kept.
WG_DEV void raiseLine(ErrorCell* cell, uint32_t line, int64_t a, int64_t b = 0, int64_t c = 0) {
  if (atomicCompareExchange(&cell->set, 0u, 1 + line) != 0) return;
  cell->value[0] = a;
  cell->value[1] = b;
  cell->value[2] = c;
}

WG_DEV void raise(ErrorCell* cell, int64_t a, int64_t b = 0, int64_t c = 0) { raiseLine(cell, 0, a, b, c); }

/// What stands for %g in a message.
WG_DEV int64_t asBits(double value) {
  int64_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  return bits;
}

}  // namespace wg::cuda
