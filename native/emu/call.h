// A launch with its arguments, to be run later, and as often as a graph replays it.
#pragma once
#include <tuple>

#include "simt.h"

namespace wg::emu {

template <class... P>
struct KernelCall {
  LaunchInfo info;
  void (*kernel)(P...);
  std::tuple<P...> arguments;

  static void body(const void* call) {
    const auto& c = *static_cast<const KernelCall*>(call);
    std::apply(c.kernel, c.arguments);
  }
  static void run(void* call) { launch(static_cast<KernelCall*>(call)->info, &body, call); }
  static void drop(void* call) { delete static_cast<KernelCall*>(call); }
};

}  // namespace wg::emu
