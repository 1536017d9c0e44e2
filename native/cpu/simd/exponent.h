// Sums of exponentials over a contiguous block: the heart of softmax and cross-entropy.
#pragma once
#include "../../ops/math.h"
#include "fold.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace simd {

/// exp(x) of NaN or x below 0 but for roundings, the same bits with less: adding -0 is nothing to do, adding
/// 0 is.
template <class T>
WG_SIMD Vec<T> expFromBelow(Vec<T> x) {
  // The instruction that scales takes powers of any size; elsewhere they are put together from bits.
#if defined(__AVX512F__)
  const Vec<T> bounded = x;
#else
  const Vec<T> bounded = maxNum(Vec<T>(sizeof(T) == 4 ? T(-105) : T(-760)), x);
#endif
  return math::expReduced(bounded, Vec<T>(T(-0.0)));
}

/// Σ exp(x - top) over n elements, none of them greater; stores each term to `terms` when kStore. Asks for
/// what lies `ahead` bytes behind, which comes while the exponentials are computed.
template <bool kStore, class T>
__attribute__((noinline)) double sumExp(const T* x, int64_t n, T top, T* terms, int64_t ahead = 0) {
  using V = Vec<T>;
  const V shift(top);
  V sum0(T(0)), sum1(T(0));
  int64_t i = 0;
  for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes) {
    for (int64_t b = 0; b < 2 * kVecBytes; b += 64)
      __builtin_prefetch(reinterpret_cast<const char*>(x + i) + ahead + b);
    const V e0 = expFromBelow(load<V>(x + i) - shift), e1 = expFromBelow(load<V>(x + i + V::kLanes) - shift);
    if constexpr (kStore) {
      store(terms + i, e0);
      store(terms + i + V::kLanes, e1);
    }
    sum0 = sum0 + e0;
    sum1 = sum1 + e1;
  }
  for (; i < n; i += V::kLanes) {
    const int64_t left = n - i;
    if (left >= V::kLanes) {
      const V e = expFromBelow(load<V>(x + i) - shift);
      if constexpr (kStore) store(terms + i, e);
      sum0 = sum0 + e;
    } else {
      // Lanes behind the end must add nothing.
      const V e = firstOf(expFromBelow(loadPart<V>(x + i, left) - shift), left);
      if constexpr (kStore) storePart(terms + i, e, left);
      sum1 = sum1 + e;
    }
  }
  return addLanes(sum0 + sum1);
}

/// f over blocks of a row by whole registers and a partial last one: f(loader, storer) is called with the
/// same code path.
template <class T, class F>
WG_SIMD void mapBlock(T* out, const T* a, const T* b, int64_t n, F f) {
  using V = Vec<T>;
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) store(out + i, f(load<V>(a + i), load<V>(b + i)));
  if (i < n) storePart(out + i, f(loadPart<V>(a + i, n - i), loadPart<V>(b + i, n - i)), n - i);
}

/// Natural logarithm of one number, through the same code as of many.
WG_SIMD double logOf(double x) { return math::log(Vec<double>(x)).raw[0]; }
/// Of n numbers, in place; there is room for a multiple of kLanes.
WG_SIMD void logsOf(double* x, int64_t n) {
  using V = Vec<double>;
  for (int64_t i = 0; i < n; i += V::kLanes) store(x + i, math::log(load<V>(x + i)));
}

}  // namespace simd
}  // namespace WG_ISA
}  // namespace wg::cpu
