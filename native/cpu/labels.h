// Reading index tensors of any integer dtype.
#pragma once
#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Element `i` in logical order.
inline int64_t indexAt(const Walk& w, DType dtype, int64_t i) {
  const char* p = at(w, i);
  if (dtype == DType::i64) {
    int64_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  if (dtype == DType::i32) {
    int32_t v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  return *reinterpret_cast<const uint8_t*>(p);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
