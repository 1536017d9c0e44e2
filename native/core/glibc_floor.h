// Included before every host file by the build: keeps a binary made on a new distribution loadable on those
// of 2018 (GLIBC 2.28, GLIBCXX 3.4.25; what Node itself asks for). The functions are the same; only the
// youngest names the compiler would choose for them are not there yet. tools/check-floor.mjs holds the
// result.
#pragma once
#include <cstddef>

#if defined(__GLIBC__) && defined(__GLIBCXX__) && !defined(__SANITIZE_THREAD__)

#if defined(__x86_64__)
#define WG_GLIBC_FIRST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define WG_GLIBC_FIRST "GLIBC_2.17"
#endif

#if defined(WG_GLIBC_FIRST)
#define WG_FIRST_VERSION(name) asm(".symver " #name ", " #name "@" WG_GLIBC_FIRST)
// glibc 2.32 and 2.34 moved these from libpthread and libdl into libc under new versions and kept the first
// ones.
WG_FIRST_VERSION(pthread_create);
WG_FIRST_VERSION(pthread_detach);
WG_FIRST_VERSION(pthread_sigmask);
WG_FIRST_VERSION(dlopen);
WG_FIRST_VERSION(dlsym);
WG_FIRST_VERSION(dlerror);
#undef WG_FIRST_VERSION
#undef WG_GLIBC_FIRST
// GCC 12 gave std::condition_variable::wait a second version, for being noexcept.
asm(".symver _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE, "
    "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");
#endif

// Waits of steady_clock go through system_clock, as before glibc 2.30, and look at steady_clock when they
// wake.
#undef _GLIBCXX_USE_PTHREAD_COND_CLOCKWAIT

#endif
