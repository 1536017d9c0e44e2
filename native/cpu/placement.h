// On which core a thread runs.
#pragma once
#include <cstdint>

namespace wg::cpu {

/// The core the calling thread runs on; -1 where the system does not say.
int32_t currentCore();

/// Moves the calling thread to another of the cores it may use, if there is one; it may come back later.
void leaveCore(int32_t core);

}  // namespace wg::cpu
