// Whether this machine can run CUDA at all, and if not, why: asked once, and only when somebody wants the
// device.
#pragma once
#include <cstdint>

namespace wg::cuda {

/// Number of usable devices; with 0, `message` says what is missing.
int32_t deviceCount(char* message, int32_t capacity);

}  // namespace wg::cuda
