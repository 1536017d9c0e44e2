// Preloaded into a child: the Nth write, fsync or rename (IO_NTH, from 0) that concerns IO_DIR goes wrong as IO_MODE says:
// kill, ENOSPC, EIO, or short for a write of one byte less than half.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long calls;

static int ours(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  const char* folder = getenv("IO_DIR");
  if (length <= 0 || folder == NULL) return 0;
  path[length] = 0;
  return strstr(path, folder) != NULL;
}

// 0: go on, 1: fail with errno set, 2: write less.
static int fault(void) {
  const char* nth = getenv("IO_NTH");
  const char* mode = getenv("IO_MODE");
  if (nth == NULL || mode == NULL || __sync_fetch_and_add(&calls, 1) != atol(nth)) return 0;
  if (strcmp(mode, "kill") == 0) raise(SIGKILL);
  if (strcmp(mode, "short") == 0) return 2;
  errno = strcmp(mode, "ENOSPC") == 0 ? ENOSPC : EIO;
  return 1;
}

ssize_t write(int fd, const void* bytes, size_t count) {
  static ssize_t (*real)(int, const void*, size_t);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "write");
  const int how = fd > 2 && ours(fd) ? fault() : 0;
  if (how == 1) return -1;
  return real(fd, bytes, how == 2 ? count / 2 + 1 : count);
}

int fsync(int fd) {
  static int (*real)(int);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "fsync");
  if (ours(fd) && fault() == 1) return -1;
  return real(fd);
}

int rename(const char* from, const char* to) {
  static int (*real)(const char*, const char*);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "rename");
  const char* folder = getenv("IO_DIR");
  if (folder != NULL && strstr(to, folder) != NULL && fault() == 1) return -1;
  return real(from, to);
}
