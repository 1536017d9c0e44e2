// What the matrix instructions of one warp compute, and the 16- and 19-bit formats they take.
#pragma once
#include "simt.h"

namespace wg::emu {

inline float bf16Value(uint16_t bits) { return __builtin_bit_cast(float, uint32_t{bits} << 16); }
inline float f16Value(uint16_t bits) {
  const uint32_t sign = uint32_t{bits & 0x8000u} << 16, rest = bits & 0x7fffu;
  if (rest >= 0x7c00) return __builtin_bit_cast(float, sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  // The exponent's bias differs by 112; a multiplication takes denormals along.
  const float value = __builtin_bit_cast(float, rest << 13) * 0x1p112f;
  return __builtin_bit_cast(float, sign | __builtin_bit_cast(uint32_t, value));
}
inline uint16_t bf16Bits(float value) {
  uint32_t bits = __builtin_bit_cast(uint32_t, value);
  if (value != value) return 0x7fff;
  bits += 0x7fff + (bits >> 16 & 1);  // to nearest, halves to even
  return static_cast<uint16_t>(bits >> 16);
}
uint16_t f16Bits(float value);
/// The tensor cores look at 19 bits.
inline float tf32Value(uint32_t bits) { return __builtin_bit_cast(float, bits & 0xffffe000u); }

enum class MatrixType : uint8_t { bf16, f16, tf32, s8 };

/// d += a b for the fragments of m16n8k16 (bf16, f16), m16n8k8 (tf32) or m16n8k32 (s8).
void mma(MatrixType type, void* d, const uint32_t* a, const uint32_t* b, Place place);
/// count (1, 2, 4) 8x8 matrices of 16-bit values; `row` is the row that this lane points at.
void loadMatrix(uint32_t* r, int count, bool transpose, const void* row, Place place);
void storeMatrix(void* row, int count, bool transpose, const uint32_t* r, Place place);

}  // namespace wg::emu
