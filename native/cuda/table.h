// The kernel table, made from the op table.
#pragma once
#include "../core/thunk.h"

namespace wg::cuda {

/// One row per op, in the order of enum Op.
const KernelRow* table();

}  // namespace wg::cuda
