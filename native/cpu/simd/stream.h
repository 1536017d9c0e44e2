// Stores past the caches, for outputs so large that what is written would be gone before it is read: the
// lines need not be read first, and what else is cached stays.
#pragma once
#include "vec.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace simd {

/// Bytes of an output from which streaming pays: more than caches hold. Fixed, so that a cache's size changes
/// no path.
inline constexpr int64_t kStreamBytes = int64_t{32} << 20;

/// A whole line of memory past the caches where the ISA can; `p` is aligned to the register.
template <class T>
WG_SIMD void storeStreaming(T* p, Vec<T> v) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(p), (__m512i)v.raw);
#elif defined(__AVX2__)
  _mm256_stream_si256(reinterpret_cast<__m256i*>(p), (__m256i)v.raw);
#elif defined(WG_X86)
  _mm_stream_si128(reinterpret_cast<__m128i*>(p), (__m128i)v.raw);
#else
  store(p, v);
#endif
}
/// Orders streaming stores before what follows.
WG_SIMD void endStreaming() {
#if defined(WG_X86)
  _mm_sfence();
#endif
}

}  // namespace simd
}  // namespace WG_ISA
}  // namespace wg::cpu
