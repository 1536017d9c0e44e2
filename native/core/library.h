// Shared libraries, as the operating system opens them.
#pragma once
#include <string>

namespace wg {

/// Null with a complaint when it cannot be opened. It is never closed: its threads and tables are used until
/// the process ends.
void* openLibrary(const std::string& path, std::string& complaint);

/// Null when the library has no such symbol.
void* symbolOf(void* library, const char* name);

/// Keeps the library that this code is in loaded to the end of the process: an environment that loaded it may
/// end while threads run in it. The linker says so on Linux (-z nodelete).
void keepThisLibrary();

}  // namespace wg
