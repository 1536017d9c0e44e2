#include "fault.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <csignal>
#include <cstdint>
#include <mutex>

#include "machine.h"

namespace wg::emu {
namespace {

struct sigaction previousSegment, previousBus;

const void* programCounter(const void* context) {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return reinterpret_cast<const void*>(machine.gregs[REG_RIP]);
#else
  return reinterpret_cast<const void*>(machine.pc);
#endif
}

Text describeFault(const void* address, const void* at) {
  return print("a fault at address %p, in %s", address, functionName(at).c_str());
}

/// Not a kernel's: whoever was asked before us is asked, and in the end the system.
void pass(int signal, siginfo_t* info, void* context) {
  const struct sigaction& before = signal == SIGSEGV ? previousSegment : previousBus;
  if (before.sa_flags & SA_SIGINFO) return before.sa_sigaction(signal, info, context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return before.sa_handler(signal);
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  sigaction(signal, &plain, nullptr);  // returning repeats the fault
}

void handle(int signal, siginfo_t* info, void* context) {
  if (!current) return pass(signal, info, context);
  // The fault is the running thread's own, so nothing is interrupted that this could meet again.
  Machine::here().fail(*current->block, current, Place(),
                       describeFault(info->si_addr, programCounter(context)));
}

void install() {
  struct sigaction action {};
  action.sa_sigaction = handle;
  // A full stack leaves no room to say so on it; and the handler is left by a hop, so it may not block
  // itself.
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  sigaction(SIGSEGV, &action, &previousSegment);
  sigaction(SIGBUS, &action, &previousBus);
}

/// The stack that a thread's handlers run on, unless it has one.
class SignalStack {
 public:
  SignalStack() {
    stack_t now{};
    if (sigaltstack(nullptr, &now) != 0 || !(now.ss_flags & SS_DISABLE)) return;
    memory_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) return;
    stack_t mine{};
    mine.ss_sp = memory_;
    mine.ss_size = kBytes;
    sigaltstack(&mine, nullptr);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;
  ~SignalStack() {
    if (memory_ == MAP_FAILED) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
    munmap(memory_, kBytes);
  }

 private:
  static constexpr size_t kBytes = 128 << 10;
  void* memory_ = MAP_FAILED;
};

}  // namespace

void watchFaults() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr bool wanted = false;  // they tell it better
#else
  constexpr bool wanted = true;
#endif
  if (!wanted) return;
  thread_local SignalStack stack;
  static std::once_flag once;
  std::call_once(once, install);
}

}  // namespace wg::emu
