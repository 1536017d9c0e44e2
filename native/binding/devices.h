// The process's devices: the CPU, and those of backend libraries opened on first use.
#pragma once
#include <string>

#include "queue.h"

namespace wg {

/// Opens a backend library and adds its devices under `kind`. Returns an empty string, or what went wrong.
std::string loadBackend(const std::string& kind, const std::string& path);
/// Null when no backend of that kind is loaded.
const Backend* findBackend(const std::string& kind);
/// The one Device object of the process; null when there is none of that number.
Device* findDevice(const std::string& kind, int32_t index);

}  // namespace wg
