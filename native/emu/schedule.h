// In which order emulated threads run and when asynchronous copies happen. A kernel whose result depends on
// it has a race.
#pragma once
#include <cstdint>

namespace wg::emu {

enum class Order : uint8_t { forward, reverse, random };
/// lockStep: threads take turns over the whole block. greedy: a warp runs ahead as far as it can.
enum class Pace : uint8_t { lockStep, greedy };
/// early: a copy or product is done the moment it is issued. late: at the last moment its wait allows, and
/// its target holds poison until then.
enum class Async : uint8_t { early, late };

struct Schedule {
  Order order = Order::forward;
  Pace pace = Pace::greedy;
  Async async = Async::late;
  uint64_t seed = 1;
};

/// What launches of this process use: at first what the environment asks for with
/// WARPGRAD_EMU_SCHEDULE=forward|reverse|random[-lockstep|-greedy], WARPGRAD_EMU_ASYNC=early|late and
/// WARPGRAD_EMU_SEED=number. Any thread may ask and set.
Schedule schedule();
void setSchedule(const Schedule& next);
/// The same for text such as "random-lockstep-early"; parts left out stay. False: a part is not known.
bool setSchedule(const char* text);

}  // namespace wg::emu
