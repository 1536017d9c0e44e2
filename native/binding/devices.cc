#include "devices.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>

#include "../core/library.h"
#include "../cpu/backend.h"
#include "../cpu/peak.h"
#include "../cpu/pool.h"
#include "binding.h"

namespace wg {
namespace {

/// Leaked on purpose: threads of other workers may use it while this one ends.
struct Registry {
  std::mutex mutex;
  std::map<std::string, const Backend*> backends;
  std::map<std::pair<std::string, int32_t>, std::unique_ptr<Device>> devices;
};

Registry& registry() {
  static auto* instance = [] {
    auto* made = new Registry;
    made->backends["cpu"] = &cpu::backend();
    return made;
  }();
  return *instance;
}

const Host kHost = {[](const char* message) { std::fprintf(stderr, "warpgrad: %s\n", message); }};

Napi::Value openQueue(const Napi::CallbackInfo& info) {  // (kind, device, lane) → number
  Device* device = findDevice(info[0].ToString(), static_cast<int32_t>(integer(info, 1)));
  if (!device) throwError(info.Env(), "ERR_DEVICE", "no such device");
  return Napi::Number::New(info.Env(),
                           addonOf(info.Env()).environment.openQueue(*device, integer(info, 2) ? 1 : 0));
}

Napi::Value load(const Napi::CallbackInfo& info) {  // (kind, path) → '' or what went wrong
  return Napi::String::New(info.Env(), loadBackend(info[0].ToString(), info[1].ToString()));
}

Napi::Value devices(const Napi::CallbackInfo& info) {  // (kind) → { message, architecture, halves, list }
  const Napi::Env env = info.Env();
  auto result = Napi::Object::New(env);
  auto list = Napi::Array::New(env);
  const std::string kind = info[0].ToString();
  const Backend* backend = findBackend(kind);
  char message[256] = "";
  const int32_t count = backend ? backend->deviceCount(message, sizeof message) : 0;
  for (int32_t i = 0; i < count; ++i)
    if (const Device* device = findDevice(kind, i)) {
      auto row = Napi::Object::New(env);
      row.Set("name", Napi::String::New(env, device->memory.info().name));
      row.Set("memoryBytes", Napi::Number::New(env, static_cast<double>(device->memory.info().memoryBytes)));
      list.Set(list.Length(), row);
    }
  result.Set("message", Napi::String::New(env, message));
  result.Set("architecture", Napi::String::New(env, backend ? backend->architecture() : ""));
  auto halves = Napi::Array::New(env);
  for (int32_t op = 0; backend && op < static_cast<int32_t>(Op::count); ++op)
    if (backend->kernels[op].halves) halves.Set(halves.Length(), Napi::String::New(env, kOps[op].name));
  result.Set("halves", halves);
  result.Set("list", list);
  return result;
}

Napi::Value memory(const Napi::CallbackInfo& info) {  // (kind, device) → bytes used, cached, peak, limit
  const Device* device = findDevice(info[0].ToString(), static_cast<int32_t>(integer(info, 1)));
  if (!device) throwError(info.Env(), "ERR_DEVICE", "no such device");
  auto result = Napi::Object::New(info.Env());
  const DeviceMemory& m = device->memory;
  result.Set("reserved", Napi::Number::New(info.Env(), static_cast<double>(m.used() + m.cached())));
  result.Set("cached", Napi::Number::New(info.Env(), static_cast<double>(m.cached())));
  result.Set("peak", Napi::Number::New(info.Env(), static_cast<double>(m.peak())));
  result.Set("limit", Napi::Number::New(info.Env(), static_cast<double>(m.limit())));
  return result;
}

Napi::Value setLimit(const Napi::CallbackInfo& info) {  // (kind, device, bytes)
  Device* device = findDevice(info[0].ToString(), static_cast<int32_t>(integer(info, 1)));
  if (!device) throwError(info.Env(), "ERR_DEVICE", "no such device");
  device->memory.setLimit(size(info, 2));
  return info.Env().Undefined();
}

Napi::Value resetPeak(const Napi::CallbackInfo& info) {  // (kind, device)
  if (Device* device = findDevice(info[0].ToString(), static_cast<int32_t>(integer(info, 1))))
    device->memory.resetPeak();
  return info.Env().Undefined();
}

Napi::Value configure(const Napi::CallbackInfo& info) {  // (kind, key, value) → what the backend answers
  const Backend* backend = findBackend(info[0].ToString());
  if (!backend || !backend->configure)
    throwError(info.Env(), "ERR_UNSUPPORTED", "this backend has nothing to configure");
  return Napi::Number::New(info.Env(),
                           backend->configure(info[1].ToString().Utf8Value().c_str(), info[2].ToNumber()));
}

Napi::Value setThreads(const Napi::CallbackInfo& info) {
  cpu::setThreads(static_cast<int32_t>(integer(info, 0)));
  return info.Env().Undefined();
}
cpu::Ceiling ceilingOf(const Napi::CallbackInfo& info) {
  const int64_t what = integer(info, 0);
  if (what < 0 || what > 2) throwError(info.Env(), "ERR_ARGUMENT", "argument 0 must be 0, 1 or 2");
  return static_cast<cpu::Ceiling>(what);
}

// (0 multiply-adds, 1 read, 2 copy; bytes of a thread; milliseconds) → a second
Napi::Value ceiling(const Napi::CallbackInfo& info) {
  const cpu::Ceiling what = ceilingOf(info);
  const auto bytes = static_cast<int64_t>(size(info, 1));
  if (bytes > int64_t{1} << 31) throwError(info.Env(), "ERR_ARGUMENT", "argument 1 must be at most 2 GiB");
  const auto seconds = static_cast<double>(std::min(size(info, 2), size_t{1000})) / 1000;
  return Napi::Number::New(info.Env(), cpu::measureCeiling(what, bytes, seconds));
}
Napi::Value threads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), cpu::threads()); }

}  // namespace

std::string loadBackend(const std::string& kind, const std::string& path) {
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  if (r.backends.count(kind)) return "";
  std::string complaint;
  void* library = openLibrary(path, complaint);
  if (!library) return complaint;
  const auto entry = reinterpret_cast<BackendEntry>(symbolOf(library, "wg_backend"));
  if (!entry) return path + " is no warpgrad backend";
  const Backend* backend = entry(abi(), &kHost);
  if (!backend) return path + " belongs to another build of warpgrad than this addon";
  r.backends[kind] = backend;
  return "";
}

const Backend* findBackend(const std::string& kind) {
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  const auto found = r.backends.find(kind);
  return found == r.backends.end() ? nullptr : found->second;
}

Device* findDevice(const std::string& kind, int32_t index) {
  const Backend* backend = findBackend(kind);
  char message[256];
  if (!backend || index < 0 || index >= backend->deviceCount(message, sizeof message)) return nullptr;
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  auto& device = r.devices[{kind, index}];
  if (!device) device = std::make_unique<Device>(*backend, index);
  return device.get();
}

void defineDevices(Napi::Env env, Napi::Object exports) {
  define<openQueue>(env, exports, "openQueue");
  define<load>(env, exports, "loadBackend");
  define<devices>(env, exports, "devices");
  define<memory>(env, exports, "memory");
  define<setLimit>(env, exports, "setLimit");
  define<resetPeak>(env, exports, "resetPeak");
  define<configure>(env, exports, "configure");
  define<setThreads>(env, exports, "setThreads");
  define<threads>(env, exports, "threads");
  define<ceiling>(env, exports, "ceiling");
  const char* complaint = cpu::environmentComplaint();
  exports.Set("complaint",
              complaint ? Napi::Value(Napi::String::New(env, complaint)) : Napi::Value(env.Null()));
}

}  // namespace wg
