// A backend for tests: host memory and the baseline kernels, but a device that is late, fails on demand, and
// keeps graphs of its own. Built as a library, so that the border every other backend crosses is crossed here
// too.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "../core/backend.h"
#include "../core/executor.h"
#include "../core/host_memory.h"
#include "../cpu/pool.h"

namespace wg::cpu::base {
const KernelRow* table();
}

namespace wg::fake {
namespace {

/// Fault hooks, set from tests through configure().
struct Hooks {
  std::atomic<double> delayUs{0};          ///< longest random pause before a command
  std::atomic<double> failShare{0};        ///< share of ops that fail
  std::atomic<int64_t> failOp{0};          ///< countdown: the n-th op from now fails; 0: none
  std::atomic<int64_t> failAllocation{0};  ///< likewise for device allocations
  std::atomic<int64_t> graphFailure{0};    ///< likewise for building a graph
  std::atomic<uint64_t> state{1};          ///< of the random sequence
  std::atomic<int64_t> injected{0};        ///< faults so far
} hooks;

double random01() {
  // splitmix64: any order of callers gives a usable sequence.
  uint64_t z = hooks.state.fetch_add(0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

bool countdown(std::atomic<int64_t>& counter) {
  int64_t left = counter.load();
  while (left > 0)
    if (counter.compare_exchange_weak(left, left - 1)) return left == 1;
  return false;
}

void pause(const Command&) {
  const double us = hooks.delayUs.load();
  if (us > 0)
    std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<int64_t>(random01() * us * 1000)));
}

/// Stands before each kernel of the table: fails in its place when a hook says so.
template <int op>
void mayFail(Stream& s, const void* arguments) {
  const double share = hooks.failShare.load();
  if (countdown(hooks.failOp) || (share > 0 && random01() < share)) {
    ++hooks.injected;
    std::snprintf(s.status->message, sizeof s.status->message, "failure injected by the test device");
    s.status->code = static_cast<int32_t>(Code::injected);
    return;
  }
  cpu::base::table()[op].run(s, arguments);
}

const KernelRow* kernels() {
  static KernelRow rows[static_cast<int>(Op::count)];
  const KernelRow* base = cpu::base::table();
#define WG_FAKE_ROW(name, args, names)                                      \
  rows[static_cast<int>(Op::name)] = {&mayFail<static_cast<int>(Op::name)>, \
                                      base[static_cast<int>(Op::name)].workspace};
  WG_OPS(WG_FAKE_ROW)
#undef WG_FAKE_ROW
  return rows;
}

/// Unlike the CPU's flat list: the order of the commands as pointers, found anew from their headers.
struct Graph {
  std::vector<const Command*> commands;
};

void* openQueue(int32_t, QueueShared* shared) {
  try {
    return new Executor(
        *shared, [] { cpu::registerThread(); }, pause);
  } catch (const std::bad_alloc&) {
    return nullptr;
  } catch (const std::system_error&) {
    return nullptr;
  }
}

void* makeGraph(void*, const Command* first, uint64_t bytes) {
  if (countdown(hooks.graphFailure)) {
    ++hooks.injected;
    return nullptr;
  }
  try {
    auto* graph = new Graph;
    const auto* end = reinterpret_cast<const char*>(first) + bytes;
    for (const Command* c = first; reinterpret_cast<const char*>(c) < end; c = next(c))
      graph->commands.push_back(c);
    return graph;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void runGraph(const void* graph, QueueShared& queue, void* native) {
  for (const Command* c : static_cast<const Graph*>(graph)->commands) {
    if (queue.cancelled.load()) return;
    pause(*c);
    execute(*c, queue, native);
  }
}

int32_t configure(const char* key, double value) {
  const auto integer = static_cast<int64_t>(value);
  if (!std::strcmp(key, "delayUs")) hooks.delayUs = value;
  else if (!std::strcmp(key, "failShare")) hooks.failShare = value;
  else if (!std::strcmp(key, "failOp")) hooks.failOp = integer;
  else if (!std::strcmp(key, "failAllocation")) hooks.failAllocation = integer;
  else if (!std::strcmp(key, "graphFailure")) hooks.graphFailure = integer;
  else if (!std::strcmp(key, "seed")) hooks.state = static_cast<uint64_t>(value);
  else if (!std::strcmp(key, "injected")) return static_cast<int32_t>(hooks.injected.load());
  else return -1;
  return 0;
}

Backend make() {
  Backend b{};
  b.name = "fake";
  b.architecture = [] { return "base"; };
  b.kernels = kernels();
  b.deviceCount = [](char*, int32_t) -> int32_t { return 1; };
  b.deviceInfo = [](int32_t, DeviceInfo* info) -> int32_t {
    std::snprintf(info->name, sizeof info->name, "test device");
    info->memoryBytes = int64_t{1} << 30;
    info->hostAccessible = 1;
    return 0;
  };
  b.allocate = [](int32_t, size_t bytes) -> void* {
    if (countdown(hooks.failAllocation)) {
      ++hooks.injected;
      return nullptr;
    }
    void* data = allocateHost(bytes);
    if (data) std::memset(data, 0xa5, bytes);  // what nobody wrote must never look right
    return data;
  };
  b.release = [](int32_t, void* data, size_t bytes) { releaseHost(data, bytes); };
  b.openQueue = openQueue;
  b.kick = [](void* queue) { static_cast<Executor*>(queue)->kick(); };
  b.closeQueue = [](void* queue) { delete static_cast<Executor*>(queue); };
  b.makeGraph = makeGraph;
  b.runGraph = runGraph;
  b.freeGraph = [](void* graph) { delete static_cast<Graph*>(graph); };
  b.configure = configure;
  return b;
}

}  // namespace
}  // namespace wg::fake

extern "C" __attribute__((visibility("default"))) const wg::Backend* wg_backend(uint32_t abi,
                                                                                const wg::Host*) {
  if (abi != wg::abi()) return nullptr;
  static const wg::Backend instance = wg::fake::make();
  return &instance;
}
