#pragma once

namespace wg::cpu {

/// Runs `body(argument)` on a thread that nobody waits for; false when the system has none left.
bool startThread(void (*body)(void*), void* argument);

}  // namespace wg::cpu
