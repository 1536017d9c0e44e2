// When a kernel must write nothing: an index was found to be out of range, or what an in-place op reads has
// failed on the device.
#pragma once
#include "wg/error.h"

namespace wg::cuda {

struct Gate {
  const ErrorCell* cell;  ///< raised by an earlier kernel of the op; may be null
  const uint32_t* guard;  ///< see cells.h; may be null
  WG_DEV bool closed() const { return (cell && cell->set != 0) || (guard && *guard != 0); }
};

}  // namespace wg::cuda
