// Approximate functions of the special unit, and the formats that tensor cores take. The emulator computes
// the functions exactly: results differ by the error given with each.
#pragma once
#include "base.h"
#ifndef __CUDACC__
#include <cmath>

#include "../../emu/matrix.h"
#endif

namespace wg::cuda {

/// 2^x, to 2 ulp; denormal results are 0.
WG_DEV float fastExp2(float x) {
#ifdef __CUDACC__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return std::exp2(x);
#endif
}
/// e^x, to 2 + |x| / 90 ulp.
WG_DEV float fastExp(float x) { return fastExp2(x * 1.44269504f); }
/// log2 x, to 2^-22 absolute near 1 and 2 ulp elsewhere.
WG_DEV float fastLog2(float x) {
#ifdef __CUDACC__
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return std::log2(x);
#endif
}
WG_DEV float fastLog(float x) { return fastLog2(x) * 0.69314718f; }
/// 1 / x, to 1 ulp.
WG_DEV float fastReciprocal(float x) {
#ifdef __CUDACC__
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return 1 / x;
#endif
}
/// 1 / sqrt x, to 2 ulp.
WG_DEV float fastRsqrt(float x) {
#ifdef __CUDACC__
  float y;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return 1 / std::sqrt(x);
#endif
}
/// tanh x, to 2^-11 relative.
WG_DEV float fastTanh(float x) {
#ifdef __CUDACC__
  float y;
  asm("tanh.approx.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return std::tanh(x);
#endif
}
/// a b + c with one rounding.
WG_DEV float multiplyAdd(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

/// To the 19 bits of tf32, halves away from zero. Tensor cores given more bits cut them off, which is a bias.
WG_DEV uint32_t toTf32(float x) {
#ifdef __CUDACC__
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
#else
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  return (bits & 0x7f800000u) == 0x7f800000u ? bits : (bits + 0x1000u) & 0xffffe000u;
#endif
}

/// Two numbers rounded to 16 bits, the first in the lower half.
WG_DEV uint32_t packBf16(float low, float high) {
#ifdef __CUDACC__
  uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
#else
  return uint32_t{emu::bf16Bits(low)} | uint32_t{emu::bf16Bits(high)} << 16;
#endif
}
WG_DEV uint32_t packF16(float low, float high) {
#ifdef __CUDACC__
  uint32_t bits;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
#else
  return uint32_t{emu::f16Bits(low)} | uint32_t{emu::f16Bits(high)} << 16;
#endif
}
struct Floats2 {
  float low, high;
};
WG_DEV Floats2 unpackBf16(uint32_t bits) {
  return {__builtin_bit_cast(float, bits << 16), __builtin_bit_cast(float, bits & 0xffff0000u)};
}
WG_DEV Floats2 unpackF16(uint32_t bits) {
#ifdef __CUDACC__
  Floats2 f;
  asm("{\n\t.reg .f16 low, high;\n\tmov.b32 {low, high}, %2;\n\tcvt.f32.f16 %0, low;\n\tcvt.f32.f16 %1, "
      "high;\n\t}"
      : "=f"(f.low), "=f"(f.high)
      : "r"(bits));
  return f;
#else
  return {emu::f16Value(static_cast<uint16_t>(bits)), emu::f16Value(static_cast<uint16_t>(bits >> 16))};
#endif
}

}  // namespace wg::cuda
