/* The JavaScript side of fail_malloc.c: arm(n, andLater) and calls(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <node_api.h>

static napi_value arm(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  int64_t n = -1;
  bool and_later = false;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  napi_get_value_int64(env, arguments[0], &n);
  if (count > 1) napi_get_value_bool(env, arguments[1], &and_later);
  void (*preloaded)(long, int) = (void (*)(long, int))dlsym(RTLD_DEFAULT, "fail_malloc_arm");
  if (preloaded) preloaded((long)n, and_later);
  return NULL;
}

static napi_value calls(napi_env env, napi_callback_info info) {
  (void)info;
  long (*preloaded)(void) = (long (*)(void))dlsym(RTLD_DEFAULT, "fail_malloc_calls");
  napi_value result;
  napi_create_int64(env, preloaded ? preloaded() : -1, &result);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "arm", NAPI_AUTO_LENGTH, arm, NULL, &function);
  napi_set_named_property(env, exports, "arm", function);
  napi_create_function(env, "calls", NAPI_AUTO_LENGTH, calls, NULL, &function);
  napi_set_named_property(env, exports, "calls", function);
  return exports;
}
