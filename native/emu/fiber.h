// Stacks that a thread of the host hops between: the switch is a dozen instructions and no system call.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#define WG_EMU_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define WG_EMU_TSAN 1
#endif

namespace wg::emu {

/// A place to come back to.
struct Context {
  void* stackPointer = nullptr;
#ifdef WG_EMU_ASAN
  const void* bottom = nullptr;  ///< of the stack it lies on, which the sanitizer wants to know
  size_t size = 0;
#endif
#ifdef WG_EMU_TSAN
  void* fiber = nullptr;  ///< what the sanitizer calls it
#endif
};

/// Saves where we are in `from` and goes on at `to`; returns when someone hops back to `from`.
void hop(Context& from, const Context& to);
/// Hops and never comes back: the stack we leave may be given away.
[[noreturn]] void hopForGood(const Context& to);
/// A context that begins with entry() on an empty stack.
Context begin(char* stack, void (*entry)());
/// To be called first by a stack's entry function.
void arrived();

/// Stacks of one host thread, kept for the next launch.
class Stacks {
 public:
  Stacks() = default;
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;
  ~Stacks();

  /// A stack nobody uses, by its lowest address.
  char* take();
  void give(char* stack) { free_.push_back(stack); }
  /// Gives back all of them, after a launch that was given up.
  void reset();

 private:
  struct Slab {
    char* memory;
    int count;
  };
  void grow();

  std::vector<Slab> slabs_;
  std::vector<char*> free_;
};

}  // namespace wg::emu
