// Sixteen bytes at a time, and what the caches should think of them.
#pragma once
#include "base.h"

namespace wg::cuda {

/// n values that one instruction moves; aligned to their size, up to 16 bytes.
template <class T, int n>
struct alignas(sizeof(T) * n < 16 ? sizeof(T) * n : 16) Pack {
  static constexpr int kCount = n;
  T v[n];
  WG_BOTH T& operator[](int i) { return v[i]; }
  WG_BOTH const T& operator[](int i) const { return v[i]; }
};

/// As many values as 16 bytes hold.
template <class T>
inline constexpr int kPackCount = static_cast<int>(16 / sizeof(T));
template <class T>
using Pack16 = Pack<T, kPackCount<T>>;

/// Whether p may be used with packs of 16 bytes.
WG_BOTH bool aligned16(const void* p) { return (reinterpret_cast<uintptr_t>(p) & 15) == 0; }

namespace detail {

#ifdef __CUDACC__
template <size_t bytes>
struct Word;
template <>
struct Word<1> {
  using type = unsigned char;
};
template <>
struct Word<2> {
  using type = unsigned short;
};
template <>
struct Word<4> {
  using type = unsigned;
};
template <>
struct Word<8> {
  using type = uint2;
};
template <>
struct Word<16> {
  using type = uint4;
};
template <class P>
using WordOf = typename Word<sizeof(P)>::type;
#endif

}  // namespace detail

#ifndef __CUDACC__
namespace host {

template <class P>
P read(const void* p, emu::Place place) {
  emu::requireAligned(p, alignof(P), "a load", place);
  P value;
  __builtin_memcpy(&value, p, sizeof value);
  return value;
}
template <class P>
void write(void* p, const P& value, emu::Place place) {
  emu::requireAligned(p, alignof(P), "a store", place);
  __builtin_memcpy(p, &value, sizeof value);
}

}  // namespace host
#endif

// P is a Pack or any type of 1, 2, 4, 8 or 16 bytes; p has its alignment.

/// Cached as usual: for what is read again soon.
template <class P>
WG_DEV P load(const void* p WG_PLACE) {
#ifdef __CUDACC__
  const auto w = *static_cast<const detail::WordOf<P>*>(p);
  return reinterpret_cast<const P&>(w);
#else
  return host::read<P>(p, place);
#endif
}

/// For what this kernel reads once and nobody writes meanwhile.
template <class P>
WG_DEV P loadOnce(const void* p WG_PLACE) {
#ifdef __CUDACC__
  const auto w = __ldcs(static_cast<const detail::WordOf<P>*>(p));
  return reinterpret_cast<const P&>(w);
#else
  return host::read<P>(p, place);
#endif
}

/// Through the read-only cache: for what many threads read and nobody writes meanwhile.
template <class P>
WG_DEV P loadReadOnly(const void* p WG_PLACE) {
#ifdef __CUDACC__
  const auto w = __ldg(static_cast<const detail::WordOf<P>*>(p));
  return reinterpret_cast<const P&>(w);
#else
  return host::read<P>(p, place);
#endif
}

template <class P>
WG_DEV void store(void* p, const P& value WG_PLACE) {
#ifdef __CUDACC__
  *static_cast<detail::WordOf<P>*>(p) = reinterpret_cast<const detail::WordOf<P>&>(value);
#else
  host::write(p, value, place);
#endif
}

/// For what nobody reads soon.
template <class P>
WG_DEV void storeOnce(void* p, const P& value WG_PLACE) {
#ifdef __CUDACC__
  __stcs(static_cast<detail::WordOf<P>*>(p), reinterpret_cast<const detail::WordOf<P>&>(value));
#else
  host::write(p, value, place);
#endif
}

}  // namespace wg::cuda
