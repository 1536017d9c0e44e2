#include "start_thread.h"

#include <new>

#if defined(_WIN32)
#include <process.h>

#include <cstdint>
#else
#include <pthread.h>
#include <signal.h>
#endif

namespace wg::cpu {
namespace {

struct Start {
  void (*body)(void*);
  void* argument;

  void run() {
    const Start start = *this;
    delete this;
    start.body(start.argument);
  }
};

#if defined(_WIN32)
void begin(void* start) { static_cast<Start*>(start)->run(); }
bool launch(Start* start) { return _beginthread(begin, 0, start) != static_cast<uintptr_t>(-1); }
#else
void* begin(void* start) {
  static_cast<Start*>(start)->run();
  return nullptr;
}
bool launch(Start* start) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals belong to the program's own threads
  pthread_t thread;
  const bool launched = pthread_create(&thread, nullptr, begin, start) == 0;
  if (launched) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return launched;
}
#endif

}  // namespace

bool startThread(void (*body)(void*), void* argument) {
  auto* start = new (std::nothrow) Start{body, argument};
  if (!start) return false;
  if (launch(start)) return true;
  delete start;
  return false;
}

}  // namespace wg::cpu
