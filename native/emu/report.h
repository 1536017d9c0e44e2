// How a failed launch is told: what, where, who.
#pragma once
#include <string>

#include "simt.h"

namespace wg::emu {

/// The name of the function at `address`, from the symbol table of the file it was loaded from.
std::string functionName(const void* address);

/// "reduce.cu:45".
std::string describe(const Place& place);
/// "(1,0,0)".
std::string describe(const uint3& index);

}  // namespace wg::emu
