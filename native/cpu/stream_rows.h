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

/// out = f(load) for each register of a block and a partial last one; load(p) reads p at the same place.
template <class T, class F>
WG_SIMD void eachRegister(bool streams, T* out, int64_t n, F f) {
  using V = simd::Vec<T>;
  int64_t i = 0;
  if (streams && reinterpret_cast<uintptr_t>(out) % simd::kVecBytes == 0)
    for (; i + V::kLanes <= n; i += V::kLanes)
      simd::storeStreaming(out + i, f([i](const T* p) { return simd::load<V>(p + i); }));
  for (; i + V::kLanes <= n; i += V::kLanes)
    store(out + i, f([i](const T* p) { return simd::load<V>(p + i); }));
  if (i < n) storePart(out + i, f([i, n](const T* p) { return simd::loadPart<V>(p + i, n - i); }), n - i);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
