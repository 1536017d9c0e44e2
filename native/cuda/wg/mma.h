// Tensor cores of a warp: fragments from shared memory, and their products.
//
// Lane l = 4g + q of a product d (16 × 8) += a (16 × k) b (k × 8) holds of d {row g, columns 2q, 2q + 1} and
// the same of row g + 8; of a in its four registers {row g, row g + 8} of the first half of k, then of the
// second; of b column g of both halves. A register has the neighbours along k that fit in 32 bits, from
// position q on.
#pragma once
#include "base.h"
#ifndef __CUDACC__
#include "../../emu/matrix.h"
#endif

namespace wg::cuda {

enum class Transpose { no, yes };

/// `count` (1, 2 or 4) matrices of 8 × 8 16-bit values from shared memory: lane 8m + i points at row i (16
/// aligned bytes) of matrix m. Lane 4g + q gets row g, columns 2q and 2q + 1 — or row and column swapped.
template <int count, Transpose transpose = Transpose::no>
WG_DEV void loadMatrix(uint32_t (&r)[count], const void* row WG_PLACE) {
  static_assert(count == 1 || count == 2 || count == 4);
#ifdef __CUDACC__
  const uint32_t at = sharedAddress(row);
#define WG_LOAD(form, registers, ...)                                                                      \
  if constexpr (transpose == Transpose::yes)                                                               \
    asm volatile("ldmatrix.sync.aligned.m8n8." form ".trans.shared.b16 " registers:__VA_ARGS__ : "r"(at)); \
  else asm volatile("ldmatrix.sync.aligned.m8n8." form ".shared.b16 " registers:__VA_ARGS__ : "r"(at))
  if constexpr (count == 1) {
    WG_LOAD("x1", "{%0}, [%1];", "=r"(r[0]));
  } else if constexpr (count == 2) {
    WG_LOAD("x2", "{%0, %1}, [%2];", "=r"(r[0]), "=r"(r[1]));
  } else {
    WG_LOAD("x4", "{%0, %1, %2, %3}, [%4];", "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]));
  }
#undef WG_LOAD
#else
  emu::loadMatrix(r, count, transpose == Transpose::yes, row, place);
#endif
}

/// The reverse; sm_90.
template <int count, Transpose transpose = Transpose::no>
WG_DEV void storeMatrix(void* row, const uint32_t (&r)[count] WG_PLACE) {
  static_assert(count == 1 || count == 2 || count == 4);
#ifdef __CUDACC__
  [[maybe_unused]] const uint32_t at = sharedAddress(row);
#define WG_STORE(form, registers, ...)                                                                   \
  if constexpr (transpose == Transpose::yes) {                                                           \
    WG_ON_SM90(asm volatile(                                                                             \
        "stmatrix.sync.aligned.m8n8." form ".trans.shared.b16 [%0], " registers ::"r"(at), __VA_ARGS__   \
        : "memory"));                                                                                    \
  } else {                                                                                               \
    WG_ON_SM90(asm volatile("stmatrix.sync.aligned.m8n8." form ".shared.b16 [%0], " registers ::"r"(at), \
                            __VA_ARGS__                                                                  \
                            : "memory"));                                                                \
  }
  if constexpr (count == 1) {
    WG_STORE("x1", "{%1};", "r"(r[0]))
  } else if constexpr (count == 2) {
    WG_STORE("x2", "{%1, %2};", "r"(r[0]), "r"(r[1]))
  } else {
    WG_STORE("x4", "{%1, %2, %3, %4};", "r"(r[0]), "r"(r[1]), "r"(r[2]), "r"(r[3]))
  }
#undef WG_STORE
#else
  emu::storeMatrix(row, count, transpose == Transpose::yes, r, place);
#endif
}

#ifdef __CUDACC__
#define WG_MMA(shape, types, constraint)                                                                \
  asm volatile("mma.sync.aligned." shape ".row.col." types                                              \
               " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"                       \
               : "+" constraint(d[0]), "+" constraint(d[1]), "+" constraint(d[2]), "+" constraint(d[3]) \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]))
#endif

/// k = 16, bfloat16.
WG_DEV void mmaBf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] WG_PLACE) {
#ifdef __CUDACC__
  WG_MMA("m16n8k16", "f32.bf16.bf16.f32", "f");
#else
  emu::mma(emu::MatrixType::bf16, d, a, b, place);
#endif
}
/// k = 16, float16.
WG_DEV void mmaF16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] WG_PLACE) {
#ifdef __CUDACC__
  WG_MMA("m16n8k16", "f32.f16.f16.f32", "f");
#else
  emu::mma(emu::MatrixType::f16, d, a, b, place);
#endif
}
/// k = 8, tf32: round with toTf32 first.
WG_DEV void mmaTf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] WG_PLACE) {
#ifdef __CUDACC__
  WG_MMA("m16n8k8", "f32.tf32.tf32.f32", "f");
#else
  emu::mma(emu::MatrixType::tf32, d, a, b, place);
#endif
}
/// k = 32, int8.
WG_DEV void mmaS8(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2] WG_PLACE) {
#ifdef __CUDACC__
  WG_MMA("m16n8k32", "s32.s8.s8.s32", "r");
#else
  emu::mma(emu::MatrixType::s8, d, a, b, place);
#endif
}
#ifdef __CUDACC__
#undef WG_MMA
#endif

}  // namespace wg::cuda
