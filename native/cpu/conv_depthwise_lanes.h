// Vectors of which only some lanes touch memory: the edges of rows in conv_depthwise.cc.
#pragma once
#include "gemm_tile.h"

namespace wg::cpu {
inline namespace WG_ISA {

template <class T, int Bytes>
struct Strip {
  static constexpr int kCount = Bytes / static_cast<int>(sizeof(T));
  typedef T Vec __attribute__((vector_size(Bytes)));
  typedef T Loose __attribute__((vector_size(Bytes), aligned(alignof(T)), may_alias));
};

/// Lanes [low, high) of a vector: the only ones whose memory is touched.
template <class T, int Bytes>
struct LaneMask {
#if defined(__AVX512F__)
  uint32_t bits;
#elif defined(__AVX2__)
  __m256i words;
#else
  int low, high;
#endif
};

template <class T, int Bytes>
WG_INLINE LaneMask<T, Bytes> laneMask(int64_t low, int64_t high) {
  constexpr int L = Strip<T, Bytes>::kCount;
  const int from = static_cast<int>(low < 0   ? 0
                                    : low > L ? L
                                              : low),
            to = static_cast<int>(high < from ? from
                                  : high > L  ? L
                                              : high);
#if defined(__AVX512F__)
  return {((1u << to) - 1) & ~((1u << from) - 1)};
#elif defined(__AVX2__)
  constexpr int kWords = static_cast<int>(sizeof(T)) / 4;
  return {_mm256_andnot_si256(partMask(from * kWords), partMask(to * kWords))};
#else
  return {from, to};
#endif
}

#if !defined(__AVX2__) && !defined(__AVX512F__)
// Functions, since the loops below hold hundreds of masked loads.
template <class T, int Bytes>
__attribute__((noinline)) typename Strip<T, Bytes>::Vec loadSome(const T* p, LaneMask<T, Bytes> mask) {
  typename Strip<T, Bytes>::Vec v = {};
  for (int i = mask.low; i < mask.high; ++i) v[i] = p[i];
  return v;
}
template <class T, int Bytes>
__attribute__((noinline)) void storeSome(T* p, typename Strip<T, Bytes>::Vec v, LaneMask<T, Bytes> mask) {
  for (int i = mask.low; i < mask.high; ++i) p[i] = v[i];
}
#endif

template <class T, int Bytes>
WG_INLINE typename Strip<T, Bytes>::Vec loadLanes(const T* p, LaneMask<T, Bytes> mask) {
#if defined(__AVX512F__)
  if constexpr (Bytes == 64 && sizeof(T) == 4)
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask.bits), p);
  else if constexpr (Bytes == 64) return _mm512_maskz_loadu_pd(static_cast<__mmask8>(mask.bits), p);
  else if constexpr (sizeof(T) == 4) return _mm256_maskz_loadu_ps(static_cast<__mmask8>(mask.bits), p);
  else return _mm256_maskz_loadu_pd(static_cast<__mmask8>(mask.bits), p);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) return _mm256_maskload_ps(p, mask.words);
  else return _mm256_maskload_pd(p, mask.words);
#else
  if (mask.low == 0 && mask.high == Strip<T, Bytes>::kCount)
    return *reinterpret_cast<const typename Strip<T, Bytes>::Loose*>(p);
  return loadSome<T, Bytes>(p, mask);
#endif
}

template <class T, int Bytes>
WG_INLINE void storeLanes(T* p, typename Strip<T, Bytes>::Vec v, LaneMask<T, Bytes> mask) {
#if defined(__AVX512F__)
  if constexpr (Bytes == 64 && sizeof(T) == 4) _mm512_mask_storeu_ps(p, static_cast<__mmask16>(mask.bits), v);
  else if constexpr (Bytes == 64) _mm512_mask_storeu_pd(p, static_cast<__mmask8>(mask.bits), v);
  else if constexpr (sizeof(T) == 4) _mm256_mask_storeu_ps(p, static_cast<__mmask8>(mask.bits), v);
  else _mm256_mask_storeu_pd(p, static_cast<__mmask8>(mask.bits), v);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) _mm256_maskstore_ps(p, mask.words, v);
  else _mm256_maskstore_pd(p, mask.words, v);
#else
  storeSome<T, Bytes>(p, v, mask);
#endif
}

}  // namespace WG_ISA
}  // namespace wg::cpu
