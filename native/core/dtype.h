// The element types every part of the native side agrees on. lib/core/dtype.ts holds the same list; a test
// compares them.
#pragma once
#include <cstdint>

namespace wg {

#define WG_DTYPES(X)     \
  X(f32, "float32", 4)   \
  X(f64, "float64", 8)   \
  X(i32, "int32", 4)     \
  X(i64, "int64", 8)     \
  X(u8, "uint8", 1)      \
  X(boolean, "bool", 1)  \
  X(f16, "float16", 2)   \
  X(bf16, "bfloat16", 2) \
  X(i8, "int8", 1)       \
  X(i16, "int16", 2)

enum class DType : int32_t {
#define WG_ENUM(name, text, bytes) name,
  WG_DTYPES(WG_ENUM)
#undef WG_ENUM
      count
};

}  // namespace wg
