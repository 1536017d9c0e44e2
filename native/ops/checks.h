// What every kernel file starts from, on any backend: failing, shape checks and choosing a dtype. Host code
// only.
#pragma once
#include <cstdarg>
#include <cstddef>

#include "../core/stream.h"
#include "../core/view.h"

#ifndef WG_ISA
#define WG_ISA generic
#endif

namespace wg {
inline namespace WG_ISA {

/// Reports the op's failure; the first one wins. The kernel returns after it.
__attribute__((format(printf, 3, 4))) inline void fail(Stream& s, Code code, const char* format, ...) {
  // The atomic is used through builtins: std::atomic's members are inline functions outside WG_ISA.
  int32_t expected = static_cast<int32_t>(Code::ok);
  int32_t* cell = reinterpret_cast<int32_t*>(&s.status->code);
  if (!__atomic_compare_exchange_n(cell, &expected, static_cast<int32_t>(code), false, __ATOMIC_ACQ_REL,
                                   __ATOMIC_ACQUIRE)) {
    return;
  }
  va_list arguments;
  va_start(arguments, format);
  __builtin_vsnprintf(s.status->message, sizeof s.status->message, format, arguments);
  va_end(arguments);
}

inline bool failed(const Stream& s) {
  return __atomic_load_n(reinterpret_cast<const int32_t*>(&s.status->code), __ATOMIC_ACQUIRE) !=
         static_cast<int32_t>(Code::ok);
}

/// The shape relations a kernel's memory safety rests on. lib/ops has checked them before: failing is a bug
/// of ours.
inline bool require(Stream& s, bool holds, const char* message) {
  if (!holds) fail(s, Code::bounds, "%s", message);
  return holds;
}

inline int64_t numel(const View& v) {
  int64_t n = 1;
  for (int i = 0; i < v.rank; i++) n *= v.shape[i];
  return n;
}
inline bool sameShape(const View& a, const View& b) {
  if (a.rank != b.rank) return false;
  for (int i = 0; i < a.rank; i++) {
    if (a.shape[i] != b.shape[i]) return false;
  }
  return true;
}
/// Row-major without gaps; sizes of 1 may have any stride.
inline bool isContiguous(const View& v) {
  int64_t expected = 1;
  for (int i = v.rank - 1; i >= 0; i--) {
    if (v.shape[i] != 1 && v.stride[i] != expected) return v.shape[i] == 0;
    expected *= v.shape[i];
  }
  return true;
}
inline int64_t itemBytes(DType t) {
  switch (t) {
#define WG_CASE(name, text, bytes) \
  case DType::name:                \
    return bytes;
    WG_DTYPES(WG_CASE)
#undef WG_CASE
    case DType::count:
      break;
  }
  return 1;
}
inline const char* dtypeName(DType t) {
  switch (t) {
#define WG_CASE(name, text, bytes) \
  case DType::name:                \
    return text;
    WG_DTYPES(WG_CASE)
#undef WG_CASE
    case DType::count:
      break;
  }
  return "?";
}
inline int64_t minOf(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t maxOf(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

inline void unsupported(Stream& s, const char* op, DType dtype) {
  fail(s, Code::unsupported, "%s: dtype %s is not supported", op, dtypeName(dtype));
}

/// f.template operator()<T>() for the element type; another dtype fails the op.
template <class F>
inline void withFloat(Stream& s, DType dtype, const char* op, F&& f) {
  if (dtype == DType::f32) f.template operator()<float>();
  else if (dtype == DType::f64) f.template operator()<double>();
  else unsupported(s, op, dtype);
}
template <class F>
inline void withInteger(Stream& s, DType dtype, const char* op, F&& f) {
  if (dtype == DType::i32) f.template operator()<int32_t>();
  else if (dtype == DType::i64) f.template operator()<int64_t>();
  else if (dtype == DType::u8) f.template operator()<uint8_t>();
  else unsupported(s, op, dtype);
}
template <class F>
inline void withNumber(Stream& s, DType dtype, const char* op, F&& f) {
  if (dtype == DType::f32 || dtype == DType::f64) withFloat(s, dtype, op, f);
  else withInteger(s, dtype, op, f);
}
/// Bools, which are bytes 0 and 1, go as uint8_t.
template <class F>
inline void withAny(Stream& s, DType dtype, const char* op, F&& f) {
  withNumber(s, dtype == DType::boolean ? DType::u8 : dtype, op, f);
}

/// A double as T: floats round, integers saturate and truncate, NaN is 0.
template <class T>
inline T fromDouble(double x) {
  if constexpr (static_cast<T>(0.5) != T(0)) {
    return static_cast<T>(x);
  } else {
    constexpr bool isSigned = static_cast<T>(-1) < T(0);
    constexpr int bits = static_cast<int>(sizeof(T)) * 8 - (isSigned ? 1 : 0);
    constexpr T most = static_cast<T>((uint64_t{1} << (bits - 1)) - 1 + (uint64_t{1} << (bits - 1)));
    constexpr T least = isSigned ? static_cast<T>(-most - 1) : T(0);
    constexpr double bound = static_cast<double>(uint64_t{1} << (bits - 1)) * 2.0;  // 2^bits, exactly
    if (x != x) return T(0);
    if (x >= bound) return most;
    if (x <= static_cast<double>(least)) return least;
    return static_cast<T>(x);
  }
}

}  // namespace WG_ISA
}  // namespace wg
