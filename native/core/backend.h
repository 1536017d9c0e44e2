// The border between the addon and a backend: one table of functions. The CPU's is linked in; others come
// from a library that exports `wg_backend` and nothing else. Nothing is thrown across it.
#pragma once
#include "command.h"

namespace wg {

struct DeviceInfo {
  char name[96];
  int64_t memoryBytes;     ///< what may be allocated; 0: unknown
  int32_t hostAccessible;  ///< 1 when the host can read and write its memory directly
};

/// What a backend gets from the process instead of having its own.
struct Host {
  void (*log)(const char* message);
};

struct Backend {
  const char* name;
  const char* (*architecture)();  ///< instruction set or architectures its kernels were built for
  const KernelRow* kernels;       ///< [Op::count]
  int32_t (*deviceCount)(char* message, int32_t capacity);  ///< with 0 devices the message says why
  int32_t (*deviceInfo)(int32_t device, DeviceInfo*);       ///< 0 on success
  void* (*allocate)(int32_t device, size_t bytes);          ///< null when exhausted
  void (*release)(int32_t device, void* data, size_t bytes);
  int32_t (*read)(int32_t device, void* to, const void* from,
                  uint64_t bytes);  ///< idle memory to the host's, at once; 0 on success; null: read it
  void* (*openQueue)(int32_t device, QueueShared*);  ///< null on failure
  void (*kick)(void* queue);                         ///< the ring's tail has moved
  void* (*stage)(void* queue, uint64_t bytes);       ///< host memory to fill for one copyIn, which gives it
                                                     ///< back; null when exhausted; may be null
  void (*closeQueue)(void* queue);                   ///< drops what is queued, waits for the running chunk
  void (*runInline)(void* queue, const Command* first,
                    uint64_t bytes);  ///< on the calling thread, the queue being idle; may be null
  void* (*makeGraph)(void* queue, const Command* first,
                     uint64_t bytes);  ///< keeps the pointers; null on failure
  void (*runGraph)(const void* graph, QueueShared& queue, void* native);
  void (*freeGraph)(void* graph);
  int32_t (*lost)(int32_t device);  ///< whether nothing on the device will work any more; may be null
  int32_t (*configure)(const char* key, double value);  ///< fault hooks of the test backend; may be null
};

namespace detail {
constexpr uint32_t fnv(uint32_t h, const char* text) {
  for (; *text; ++text) h = (h ^ static_cast<uint8_t>(*text)) * 16777619u;
  return h;
}
constexpr uint32_t fnv(uint32_t h, uint64_t number) {
  for (int i = 0; i < 8; ++i, number >>= 8) h = (h ^ static_cast<uint8_t>(number)) * 16777619u;
  return h;
}
}  // namespace detail

/// Changes whenever the op table or a struct that crosses the border does.
constexpr uint32_t abi() {
  uint32_t h = 2166136261u;
#define WG_HASH(name, args, names) \
  h = detail::fnv(detail::fnv(detail::fnv(h, #name), #args), sizeof(OpTraits<void args>::Arguments));
  WG_OPS(WG_HASH)
#undef WG_HASH
  h = detail::fnv(h, sizeof(KernelRow));
  h = detail::fnv(h, sizeof(View));
  h = detail::fnv(h, sizeof(Stream));
  h = detail::fnv(h, sizeof(Status));
  h = detail::fnv(h, sizeof(Block));
  h = detail::fnv(h, sizeof(Command));
  h = detail::fnv(h, sizeof(QueueShared));
  h = detail::fnv(h, sizeof(Host));
  return detail::fnv(h, sizeof(Backend));
}

/// The one symbol of a backend library; null when `abi` is not the one it was built with.
using BackendEntry = const Backend* (*)(uint32_t abi, const Host*);

}  // namespace wg
