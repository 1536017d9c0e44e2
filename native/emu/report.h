// How a failed launch is told: what, where, who.
#pragma once
#include <string>

#include "simt.h"

namespace wg::emu {

/// The name of the function that `address` lies in, from the symbol table of the file it was loaded from.
std::string functionName(const void* address);

/// Text that owns no memory: what fails leaves its stack without looking back.
struct Text {
  char chars[400] = "";
  bool empty() const { return chars[0] == 0; }
};
Text print(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// "reduce.cu:45".
Text describe(const Place& place);
/// "(1,0,0)".
Text describe(const uint3& index);

}  // namespace wg::emu
