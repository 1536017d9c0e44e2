// The kernel table, made from the op table.
#pragma once
#include "../core/thunk.h"

namespace wg::cuda {

/// One row per op, in the order of enum Op.
const KernelRow* table();

/// The name of a row, for messages.
const char* opName(int32_t op);
/// Whether the op asks guard() and writes nothing when what it reads is spoiled.
bool guardsItself(int32_t op);

}  // namespace wg::cuda
