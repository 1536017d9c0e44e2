// See glibc_floor.h. GCC 11 made this function for `new T[n]` with n too large; libstdc++ of before calls it
// bad_alloc.
#include "glibc_floor.h"

#if defined(__GLIBCXX__)
#include <new>

namespace std {
// NOLINTNEXTLINE(bugprone-reserved-identifier): the compiler chose the name
[[noreturn]] __attribute__((visibility("hidden"))) void __throw_bad_array_new_length() { throw bad_alloc(); }
}  // namespace std
#endif
