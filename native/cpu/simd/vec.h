// What the kernels do with Vec<T>: loads and stores, and the vocabulary of ops/scalar.h. The few operations
// the vector extensions cannot express (partial loads, square root, rounding, scaling) use intrinsics on x86
// and lane loops elsewhere, which compilers turn into vector code.
#pragma once
#include "register.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace simd {

template <class V>
WG_SIMD V load(const ElementOf<V>* p) {
  V v;
  __builtin_memcpy(&v.raw, p, sizeof v.raw);
  return v;
}
template <class T>
WG_SIMD void store(T* p, Vec<T> v) {
  __builtin_memcpy(p, &v.raw, sizeof v.raw);
}

#if defined(__AVX512F__)
// With full masks in place of the plain intrinsics, whose undefined pass-through operand g++ 12 warns about.
inline constexpr __mmask16 kAll16 = 0xffff;
inline constexpr __mmask8 kAll8 = 0xff;
WG_SIMD __mmask16 firstLanes(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
#elif defined(__AVX2__)
/// All ones in the first n lanes of 4 or 8 bytes.
template <class T>
WG_SIMD __m256i firstLanes(int64_t n) {
  if constexpr (sizeof(T) == 4) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  } else {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
  }
}
#endif

/// The first n < kLanes elements; the other lanes are zero and memory behind them is not touched.
template <class V>
WG_SIMD V loadPart(const ElementOf<V>* p, int64_t n) {
  using T = ElementOf<V>;
  using Raw [[maybe_unused]] = typename V::Raw;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return V((Raw)_mm512_maskz_loadu_epi32(firstLanes(n), p));
  if constexpr (sizeof(T) == 8)
    return V((Raw)_mm512_maskz_loadu_epi64(static_cast<__mmask8>(firstLanes(n)), p));
  if constexpr (sizeof(T) == 1) return V((Raw)_mm512_maskz_loadu_epi8((1ull << n) - 1u, p));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return V((Raw)_mm256_maskload_epi32(reinterpret_cast<const int*>(p), firstLanes<T>(n)));
  if constexpr (sizeof(T) == 8)
    return V((Raw)_mm256_maskload_epi64(reinterpret_cast<const long long*>(p), firstLanes<T>(n)));
#endif
  T lanes[V::kLanes] = {};
  __builtin_memcpy(lanes, p, static_cast<size_t>(n) * sizeof(T));
  return load<V>(lanes);
}
template <class T>
WG_SIMD void storePart(T* p, Vec<T> v, int64_t n) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return _mm512_mask_storeu_epi32(p, firstLanes(n), (__m512i)v.raw);
  if constexpr (sizeof(T) == 8)
    return _mm512_mask_storeu_epi64(p, static_cast<__mmask8>(firstLanes(n)), (__m512i)v.raw);
  if constexpr (sizeof(T) == 1) return _mm512_mask_storeu_epi8(p, (1ull << n) - 1u, (__m512i)v.raw);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4)
    return _mm256_maskstore_epi32(reinterpret_cast<int*>(p), firstLanes<T>(n), (__m256i)v.raw);
  if constexpr (sizeof(T) == 8)
    return _mm256_maskstore_epi64(reinterpret_cast<long long*>(p), firstLanes<T>(n), (__m256i)v.raw);
#endif
  __builtin_memcpy(p, &v.raw, static_cast<size_t>(n) * sizeof(T));
}

// Bits.
WG_SIMD Vec<uint32_t> bitsOf(Vec<float> v) { return Vec<uint32_t>((Vec<uint32_t>::Raw)v.raw); }
WG_SIMD Vec<uint64_t> bitsOf(Vec<double> v) { return Vec<uint64_t>((Vec<uint64_t>::Raw)v.raw); }
template <class V, class B>
WG_SIMD V fromBits(Vec<B> bits) {
  return V((typename V::Raw)bits.raw);
}

template <class T>
WG_SIMD bool anyOf(Mask<T> mask) {
#if defined(__AVX512F__)
  return _mm512_test_epi64_mask((__m512i)mask.raw, (__m512i)mask.raw) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_epi8((__m256i)mask.raw) != 0;
#elif defined(WG_X86)
  return _mm_movemask_epi8((__m128i)mask.raw) != 0;
#else
  bool any = false;
  for (int i = 0; i < Vec<T>::kLanes; i++) any |= mask.raw[i] != 0;
  return any;
#endif
}

template <class T>
WG_SIMD Vec<T> sqrt(Vec<T> v) {
  using Raw [[maybe_unused]] = typename Vec<T>::Raw;
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) return Vec<T>((Raw)_mm512_maskz_sqrt_ps(kAll16, (__m512)v.raw));
  else return Vec<T>((Raw)_mm512_maskz_sqrt_pd(kAll8, (__m512d)v.raw));
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4) return Vec<T>((Raw)_mm256_sqrt_ps((__m256)v.raw));
  else return Vec<T>((Raw)_mm256_sqrt_pd((__m256d)v.raw));
#elif defined(WG_X86)
  if constexpr (sizeof(T) == 4) return Vec<T>((Raw)_mm_sqrt_ps((__m128)v.raw));
  else return Vec<T>((Raw)_mm_sqrt_pd((__m128d)v.raw));
#else
  for (int i = 0; i < Vec<T>::kLanes; i++) v.raw[i] = wg::sqrt(v.raw[i]);
  return v;
#endif
}

template <class T>
WG_SIMD Vec<T> abs(Vec<T> v) {
  if constexpr (kIsFloat<T>) return fromBits<Vec<T>>(bitsOf(v) & Vec<BitsOf<T>>(~Format<T>::kSign));
  else return select(v < Vec<T>(T(0)), -v, v);
}

template <class T>
WG_SIMD Vec<T> floor(Vec<T> v) {
  using V [[maybe_unused]] = Vec<T>;
  if constexpr (!kIsFloat<T>) {
    return v;
  } else {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return V((typename V::Raw)_mm512_floor_ps((__m512)v.raw));
    else return V((typename V::Raw)_mm512_floor_pd((__m512d)v.raw));
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4) return V((typename V::Raw)_mm256_floor_ps((__m256)v.raw));
    else return V((typename V::Raw)_mm256_floor_pd((__m256d)v.raw));
#else
    // Baseline x86 has no rounding instruction: adding 2^mantissa rounds |v|; then correct downwards.
    const V whole(T(uint64_t{1} << Format<T>::kMantissa)), a = abs(v);
    const V sign = fromBits<V>(bitsOf(v) & Vec<BitsOf<T>>(Format<T>::kSign));
    const V near = fromBits<V>(bitsOf((a + whole) - whole) | bitsOf(sign));
    return select(a < whole, select(near > v, near - V(T(1)), near), v);
#endif
  }
}

/// v * 2^n for v of at most sqrt(2) and integer-valued n, correctly rounded in the denormal range. What is
/// less than half the least denormal is 0 before it is scaled: Intel's cores stop for some 150 cycles where a
/// result falls below the normal range, and exp(-Inf) is what masks are made of.
template <class T>
WG_SIMD Vec<T> scaleByPowerOf2(Vec<T> v, Vec<T> n) {
  using V = Vec<T>;
  constexpr T kLeast = -static_cast<T>(Format<T>::kBias + Format<T>::kMantissa);
#if defined(__AVX512F__)
  using Raw = typename V::Raw;
  if constexpr (sizeof(T) == 4) {
    const __m512 power = (__m512)n.raw;
    const __mmask16 some = _mm512_cmp_ps_mask(power, _mm512_set1_ps(kLeast), _CMP_NLT_UQ);
    return V((Raw)_mm512_maskz_scalef_ps(some, (__m512)v.raw, power));
  } else {
    const __m512d power = (__m512d)n.raw;
    const __mmask8 some = _mm512_cmp_pd_mask(power, _mm512_set1_pd(kLeast), _CMP_NLT_UQ);
    return V((Raw)_mm512_maskz_scalef_pd(some, (__m512d)v.raw, power));
  }
#else
  // In two factors, because 2^n itself may be outside the normal range.
  const V magic(Format<T>::kRounder);
  const auto power = [](V shifted) {
    return fromBits<V>((bitsOf(shifted) << Format<T>::kMantissa) +
                       Vec<BitsOf<T>>(Format<T>::kBias << Format<T>::kMantissa));
  };
  const V half = n * V(T(0.5)) + magic;
  return select(n < V(kLeast), V(T(0)), v) * power(half) * power(n - (half - magic) + magic);
#endif
}

/// a where a > b, else b: one instruction; b when either is NaN.
template <class T>
WG_SIMD Vec<T> maxNum(Vec<T> a, Vec<T> b) {
#if defined(__AVX512F__)
  using Raw = typename Vec<T>::Raw;
  if constexpr (__is_same(T, float))
    return Vec<T>((Raw)_mm512_maskz_max_ps(kAll16, (__m512)a.raw, (__m512)b.raw));
  if constexpr (__is_same(T, double))
    return Vec<T>((Raw)_mm512_maskz_max_pd(kAll8, (__m512d)a.raw, (__m512d)b.raw));
#endif
  return select(a > b, a, b);
}
template <class T>
WG_SIMD Vec<T> minNum(Vec<T> a, Vec<T> b) {
#if defined(__AVX512F__)
  using Raw = typename Vec<T>::Raw;
  if constexpr (__is_same(T, float))
    return Vec<T>((Raw)_mm512_maskz_min_ps(kAll16, (__m512)a.raw, (__m512)b.raw));
  if constexpr (__is_same(T, double))
    return Vec<T>((Raw)_mm512_maskz_min_pd(kAll8, (__m512d)a.raw, (__m512d)b.raw));
#endif
  return select(a < b, a, b);
}

template <class T, class F>
WG_SIMD Vec<T> mapLanes(Vec<T> a, Vec<T> b, F f) {
  Vec<T> r;
  for (int i = 0; i < Vec<T>::kLanes; i++) r.raw[i] = f(T(a.raw[i]), T(b.raw[i]));
  return r;
}
template <class T>
WG_SIMD Vec<T> intPow(Vec<T> a, Vec<T> b) {
  return mapLanes(a, b, [](T x, T y) { return wg::intPow(x, y); });
}

// float <-> double, half a register at a time.
#if defined(__AVX512F__)
#define WG_LOW_HALF 0, 1, 2, 3, 4, 5, 6, 7
#define WG_HIGH_HALF 8, 9, 10, 11, 12, 13, 14, 15
#elif defined(__AVX2__)
#define WG_LOW_HALF 0, 1, 2, 3
#define WG_HIGH_HALF 4, 5, 6, 7
#else
#define WG_LOW_HALF 0, 1
#define WG_HIGH_HALF 2, 3
#endif
typedef float HalfFloats __attribute__((vector_size(kVecBytes / 2)));
#if defined(__AVX512F__)
// g++ 12 converts a quarter of a register at a time.
WG_SIMD Vec<double> widenLow(Vec<float> v) {
  return Vec<double>((Vec<double>::Raw)_mm512_maskz_cvtps_pd(
      kAll8, (__m256)__builtin_shufflevector(v.raw, v.raw, WG_LOW_HALF)));
}
WG_SIMD Vec<double> widenHigh(Vec<float> v) {
  return Vec<double>((Vec<double>::Raw)_mm512_maskz_cvtps_pd(
      kAll8, (__m256)__builtin_shufflevector(v.raw, v.raw, WG_HIGH_HALF)));
}
WG_SIMD Vec<float> narrow(Vec<double> low, Vec<double> high) {
  const HalfFloats a = (HalfFloats)_mm512_maskz_cvtpd_ps(kAll8, (__m512d)low.raw),
                   b = (HalfFloats)_mm512_maskz_cvtpd_ps(kAll8, (__m512d)high.raw);
  return Vec<float>(__builtin_shufflevector(a, b, WG_LOW_HALF, WG_HIGH_HALF));
}
#else
WG_SIMD Vec<double> widenLow(Vec<float> v) {
  return Vec<double>(
      __builtin_convertvector(__builtin_shufflevector(v.raw, v.raw, WG_LOW_HALF), Vec<double>::Raw));
}
WG_SIMD Vec<double> widenHigh(Vec<float> v) {
  return Vec<double>(
      __builtin_convertvector(__builtin_shufflevector(v.raw, v.raw, WG_HIGH_HALF), Vec<double>::Raw));
}
WG_SIMD Vec<float> narrow(Vec<double> low, Vec<double> high) {
  const HalfFloats a = __builtin_convertvector(low.raw, HalfFloats),
                   b = __builtin_convertvector(high.raw, HalfFloats);
  return Vec<float>(__builtin_shufflevector(a, b, WG_LOW_HALF, WG_HIGH_HALF));
}
#endif
#undef WG_LOW_HALF
#undef WG_HIGH_HALF

template <class F>
WG_SIMD Vec<float> throughDouble(Vec<float> x, Vec<float> y, F f) {
  return narrow(f(widenLow(x), widenLow(y)), f(widenHigh(x), widenHigh(y)));
}

WG_SIMD void exactProduct(Vec<double> a, Vec<double> b, Vec<double>& high, Vec<double>& low) {
  high = a * b;
#if defined(__AVX512F__)
  low.raw = (Vec<double>::Raw)_mm512_fmsub_pd((__m512d)a.raw, (__m512d)b.raw, (__m512d)high.raw);
#elif defined(__FMA__)
  low.raw = (Vec<double>::Raw)_mm256_fmsub_pd((__m256d)a.raw, (__m256d)b.raw, (__m256d)high.raw);
#else
  for (int i = 0; i < Vec<double>::kLanes; i++) {
    double h, l;
    wg::exactProduct(a.raw[i], b.raw[i], h, l);
    low.raw[i] = l;
  }
#endif
}

/// Products of the low 32 bits of each 64-bit lane.
WG_SIMD Vec<uint64_t> mulLow32(Vec<uint64_t> a, Vec<uint64_t> b) {
  using Raw [[maybe_unused]] = Vec<uint64_t>::Raw;
#if defined(__AVX512F__)
  return Vec<uint64_t>((Raw)_mm512_maskz_mul_epu32(kAll8, (__m512i)a.raw, (__m512i)b.raw));
#elif defined(__AVX2__)
  return Vec<uint64_t>((Raw)_mm256_mul_epu32((__m256i)a.raw, (__m256i)b.raw));
#elif defined(WG_X86)
  return Vec<uint64_t>((Raw)_mm_mul_epu32((__m128i)a.raw, (__m128i)b.raw));
#else
  const Vec<uint64_t> low(uint64_t{0xffffffff});
  return (a & low) * (b & low);
#endif
}

/// Folds the lanes with f in a fixed tree: halves onto halves.
template <class T, class F>
WG_SIMD T foldLanes(Vec<T> v, F f) {
  T lanes[Vec<T>::kLanes];
  store(lanes, v);
  for (int width = Vec<T>::kLanes / 2; width > 0; width /= 2) {
    for (int i = 0; i < width; i++) lanes[i] = f(lanes[i], lanes[i + width]);
  }
  return lanes[0];
}
WG_SIMD double sumLanes(Vec<double> v) {
  return foldLanes(v, [](double a, double b) { return a + b; });
}
WG_SIMD double sumLanes(Vec<float> v) { return sumLanes(widenLow(v) + widenHigh(v)); }

}  // namespace simd
}  // namespace WG_ISA
}  // namespace wg::cpu

namespace wg {
inline namespace WG_ISA {
template <class T>
struct ValueTraits<cpu::simd::Vec<T>> {
  using Element = T;
  using Bits = cpu::simd::Vec<typename ValueTraits<T>::Bits>;
};
template <>
struct ValueTraits<cpu::simd::Vec<uint32_t>> {
  using Element = uint32_t;
  using Bits = cpu::simd::Vec<uint32_t>;
};
template <>
struct ValueTraits<cpu::simd::Vec<uint64_t>> {
  using Element = uint64_t;
  using Bits = cpu::simd::Vec<uint64_t>;
};
}  // namespace WG_ISA
}  // namespace wg
