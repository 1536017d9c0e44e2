#include "shared.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fiber.h"

#ifdef WG_EMU_ASAN
#include <sanitizer/asan_interface.h>
#define WG_EMU_FORBID(p, n) __asan_poison_memory_region(p, n)
#define WG_EMU_ALLOW(p, n) __asan_unpoison_memory_region(p, n)
#else
#define WG_EMU_FORBID(p, n) (void)(p)
#define WG_EMU_ALLOW(p, n) (void)(p)
#endif

namespace wg::emu {
namespace {

// Room for the fences of many variables; the addresses still fit the 18 bits of a matrix descriptor.
constexpr size_t kArenaBytes = 256 << 10;
constexpr size_t kFence = 64;
constexpr int kFenceByte = 0xcb;
constexpr int kPoison = 0xff;  // NaN in every floating-point format, -1 as an integer

}  // namespace

SharedMemory::~SharedMemory() {
  for (char* arena : arenas_) munmap(arena, kArenaBytes);
}

void SharedMemory::begin(int blocks, size_t dynamicBytes) {
  while (arenas_.size() < static_cast<size_t>(blocks)) {
    void* memory = mmap(nullptr, kArenaBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::fprintf(stderr, "warpgrad: no memory for emulated shared memory\n");
      std::abort();
    }
    arenas_.push_back(static_cast<char*>(memory));
  }
  for (char* arena : arenas_) WG_EMU_ALLOW(arena, kArenaBytes);
  blocks_ = blocks;
  used_ = 0;
  variables_.clear();
  if (dynamicBytes > 0) add(nullptr, dynamicBytes, 1024, "dynamic shared memory");
}

size_t SharedMemory::offsetOf(const void* key, size_t bytes, size_t alignment, const char* name,
                              Text& problem) {
  for (const Variable& v : variables_)
    if (v.key == key) return v.offset;
  size_t total = bytes;
  for (const Variable& v : variables_) total += v.bytes;
  if (total > kMostShared || used_ + alignment + bytes + kFence > kArenaBytes) {
    problem =
        print("%zu bytes of shared memory, with '%s'; a block has at most %zu", total, name, kMostShared);
    return 0;
  }
  add(key, bytes, alignment, name);
  return variables_.back().offset;
}

void SharedMemory::add(const void* key, size_t bytes, size_t alignment, const char* name) {
  const size_t offset = (used_ + alignment - 1) / alignment * alignment;
  const size_t before = used_;
  variables_.push_back({key, name, offset, bytes});
  used_ = offset + bytes + kFence;
  poison(before, used_);
  for (int b = 0; b < blocks_; b++) {
    char* arena = arenas_[static_cast<size_t>(b)];
    WG_EMU_ALLOW(arena, offset + bytes);
    std::memset(arena + offset + bytes, kFenceByte, kFence);
    for (const Variable& v : variables_) WG_EMU_FORBID(arena + v.offset + v.bytes, kFence);
  }
}

void SharedMemory::poison(size_t first, size_t last) {
  for (int b = 0; b < blocks_; b++) {
    char* arena = arenas_[static_cast<size_t>(b)];
    WG_EMU_ALLOW(arena + first, last - first);
    std::memset(arena + first, kPoison, last - first);
  }
}

int SharedMemory::renew(Text& problem) {
  if (variables_.empty()) return -1;
  static const auto fence = [] {
    struct Bytes {
      char byte[kFence];
    } b;
    std::memset(b.byte, kFenceByte, kFence);
    return b;
  }();
  for (int b = 0; b < blocks_; b++)
    for (const Variable& v : variables_) {
      char* arena = arenas_[static_cast<size_t>(b)];
      char* end = arena + v.offset + v.bytes;
      WG_EMU_ALLOW(end, kFence);
      if (std::memcmp(end, fence.byte, kFence) != 0) {
        problem = print("a write beyond the end of '%s' (%zu bytes of shared memory)", v.name, v.bytes);
        return b;
      }
      std::memset(arena + v.offset, kPoison, v.bytes);
      WG_EMU_FORBID(end, kFence);
    }
  return -1;
}

ptrdiff_t SharedMemory::find(int block, const void* p, size_t bytes) const {
  const char* arena = arenas_[static_cast<size_t>(block)];
  const char* from = static_cast<const char*>(p);
  if (from < arena || from >= arena + kArenaBytes) return -1;
  const auto offset = static_cast<size_t>(from - arena);
  for (const Variable& v : variables_)
    if (offset >= v.offset && offset + bytes <= v.offset + v.bytes) return from - arena;
  return -1;
}

int SharedMemory::blockOf(const void* p) const {
  for (int b = 0; b < blocks_; b++) {
    const char* arena = arenas_[static_cast<size_t>(b)];
    if (p >= arena && p < arena + kArenaBytes) return b;
  }
  return -1;
}

}  // namespace wg::emu
