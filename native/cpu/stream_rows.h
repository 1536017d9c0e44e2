// Writing rows, past the caches where they are too many for them.
#pragma once
#include "rows.h"
#include "simd/stream.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Whether what is written goes past the caches: when `tensors` like it are more than they hold, and its rows
/// are in place.
inline bool streamsPast(const View& out, const Rows& rows, int64_t tensors) {
  return rows.step == rows.item && numel(out) * rows.item * tensors > simd::kStreamBytes;
}

/// One place of a row, a whole register, and what is there.
template <class T>
struct WholeAt {
  int64_t i;
  WG_SIMD simd::Vec<T> operator()(const T* p) const { return simd::load<simd::Vec<T>>(p + i); }
};
/// The last place, a part of a register.
template <class T>
struct PartAt {
  int64_t i, n;
  WG_SIMD simd::Vec<T> operator()(const T* p) const { return simd::loadPart<simd::Vec<T>>(p + i, n); }
};

/// out = f(load) for each register of a block and a partial last one; load(p) reads p at the same place.
template <class T, class F>
WG_SIMD void eachRegister(bool streams, T* out, int64_t n, F f) {
  using V = simd::Vec<T>;
  int64_t i = 0;
  if (streams && reinterpret_cast<uintptr_t>(out) % simd::kVecBytes == 0)
    for (; i + V::kLanes <= n; i += V::kLanes) simd::storeStreaming(out + i, f(WholeAt<T>{i}));
  for (; i + V::kLanes <= n; i += V::kLanes) store(out + i, f(WholeAt<T>{i}));
  if (i < n) storePart(out + i, f(PartAt<T>{i, n - i}), n - i);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
