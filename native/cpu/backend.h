// The CPU as a backend: linked into the addon, one entry.
#pragma once
#include "../core/backend.h"

namespace wg::cpu {

/// Kernels of the best instruction set this machine and its operating system support; WARPGRAD_ISA names a
/// lesser one.
const Backend& backend();
/// Why WARPGRAD_ISA or WARPGRAD_TILES could not be honoured, or null.
const char* environmentComplaint();

}  // namespace wg::cpu
