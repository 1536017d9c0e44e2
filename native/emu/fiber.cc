#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <unordered_map>

#ifdef WG_EMU_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifdef WG_EMU_TSAN
#include <sanitizer/tsan_interface.h>
#endif

// Callee-saved registers go to the stack, the stack pointers change places, and `ret` pops the other side's
// return address: all threads of a kernel mostly wait in one place, so the processor predicts it.
extern "C" void wgEmuHop(void** save, void* load);
#if defined(__x86_64__)
asm(R"(
.text
.globl wgEmuHop
.hidden wgEmuHop
.type wgEmuHop,@function
wgEmuHop:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size wgEmuHop,.-wgEmuHop
)");
#elif defined(__aarch64__)
asm(R"(
.text
.globl wgEmuHop
.hidden wgEmuHop
.type wgEmuHop,%function
wgEmuHop:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size wgEmuHop,.-wgEmuHop
)");
#else
#error "the emulator's fibers know x86-64 and aarch64"
#endif

namespace wg::emu {
namespace {

#ifdef WG_EMU_ASAN
constexpr size_t kStackBytes = 512 << 10;  // redzones make frames several times larger
#else
constexpr size_t kStackBytes = 64 << 10;
#endif
constexpr size_t kGuardBytes = 4096;
constexpr int kSlabStacks = 32;

#ifdef WG_EMU_ASAN
thread_local Context* leaving = nullptr;
#endif

/// What wgEmuHop pops before it returns to entry(): as after a call that came from nowhere.
void* firstFrame(char* top, void (*entry)()) {
  auto** p = reinterpret_cast<void**>(top);
#if defined(__x86_64__)
  *--p = nullptr;  // where a debugger's walk ends; it also puts the stack at the alignment a call leaves
  *--p = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; i++) *--p = nullptr;
#else
  for (int i = 0; i < 20; i++) *--p = nullptr;
  p[11] = reinterpret_cast<void*>(entry);  // x30
#endif
  return p;
}

#ifdef WG_EMU_TSAN
/// One for each stack of this host thread, kept as long as the stacks are.
void* fiberOf(const char* stack) {
  thread_local std::unordered_map<const char*, void*> fibers;
  void*& fiber = fibers[stack];
  if (!fiber) fiber = __tsan_create_fiber(0);
  return fiber;
}
#endif

}  // namespace

void hop(Context& from, const Context& to) {
#ifdef WG_EMU_TSAN
  from.fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to.fiber, 0);
#endif
#ifdef WG_EMU_ASAN
  void* fake = nullptr;
  leaving = &from;
  __sanitizer_start_switch_fiber(&fake, to.bottom, to.size);
  wgEmuHop(&from.stackPointer, to.stackPointer);
  Context* left = leaving;
  __sanitizer_finish_switch_fiber(fake, left ? &left->bottom : nullptr, left ? &left->size : nullptr);
#else
  wgEmuHop(&from.stackPointer, to.stackPointer);
#endif
}

void hopForGood(const Context& to) {
  void* nowhere = nullptr;
#ifdef WG_EMU_TSAN
  __tsan_switch_to_fiber(to.fiber, 0);
#endif
#ifdef WG_EMU_ASAN
  leaving = nullptr;
  __sanitizer_start_switch_fiber(nullptr, to.bottom, to.size);
#endif
  wgEmuHop(&nowhere, to.stackPointer);
  std::abort();
}

void arrived() {
#ifdef WG_EMU_ASAN
  Context* left = leaving;
  __sanitizer_finish_switch_fiber(nullptr, left ? &left->bottom : nullptr, left ? &left->size : nullptr);
#endif
}

Context begin(char* stack, void (*entry)()) {
  // The same depth of every stack would otherwise fall on one set of the first-level cache.
  const size_t color = (reinterpret_cast<uintptr_t>(stack) / (kStackBytes + kGuardBytes) % 29) * 192;
  Context c;
#ifdef WG_EMU_ASAN
  __asan_unpoison_memory_region(stack, kStackBytes);
  c.bottom = stack;
  c.size = kStackBytes;
#endif
#ifdef WG_EMU_TSAN
  c.fiber = fiberOf(stack);
#endif
  c.stackPointer = firstFrame(stack + kStackBytes - color, entry);
  return c;
}

Stacks::~Stacks() {
  for (const Slab& slab : slabs_)
    munmap(slab.memory, static_cast<size_t>(slab.count) * (kStackBytes + kGuardBytes));
}

void Stacks::grow() {
  const size_t each = kStackBytes + kGuardBytes;
  void* memory = mmap(nullptr, kSlabStacks * each, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "warpgrad: no memory for the stacks of emulated threads\n");
    std::abort();
  }
  char* base = static_cast<char*>(memory);
  slabs_.push_back({base, kSlabStacks});
  for (int i = kSlabStacks - 1; i >= 0; i--) {
    char* guard = base + static_cast<size_t>(i) * each;
    mprotect(guard, kGuardBytes, PROT_NONE);  // a stack grows down into it
    free_.push_back(guard + kGuardBytes);
  }
}

char* Stacks::take() {
  if (free_.empty()) grow();
  char* stack = free_.back();
  free_.pop_back();
  return stack;
}

void Stacks::reset() {
  free_.clear();
  for (const Slab& slab : slabs_)
    for (int i = slab.count - 1; i >= 0; i--)
      free_.push_back(slab.memory + static_cast<size_t>(i) * (kStackBytes + kGuardBytes) + kGuardBytes);
}

}  // namespace wg::emu
