// What tensor cores multiply. float16 and bfloat16 are taken as they are; a float is rounded to tf32, which
// is a float with ten bits behind the point, when it leaves shared memory. Sums are floats.
#pragma once
#include "../wg/math.h"
#include "../wg/mma.h"

namespace wg::cuda::gemm {

struct F16 {
  uint16_t bits;
};
struct Bf16 {
  uint16_t bits;
};

/// Of element type T: what an instruction multiplies and how elements become floats and back.
template <class T>
struct Core;

template <>
struct Core<Bf16> {
  static WG_DEV void settle(uint32_t (&)[4]) {}
  static WG_DEV void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mmaBf16(d, a, b);
  }
  static WG_DEV float widen(Bf16 x) { return unpackBf16(x.bits).low; }
  static WG_DEV uint32_t narrow(float low, float high) { return packBf16(low, high); }
};

template <>
struct Core<F16> {
  static WG_DEV void settle(uint32_t (&)[4]) {}
  static WG_DEV void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mmaF16(d, a, b);
  }
  static WG_DEV float widen(F16 x) { return unpackF16(x.bits).low; }
  static WG_DEV uint32_t narrow(float low, float high) { return packF16(low, high); }
};

template <>
struct Core<float> {
  /// The cores cut off what a float has more: that would be a bias.
  static WG_DEV void settle(uint32_t (&r)[4]) {
    WG_UNROLL
    for (int i = 0; i < 4; i++) r[i] = toTf32(__builtin_bit_cast(float, r[i]));
  }
  static WG_DEV void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    mmaTf32(d, a, b);
  }
};

}  // namespace wg::cuda::gemm
