#include "library.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace wg {

#if defined(_WIN32)

void* openLibrary(const std::string& path, std::string& complaint) {
  HMODULE library = LoadLibraryExA(path.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (!library) complaint = path + ": error " + std::to_string(GetLastError()) + " of LoadLibrary";
  return library;
}

void* symbolOf(void* library, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
}

void keepThisLibrary() {
  HMODULE self;
  GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                     reinterpret_cast<LPCSTR>(&keepThisLibrary), &self);
}

#else

void* openLibrary(const std::string& path, std::string& complaint) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    complaint = why ? why : "cannot be opened";
  }
  return library;
}

void* symbolOf(void* library, const char* name) { return dlsym(library, name); }

void keepThisLibrary() {
#if defined(__APPLE__)
  Dl_info self;
  if (dladdr(reinterpret_cast<const void*>(&keepThisLibrary), &self)) dlopen(self.dli_fname, RTLD_LAZY);
#endif
}

#endif

}  // namespace wg
