// What every kernel file starts from, on any backend: failing, shape checks and choosing a dtype. Host code
// only.
#pragma once
#include <cstdarg>
#include <cstddef>

#include "../core/stream.h"
#include "../core/view.h"
#include "convert.h"

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
  bool dense = true;
  for (int i = v.rank - 1; i >= 0; i--) {
    if (v.shape[i] == 0) return true;
    if (v.shape[i] != 1 && v.stride[i] != expected) dense = false;
    expected *= v.shape[i];
  }
  return dense;
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
/// The dtype arithmetic on `t` runs in.
inline DType computeOf(DType t) {
  if (t == DType::f16 || t == DType::bf16) return DType::f32;
  if (t == DType::i8 || t == DType::i16) return DType::i32;
  return t;
}

/// The dtype two views meet in when they are compared: a fraction beats an integer, then width counts.
inline DType commonCompute(DType a, DType b) {
  const auto rank = [](DType t) {
    const DType c = computeOf(t);
    return c == DType::f64 ? 4 : c == DType::f32 ? 3 : c == DType::i64 ? 2 : c == DType::i32 ? 1 : 0;
  };
  constexpr DType kRanked[] = {DType::u8, DType::i32, DType::i64, DType::f32, DType::f64};
  return kRanked[rank(a) > rank(b) ? rank(a) : rank(b)];
}

/// The dtypes of index tensors.
inline bool isIndexType(DType t) { return t == DType::i32 || t == DType::i64 || t == DType::u8; }
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

}  // namespace WG_ISA
}  // namespace wg
