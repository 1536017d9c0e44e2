/* Preloaded into node: fails the n-th allocation that is called from the module named by WG_FAIL_MODULE, leaving V8's and
 * libuv's own alone. Armed from JavaScript through the small addon in arm.c. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

static uintptr_t code_begin, code_end;
static long calls, target = -1;
static int sticky;

static int find_module(struct dl_phdr_info* info, size_t size, void* context) {
  (void)size;
  const char* module = context;
  if (!info->dlpi_name || !strstr(info->dlpi_name, module)) return 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr)* segment = &info->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X)) continue;
    code_begin = info->dlpi_addr + segment->p_vaddr;
    code_end = code_begin + segment->p_memsz;
  }
  return 1;
}

/* n < 0 disarms; with `and_later` every allocation from the n-th on fails. */
EXPORTED void fail_malloc_arm(long n, int and_later) {
  const char* module = getenv("WG_FAIL_MODULE");
  if (module && !code_begin) dl_iterate_phdr(find_module, (void*)module);
  calls = 0;
  sticky = and_later;
  target = n;
}

EXPORTED long fail_malloc_calls(void) { return calls; }

static int strikes(const void* caller) {
  if (target < 0 || (uintptr_t)caller < code_begin || (uintptr_t)caller >= code_end) return 0;
  const long call = __sync_fetch_and_add(&calls, 1);
  return sticky ? call >= target : call == target;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

EXPORTED void* malloc(size_t size) {
  REAL(malloc);
  if (strikes(__builtin_return_address(0))) return errno = ENOMEM, NULL;
  return real(size);
}

EXPORTED void* realloc(void* data, size_t size) {
  REAL(realloc);
  if (strikes(__builtin_return_address(0))) return errno = ENOMEM, NULL;
  return real(data, size);
}

EXPORTED int posix_memalign(void** data, size_t alignment, size_t size) {
  REAL(posix_memalign);
  if (strikes(__builtin_return_address(0))) return ENOMEM;
  return real(data, alignment, size);
}

EXPORTED void* aligned_alloc(size_t alignment, size_t size) {
  REAL(aligned_alloc);
  if (strikes(__builtin_return_address(0))) return errno = ENOMEM, NULL;
  return real(alignment, size);
}

EXPORTED void* mmap(void* at, size_t size, int protection, int flags, int file, long offset) {
  static void* (*real)(void*, size_t, int, int, int, long);
  if (!real) real = (void* (*)(void*, size_t, int, int, int, long))dlsym(RTLD_NEXT, "mmap");
  if (strikes(__builtin_return_address(0))) return errno = ENOMEM, (void*)-1;
  return real(at, size, protection, flags, file, offset);
}

/* operator new lives in libstdc++, so its callers are seen here, under its mangled names. new throws std::bad_alloc, which only
 * C++ can do: the real one is asked for more than there is. */
EXPORTED void* _Znwm(size_t size) {
  static void* (*real)(size_t);
  if (!real) real = (void* (*)(size_t))dlsym(RTLD_NEXT, "_Znwm");
  return real(strikes(__builtin_return_address(0)) ? SIZE_MAX / 2 : size);
}

EXPORTED void* _Znam(size_t size) {
  static void* (*real)(size_t);
  if (!real) real = (void* (*)(size_t))dlsym(RTLD_NEXT, "_Znam");
  return real(strikes(__builtin_return_address(0)) ? SIZE_MAX / 2 : size);
}
