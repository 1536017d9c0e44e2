// The host's clock, apart from the files that are compiled for one instruction set: what they share must not
// be inline.
#pragma once
#include <cstdint>

namespace wg::cpu {

/// Of a clock that only goes forward.
int64_t nanoseconds();

}  // namespace wg::cpu
