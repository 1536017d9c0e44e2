// What the files that know Node share: the environment behind each JavaScript context, and errors with codes.
#pragma once
#define NODE_ADDON_API_CPP_EXCEPTIONS
// A worker being terminated refuses every exception; throwing one there must not end the process.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>

#include <new>
#include <string>
#include <unordered_map>

#include "environment.h"

namespace wg {

/// A read JavaScript waits for.
struct PendingRead {
  Block* block;
  size_t offset, bytes;
  Napi::Reference<Napi::ArrayBuffer> copy;  ///< empty: the result is a view of the block
};

/// State of one JavaScript environment. Outlives it while ArrayBuffers over our memory are still to be
/// finalised.
struct Addon {
  explicit Addon(Napi::Env env);

  Environment environment;
  napi_threadsafe_function wake = nullptr;
  std::atomic<bool> woken{false};
  Napi::FunctionReference onWake;
  Napi::Reference<Napi::ArrayBuffer> buffer;
  std::unordered_map<uint64_t, PendingRead> reads;
  std::unordered_map<uint64_t, Napi::Reference<Napi::ArrayBuffer>> borrowedArrays;
  bool externalBuffers = true;  ///< false once the runtime refused one, or with WARPGRAD_ZERO_COPY=0
};

Addon& addonOf(Napi::Env env);

/// A JavaScript Error with `code`; lib/native turns it into a WarpgradError.
[[noreturn]] void throwError(Napi::Env env, const char* code, const std::string& message);

/// Nothing but JavaScript errors leaves a binding function. Arguments are fetched inside the handler too:
/// beyond six they are kept on the heap.
template <Napi::Value (*body)(const Napi::CallbackInfo&)>
napi_value guarded(napi_env env, napi_callback_info raw) {
  try {
    const Napi::CallbackInfo info(env, raw);
    return body(info);
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
  } catch (const std::bad_alloc&) {
    // By the plain C function: making a C++ error would allocate again.
    napi_throw_error(env, "ERR_OUT_OF_MEMORY", "the host is out of memory");
  }
  return nullptr;
}

template <Napi::Value (*body)(const Napi::CallbackInfo&)>
void define(Napi::Env env, Napi::Object exports, const char* name) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, guarded<body>, nullptr, &function) == napi_ok)
    exports.Set(name, Napi::Value(env, function));
}

inline int64_t integer(const Napi::CallbackInfo& info, size_t i) {
  int64_t value = 0;
  if (!info[i].IsNumber() || !asInteger(info[i].As<Napi::Number>().DoubleValue(), value))
    throwError(info.Env(), "ERR_ARGUMENT", "argument " + std::to_string(i) + " must be an integer");
  return value;
}
inline size_t size(const Napi::CallbackInfo& info, size_t i) {
  const int64_t value = integer(info, i);
  if (value < 0)
    throwError(info.Env(), "ERR_ARGUMENT", "argument " + std::to_string(i) + " must not be negative");
  return static_cast<size_t>(value);
}

void defineTransfers(Napi::Env env, Napi::Object exports);
void defineDevices(Napi::Env env, Napi::Object exports);
void defineSchema(Napi::Env env, Napi::Object exports);
/// Hands finished reads and borrows over; called from collect().
Napi::Value finishTransfer(Napi::Env env, Addon& addon, const Completion& done);

}  // namespace wg
