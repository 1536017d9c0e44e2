// Vec<T>: one SIMD register of the current ISA over GCC/clang vector extensions, masks, and their operators.
#pragma once
#include <cstddef>

#include "../../ops/scalar.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define WG_X86 1
#endif

namespace wg::cpu {
inline namespace WG_ISA {
namespace simd {

#if defined(__AVX512F__)
inline constexpr int kVecBytes = 64;
#elif defined(__AVX2__)
inline constexpr int kVecBytes = 32;
#else
inline constexpr int kVecBytes = 16;
#endif

#define WG_SIMD __attribute__((always_inline)) inline

// Integer lanes wrap: arithmetic on them is done in the unsigned type.
template <class T>
struct Wrapping {
  using Type = T;
};
template <>
struct Wrapping<int32_t> {
  using Type = uint32_t;
};
template <>
struct Wrapping<int64_t> {
  using Type = uint64_t;
};

// In a struct of its own: within Vec, g++ takes constructors from T and from a dependent vector of T for the
// same one.
template <class T>
struct Register {
  typedef T Type __attribute__((vector_size(kVecBytes)));
};

template <class T>
struct Vec {
  using Raw = typename Register<T>::Type;
  using WrapRaw = typename Register<typename Wrapping<T>::Type>::Type;
  static constexpr int kLanes = kVecBytes / static_cast<int>(sizeof(T));
  Raw raw;

  Vec() = default;
  WG_SIMD Vec(Raw r) : raw(r) {}
  WG_SIMD explicit Vec(T x) : raw(x - Raw{}) {}  // minus zero keeps the sign of -0
};

template <class T>
struct Mask {
  using Raw = decltype(typename Vec<T>::Raw{} < typename Vec<T>::Raw{});
  Raw raw;
};

#define WG_VEC_OPERATOR(op)                                      \
  template <class T>                                             \
  WG_SIMD Vec<T> operator op(Vec<T> a, Vec<T> b) {               \
    using W = typename Vec<T>::WrapRaw;                          \
    return Vec<T>((typename Vec<T>::Raw)((W)a.raw op(W) b.raw)); \
  }
WG_VEC_OPERATOR(+)
WG_VEC_OPERATOR(-)
WG_VEC_OPERATOR(*)
#undef WG_VEC_OPERATOR
#define WG_VEC_BITWISE(op)                            \
  template <class T>                                  \
  WG_SIMD Vec<T> operator op(Vec<T> a, Vec<T> b) {    \
    return Vec<T>(a.raw op b.raw);                    \
  }                                                   \
  template <class T>                                  \
  WG_SIMD Mask<T> operator op(Mask<T> a, Mask<T> b) { \
    return {a.raw op b.raw};                          \
  }
WG_VEC_BITWISE(&)
WG_VEC_BITWISE(|)
WG_VEC_BITWISE(^)
#undef WG_VEC_BITWISE
#define WG_VEC_COMPARE(op)                          \
  template <class T>                                \
  WG_SIMD Mask<T> operator op(Vec<T> a, Vec<T> b) { \
    return {a.raw op b.raw};                        \
  }
WG_VEC_COMPARE(==)
WG_VEC_COMPARE(!=)
WG_VEC_COMPARE(<)
WG_VEC_COMPARE(<=)
WG_VEC_COMPARE(>)
WG_VEC_COMPARE(>=)
#undef WG_VEC_COMPARE

template <class T>
WG_SIMD Vec<T> operator/(Vec<T> a, Vec<T> b) {
  if constexpr (kIsFloat<T>) {
    return Vec<T>(a.raw / b.raw);
  } else {
    Vec<T> r;
    for (int i = 0; i < Vec<T>::kLanes; i++) r.raw[i] = safeDiv(a.raw[i], b.raw[i]);
    return r;
  }
}
template <class T>
WG_SIMD Vec<T> operator-(Vec<T> a) {
  if constexpr (kIsFloat<T>) return Vec<T>(-a.raw);
  else return Vec<T>(T(0)) - a;
}
template <class T>
WG_SIMD Vec<T> operator<<(Vec<T> a, int n) {
  return Vec<T>(a.raw << n);
}
template <class T>
WG_SIMD Vec<T> operator>>(Vec<T> a, int n) {
  return Vec<T>(a.raw >> n);
}

template <class M, class T>
WG_SIMD Vec<T> select(Mask<M> mask, Vec<T> a, Vec<T> b) {
  static_assert(sizeof(M) == sizeof(T));
  return Vec<T>(mask.raw ? a.raw : b.raw);
}

}  // namespace simd
}  // namespace WG_ISA
}  // namespace wg::cpu
