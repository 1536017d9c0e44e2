// Order of elements: unsigned keys that compare as the elements do.
#pragma once
#include "wg/base.h"

namespace wg::cuda {

template <int bytes>
struct KeyOf;
template <>
struct KeyOf<1> {
  using Type = uint8_t;
};
template <>
struct KeyOf<4> {
  using Type = uint32_t;
};
template <>
struct KeyOf<8> {
  using Type = uint64_t;
};
template <class T>
using Key = typename KeyOf<static_cast<int>(sizeof(T))>::Type;

template <class T>
inline constexpr bool kIsFloat = static_cast<T>(0.5) != T(0);

/// a < b exactly if keyOf(a) < keyOf(b); all NaN have the largest key, -0 that of 0.
template <class T>
WG_BOTH Key<T> keyOf(T x) {
  using K = Key<T>;
  constexpr K kTop = static_cast<K>(K(1) << (sizeof(T) * 8 - 1));
  K bits;
  if constexpr (kIsFloat<T>) {
    if (x != x) return static_cast<K>(~K(0));
    x = x + T(0);  // -0 becomes 0
    __builtin_memcpy(&bits, &x, sizeof bits);
    return (bits & kTop) != 0 ? static_cast<K>(~bits) : static_cast<K>(bits | kTop);
  } else {
    __builtin_memcpy(&bits, &x, sizeof bits);
    if constexpr (static_cast<T>(-1) < T(0)) return static_cast<K>(bits ^ kTop);
    else return bits;
  }
}

}  // namespace wg::cuda
