// A kernel that reaches for memory nobody has is a failed launch, not the end of the process.
#pragma once

namespace wg::emu {

/// Called by each host thread before its first launch.
void watchFaults();

}  // namespace wg::emu
