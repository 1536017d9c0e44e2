#include "schedule.h"

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>

namespace wg::emu {
namespace {

bool apply(Schedule& s, std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find('-');
    const std::string_view word = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (word == "forward") s.order = Order::forward;
    else if (word == "reverse") s.order = Order::reverse;
    else if (word == "random") s.order = Order::random;
    else if (word == "lockstep") s.pace = Pace::lockStep;
    else if (word == "greedy") s.pace = Pace::greedy;
    else if (word == "early") s.async = Async::early;
    else if (word == "late") s.async = Async::late;
    else return false;
  }
  return true;
}

struct Shared {
  std::mutex mutex;
  Schedule schedule;
  Shared() {
    for (const char* name : {"WARPGRAD_EMU_SCHEDULE", "WARPGRAD_EMU_ASYNC"})
      if (const char* text = std::getenv(name); text && !apply(schedule, text))
        std::fprintf(stderr, "warpgrad: %s=%s is not understood\n", name, text);
    if (const char* text = std::getenv("WARPGRAD_EMU_SEED")) schedule.seed = std::strtoull(text, nullptr, 10);
  }
};

Shared& shared() {
  static auto* instance = new Shared;  // leaked: queue threads may outlive the library's destructors
  return *instance;
}

}  // namespace

Schedule schedule() {
  const std::lock_guard lock(shared().mutex);
  return shared().schedule;
}

void setSchedule(const Schedule& next) {
  const std::lock_guard lock(shared().mutex);
  shared().schedule = next;
}

bool setSchedule(const char* text) {
  const std::lock_guard lock(shared().mutex);
  Schedule next = shared().schedule;
  if (!apply(next, text)) return false;
  shared().schedule = next;
  return true;
}

}  // namespace wg::emu
