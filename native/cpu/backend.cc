#include "backend.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <system_error>

#include "../core/executor.h"
#include "../core/host_memory.h"
#include "graph.h"
#include "isa.h"
#include "pool.h"
#include "wide_tiles.h"

namespace wg::cpu {
namespace {

char complaint[160] = "";

const Isa& chooseIsa() {
  const char* wanted = std::getenv("WARPGRAD_ISA");
  const bool any = !wanted || !*wanted;
  for (int i = 0; i < kIsaCount; ++i)
    if ((any || std::strcmp(wanted, kIsas[i].name) == 0) && kIsas[i].supported()) return kIsas[i];
  std::snprintf(complaint, sizeof complaint, "WARPGRAD_ISA=%.40s is unknown or not supported by this machine",
                wanted);
  return kIsas[kIsaCount - 1];
}

/// Whether steps captured from now on have their elementwise ops run in chains; tests compare both.
std::atomic<bool> chains{true};

void* openQueue(int32_t, QueueShared* shared) {
  try {
    return new Executor(
        *shared, [] { registerThread(); }, nullptr);
  } catch (const std::bad_alloc&) {
    return nullptr;
  } catch (const std::system_error&) {  // no thread to be had
    return nullptr;
  }
}

Backend make() {
  Backend b{};
  b.name = "cpu";
  b.architecture = [] { return isa().name; };
  b.kernels = isa().table();
  b.deviceCount = [](char*, int32_t) -> int32_t { return 1; };
  b.deviceInfo = [](int32_t, DeviceInfo* info) -> int32_t {
    std::snprintf(info->name, sizeof info->name, "CPU (%s)", isa().name);
    info->memoryBytes = hostMemoryLimit();
    info->hostAccessible = 1;
    return 0;
  };
  b.allocate = [](int32_t, size_t bytes) { return allocateHost(bytes); };
  b.release = [](int32_t, void* data, size_t bytes) { releaseHost(data, bytes); };
  b.openQueue = openQueue;
  b.kick = [](void* queue) { static_cast<Executor*>(queue)->kick(); };
  b.closeQueue = [](void* queue) { delete static_cast<Executor*>(queue); };
  b.runInline = [](void* queue, const Command* first, uint64_t bytes) {
    registerThread();
    executeAll(first, bytes, static_cast<Executor*>(queue)->queue(), nullptr);
  };
  b.makeGraph = [](void*, const Command* first, uint64_t bytes) -> void* {
    try {
      return new Graph(first, bytes, chains);
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  };
  b.runGraph = [](const void* graph, QueueShared& queue, void* native) {
    static_cast<const Graph*>(graph)->run(queue, native);
  };
  b.freeGraph = [](void* graph) { delete static_cast<Graph*>(graph); };
  b.configure = [](const char* key, double value) -> int32_t {
    if (std::strcmp(key, "chains") != 0) return -1;
    chains = value != 0;
    return 0;
  };
  return b;
}

}  // namespace

const Isa& isa() {
  static const Isa& chosen = chooseIsa();
  return chosen;
}

const Backend& backend() {
  static const Backend instance = make();
  return instance;
}

const char* environmentComplaint() {
  isa();
  return *complaint ? complaint : tilesComplaint();
}

}  // namespace wg::cpu
