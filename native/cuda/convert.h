// Elements of tensors of any dtype as the type a kernel computes in. Arithmetic knows float, double, int32_t,
// int64_t and uint8_t; the other dtypes are ways to store those.
#pragma once
#include "../core/dtype.h"
#include "../ops/convert.h"
#include "wg/vector.h"

namespace wg::cuda {

/// What a tensor of dtype T is when nothing needs converting.
template <class T>
inline constexpr DType kDTypeOf = DType::u8;
template <>
inline constexpr DType kDTypeOf<float> = DType::f32;
template <>
inline constexpr DType kDTypeOf<double> = DType::f64;
template <>
inline constexpr DType kDTypeOf<int32_t> = DType::i32;
template <>
inline constexpr DType kDTypeOf<int64_t> = DType::i64;

/// Element `at` of memory of any dtype; `truth`: as a bool, 0 or 1.
template <class T>
WG_DEV_CALLED T loadAny(const void* data, DType dtype, int64_t at, bool truth) {
  const auto as = [&](auto value) {
    return truth ? static_cast<T>(value != decltype(value)(0)) : castElement<T>(value);
  };
  switch (dtype) {
    case DType::f32:
      return as(static_cast<const float*>(data)[at]);
    case DType::f64:
      return as(static_cast<const double*>(data)[at]);
    case DType::i32:
      return as(static_cast<const int32_t*>(data)[at]);
    case DType::i64:
      return as(static_cast<const int64_t*>(data)[at]);
    case DType::u8:
    case DType::boolean:
      return as(static_cast<const uint8_t*>(data)[at]);
    case DType::i8:
      return as(static_cast<int32_t>(static_cast<const int8_t*>(data)[at]));
    case DType::i16:
      return as(static_cast<int32_t>(static_cast<const int16_t*>(data)[at]));
    case DType::f16:
      return as(fromBits<float>(widenHalf(static_cast<const uint16_t*>(data)[at])));
    case DType::bf16:
      return as(fromBits<float>(widenBrain(static_cast<const uint16_t*>(data)[at])));
    case DType::count:
      break;
  }
  return T(0);
}

/// The bits of a float32 that `value` is rounded through on its way to float16 and bfloat16.
template <class T>
WG_BOTH uint32_t floatBits(T value) {
  if constexpr (__is_same(T, float)) return bitsOf(value);
  else if constexpr (__is_same(T, uint8_t)) return bitsOf(static_cast<float>(value));
  else return roundedToOdd(static_cast<double>(value));
}

template <class T>
WG_DEV_CALLED void storeAny(void* data, DType dtype, int64_t at, T value) {
  switch (dtype) {
    case DType::f32:
      static_cast<float*>(data)[at] = castElement<float>(value);
      break;
    case DType::f64:
      static_cast<double*>(data)[at] = castElement<double>(value);
      break;
    case DType::i32:
      static_cast<int32_t*>(data)[at] = castElement<int32_t>(value);
      break;
    case DType::i64:
      static_cast<int64_t*>(data)[at] = castElement<int64_t>(value);
      break;
    case DType::u8:
      static_cast<uint8_t*>(data)[at] = castElement<uint8_t>(value);
      break;
    case DType::boolean:
      static_cast<uint8_t*>(data)[at] = value != T(0);
      break;
    case DType::i8:
      static_cast<int8_t*>(data)[at] = castElement<int8_t>(value);
      break;
    case DType::i16:
      static_cast<int16_t*>(data)[at] = castElement<int16_t>(value);
      break;
    case DType::f16:
      static_cast<uint16_t*>(data)[at] = narrowHalf(floatBits(value));
      break;
    case DType::bf16:
      static_cast<uint16_t*>(data)[at] = narrowBrain(floatBits(value));
      break;
    case DType::count:
      break;
  }
}

}  // namespace wg::cuda
