// The addon's entry, and the functions that move the queue: flush, wait, fence, collect, capture.
#include <cstdlib>
#include <cstring>

#include "../core/library.h"
#include "binding.h"

namespace wg {
namespace {

/// Called from any thread, allocates nothing; one call is pending at a time, and collect() takes everything
/// there is.
void wakeUp(void* context) {
  auto& addon = *static_cast<Addon*>(context);
  if (!addon.woken.exchange(true)) napi_call_threadsafe_function(addon.wake, &addon, napi_tsfn_nonblocking);
}

void callOnWake(napi_env env, napi_value, void*, void* data) {
  if (!env) return;  // the environment is going
  auto& addon = *static_cast<Addon*>(data);
  addon.woken.store(false);
  if (addon.environment.closed || addon.onWake.IsEmpty()) return;
  const Napi::HandleScope scope(env);
  try {
    addon.onWake.Call({});
  } catch (const Napi::Error& error) {
    napi_fatal_exception(env, error.Value());
  }
}

void cleanUp(void* data) {
  auto* addon = static_cast<Addon*>(data);
  addon->environment.close();
  napi_release_threadsafe_function(addon->wake, napi_tsfn_abort);
  addon->reads.clear();
  addon->borrowedArrays.clear();
  addon->onWake.Reset();
  addon->buffer.Reset();
  if (addon->environment.externals == 0) delete addon;
}

Napi::Value setCommandBuffer(
    const Napi::CallbackInfo& info) {  // (ArrayBuffer, onWake) → false: a queue is busy
  Addon& addon = addonOf(info.Env());
  if (!info[0].IsArrayBuffer()) throwError(info.Env(), "ERR_ARGUMENT", "wanted an ArrayBuffer");
  auto array = info[0].As<Napi::ArrayBuffer>();
  const size_t bytes = array.ByteLength();
  if (bytes < 2 * sizeof(double) * kStatusWords || bytes % 8)
    throwError(info.Env(), "ERR_ARGUMENT", "the command buffer is too small");
  for (size_t i = 0; i < addon.environment.queueCount(); ++i)
    if (!addon.environment.queue(static_cast<int64_t>(i))->resize(bytes))
      return Napi::Boolean::New(info.Env(), false);
  addon.environment.setBuffer(static_cast<double*>(array.Data()), bytes);
  addon.buffer = Napi::Persistent(array);
  if (info[1].IsFunction()) addon.onWake = Napi::Persistent(info[1].As<Napi::Function>());
  return Napi::Boolean::New(info.Env(), true);
}

Napi::Value flush(const Napi::CallbackInfo& info) {  // (end, estimated work in ns)
  if (!addonOf(info.Env()).environment.flush(size(info, 0), info[1].As<Napi::Number>().DoubleValue()))
    throwError(info.Env(), "ERR_ARGUMENT", "the command buffer holds a broken record");
  return info.Env().Undefined();
}

Queue& queueOf(const Napi::CallbackInfo& info, size_t i) {
  Queue* queue = addonOf(info.Env()).environment.queue(integer(info, i));
  if (!queue) throwError(info.Env(), "ERR_DEVICE", "no such queue");
  return *queue;
}

/// (end, queue, id): `id` completes when everything so far is done.
Napi::Value fence(const Napi::CallbackInfo& info) {
  Environment& environment = addonOf(info.Env()).environment;
  if (!environment.decode(size(info, 0)))
    throwError(info.Env(), "ERR_ARGUMENT", "the command buffer holds a broken record");
  Queue& queue = queueOf(info, 1);
  const auto id = static_cast<uint64_t>(integer(info, 2));
  environment.expectCompletion();
  environment.fence(queue, id, nullptr);
  environment.publish();
  environment.report();
  return info.Env().Undefined();
}

/// (queue, all) → whether the queue is empty, or no longer crowded; waits 10 ms at most.
Napi::Value wait(const Napi::CallbackInfo& info) {
  Queue& queue = queueOf(info, 0);
  const bool done = info[1].ToBoolean() ? queue.wait(queue.lastSeq()) : queue.waitUncrowded();
  return Napi::Boolean::New(info.Env(), done);
}

/// Everything queues reported since the last call: failures as rows, completions as [id, root, op, seq,
/// result] rows.
Napi::Value collect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Addon& addon = addonOf(env);
  // Completions first: a failure is logged before what it failed completes, so each has its words here.
  auto completions = Napi::Array::New(env);
  for (Completion done{}; addon.environment.takeCompletion(done);) {
    auto row = Napi::Array::New(env, 5);
    row.Set(0u, Napi::Number::New(env, static_cast<double>(done.id)));
    row.Set(1u, Napi::Number::New(env, done.failure.root));
    row.Set(2u, Napi::Number::New(env, done.failure.op));
    row.Set(3u, Napi::Number::New(env, static_cast<double>(done.failure.seq)));
    row.Set(4u, finishTransfer(env, addon, done));
    completions.Set(completions.Length(), row);
  }
  auto failures = Napi::Array::New(env);
  for (LoggedFailure f{}; addon.environment.takeFailure(f);) {
    auto row = Napi::Object::New(env);
    row.Set("id", Napi::Number::New(env, f.id));
    row.Set("code", Napi::Number::New(env, static_cast<int32_t>(f.code)));
    row.Set("op", Napi::Number::New(env, f.op));
    row.Set("seq", Napi::Number::New(env, static_cast<double>(f.seq)));
    row.Set("queue", Napi::Number::New(env, f.queue));
    row.Set("message", Napi::String::New(env, f.message));
    failures.Set(failures.Length(), row);
  }
  addon.environment.publish();
  auto result = Napi::Object::New(env);
  result.Set("failures", failures);
  result.Set("completions", completions);
  return result;
}

Napi::Value hold(
    const Napi::CallbackInfo& info) {  // (keep): whether pending promises keep the event loop alive
  Addon& addon = addonOf(info.Env());
  if (info[0].ToBoolean()) napi_ref_threadsafe_function(info.Env(), addon.wake);
  else napi_unref_threadsafe_function(info.Env(), addon.wake);
  return info.Env().Undefined();
}

/// (records, words, queue, maxAhead) → number of the graph, or why not
Napi::Value capture(const Napi::CallbackInfo& info) {
  const size_t words = size(info, 1);
  if (!info[0].IsArrayBuffer() || info[0].As<Napi::ArrayBuffer>().ByteLength() / 8 < words)
    throwError(info.Env(), "ERR_ARGUMENT", "wanted an ArrayBuffer of records");
  Environment& environment = addonOf(info.Env()).environment;
  const char* error = nullptr;
  const int32_t graph = environment.capture(
      static_cast<const double*>(info[0].As<Napi::ArrayBuffer>().Data()), words, queueOf(info, 2),
      static_cast<uint32_t>(std::min<size_t>(size(info, 3), 511)), error);
  environment.publish();
  environment.report();
  if (graph < 0) return Napi::String::New(info.Env(), error);
  return Napi::Number::New(info.Env(), graph);
}

Napi::Value stats(const Napi::CallbackInfo& info) {
  const Environment& environment = addonOf(info.Env()).environment;
  auto result = Napi::Object::New(info.Env());
  const auto set = [&](const char* name, double value) {
    result.Set(name, Napi::Number::New(info.Env(), value));
  };
  set("slots", static_cast<double>(environment.liveSlots()));
  set("commands", static_cast<double>(environment.commands()));
  set("flushes", static_cast<double>(environment.flushes()));
  set("views", environment.externals);
  size_t graphs = 0;
  for (const auto& graph : environment.graphs()) graphs += graph != nullptr;
  set("graphs", static_cast<double>(graphs));
  return result;
}

Napi::Value trim(const Napi::CallbackInfo& info) {
  addonOf(info.Env()).environment.trim();
  addonOf(info.Env()).environment.report();
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  keepThisLibrary();
  auto* addon = new Addon(env);
  napi_set_instance_data(env, addon, nullptr, nullptr);
  // Hooks run last in, first out: this one stops the queues before the threadsafe function they call is torn
  // down.
  napi_add_env_cleanup_hook(env, cleanUp, addon);
  define<setCommandBuffer>(env, exports, "setCommandBuffer");
  define<flush>(env, exports, "flush");
  define<fence>(env, exports, "fence");
  define<wait>(env, exports, "wait");
  define<collect>(env, exports, "collect");
  define<hold>(env, exports, "hold");
  define<capture>(env, exports, "capture");
  define<stats>(env, exports, "stats");
  define<trim>(env, exports, "trim");
  defineTransfers(env, exports);
  defineDevices(env, exports);
  defineSchema(env, exports);
  return exports;
}

}  // namespace

Addon::Addon(Napi::Env env) : environment(wakeUp, this) {
  const Napi::String name = Napi::String::New(env, "warpgrad");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, nullptr,
                                      callOnWake, &wake) != napi_ok)
    throwError(env, "ERR_NATIVE_LOAD", "no threadsafe function could be made");
  napi_unref_threadsafe_function(env, wake);
  const char* zeroCopy = std::getenv("WARPGRAD_ZERO_COPY");
  externalBuffers = !zeroCopy || std::strcmp(zeroCopy, "0") != 0;
}

Addon& addonOf(Napi::Env env) {
  void* data = nullptr;
  napi_get_instance_data(env, &data);
  return *static_cast<Addon*>(data);
}

void throwError(Napi::Env env, const char* code, const std::string& message) {
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("code", Napi::String::New(env, code));
  throw error;
}

}  // namespace wg

static Napi::Object initAddon(Napi::Env env, Napi::Object exports) { return wg::init(env, exports); }
NODE_API_MODULE(warpgrad, initAddon)
