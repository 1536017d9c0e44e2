// Rows of at most eight registers, which stay there from the search for their maximum to what becomes of
// them: the same sums, in the same order, as those of longer rows (exponent_rows.h).
#pragma once
#include "rows.h"
#include "simd/exponent.h"
#include "simd/stream.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Lines asked for ahead of rows that are read once.
inline constexpr int64_t kShortAhead = 1536;  // bytes

template <class T, int N>
struct ShortRow {
  using V = simd::Vec<T>;
  static constexpr int kLast = N - 1;
  V v[N];
  int64_t rest;  ///< elements of the last register

  WG_SIMD ShortRow(const T* p, int64_t width) : rest(width - kLast * V::kLanes) {
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) {
      for (int64_t b = 0; b < simd::kVecBytes; b += 64)
        __builtin_prefetch(reinterpret_cast<const char*>(p + k * V::kLanes) + kShortAhead + b);
      v[k] = k < kLast || whole() ? simd::load<V>(p + k * V::kLanes)
                                  : simd::loadPart<T>(p + k * V::kLanes, rest, V(simd::lowest<T>()));
    }
  }
  WG_SIMD bool whole() const { return rest == V::kLanes; }

  /// NaN may be passed over: it comes back through the sum.
  WG_SIMD T largest() const {
    V best[4];
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) best[k & 3] = k < 4 ? v[k] : maxNum(v[k], best[k & 3]);
#pragma GCC unroll 4
    for (int k = 1; k < (N < 4 ? N : 4); ++k) best[0] = maxNum(best[k], best[0]);
    return foldRegister(best[0], [](V a, V b) { return maxNum(a, b); });
  }
  /// Each element becomes exp(it - top); gives their sum.
  WG_SIMD double exponentials(T top) {
    const V shift(top);
    V sum[2] = {V(T(0)), V(T(0))};
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) {
      v[k] = simd::expFromBelow(v[k] - shift);
      if (k < kLast || whole()) {
        sum[k & 1] = sum[k & 1] + v[k];
      } else {
        v[k] = simd::firstOf(v[k], rest);  // lanes behind the end must add nothing
        sum[1] = sum[1] + v[k];
      }
    }
    return addLanes(sum[0] + sum[1]);
  }
  WG_SIMD void scaleTo(T* out, T factor, bool streams) const {
    const V scale(factor);
    const bool past = streams && reinterpret_cast<uintptr_t>(out) % simd::kVecBytes == 0;
#pragma GCC unroll 8
    for (int k = 0; k < N; ++k) {
      T* const to = out + k * V::kLanes;
      if (k == kLast && !whole()) storePart(to, v[k] * scale, rest);
      else if (past) simd::storeStreaming(to, v[k] * scale);
      else store(to, v[k] * scale);
    }
  }
};

/// f.template operator()<N>() for rows of `width` elements in N registers. False: not such rows. Of doubles
/// none are, which would not earn the code, nor with fewer than 32 registers.
template <class T, class F>
inline bool ofShortRows(int64_t width, F f) {
  if constexpr (sizeof(T) == 4 && simd::kVecBytes == 64) {
    switch (ceilDiv(width, simd::Vec<T>::kLanes)) {
      case 1:
        return f.template operator()<1>(), true;
      case 2:
        return f.template operator()<2>(), true;
      case 3:
        return f.template operator()<3>(), true;
      case 4:
        return f.template operator()<4>(), true;
      case 5:
        return f.template operator()<5>(), true;
      case 6:
        return f.template operator()<6>(), true;
      case 7:
        return f.template operator()<7>(), true;
      case 8:
        return f.template operator()<8>(), true;
      default:
        return false;
    }
  }
  return false;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
