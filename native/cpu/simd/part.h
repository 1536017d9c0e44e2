// Registers of which only the first lanes count, where zeros behind them will not do.
#pragma once
#include "vec.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace simd {

/// The first n < kLanes lanes of v; zero in the others.
template <class T>
WG_SIMD Vec<T> firstOf(Vec<T> v, int64_t n) {
  using Raw [[maybe_unused]] = typename Vec<T>::Raw;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return Vec<T>((Raw)_mm512_maskz_mov_epi32(firstLanes(n), (__m512i)v.raw));
  if constexpr (sizeof(T) == 8)
    return Vec<T>((Raw)_mm512_maskz_mov_epi64(static_cast<__mmask8>(firstLanes(n)), (__m512i)v.raw));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) >= 4) return Vec<T>((Raw)_mm256_and_si256(firstLanes<T>(n), (__m256i)v.raw));
#endif
  Vec<T> r = v;
  for (int i = 0; i < Vec<T>::kLanes; i++) r.raw[i] = i < n ? v.raw[i] : T(0);
  return r;
}
/// The first n < kLanes elements, and the lanes of `rest` behind them.
template <class T>
WG_SIMD Vec<T> loadPart(const T* p, int64_t n, Vec<T> rest) {
  using Raw [[maybe_unused]] = typename Vec<T>::Raw;
#if defined(__AVX512F__)
  const auto other = (__m512i)rest.raw;
  if constexpr (sizeof(T) == 4) return Vec<T>((Raw)_mm512_mask_loadu_epi32(other, firstLanes(n), p));
  if constexpr (sizeof(T) == 8)
    return Vec<T>((Raw)_mm512_mask_loadu_epi64(other, static_cast<__mmask8>(firstLanes(n)), p));
  if constexpr (sizeof(T) == 1) return Vec<T>((Raw)_mm512_mask_loadu_epi8(other, (1ull << n) - 1u, p));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) >= 4)
    return Vec<T>(
        (Raw)_mm256_blendv_epi8((__m256i)rest.raw, (__m256i)loadPart<Vec<T>>(p, n).raw, firstLanes<T>(n)));
#endif
  T lanes[Vec<T>::kLanes];
  store(lanes, rest);
  __builtin_memcpy(lanes, p, static_cast<size_t>(n) * sizeof(T));
  return load<Vec<T>>(lanes);
}

}  // namespace simd
}  // namespace WG_ISA
}  // namespace wg::cpu
