// Bodies of integers alone: bits, shifts, common divisors. Plain scalars, which compilers vectorise.
#pragma once
#include "scalar.h"

/// F(X, struct below, kernel name).
#define WG_BITWISE(F, X)                     \
  F(X, BitwiseAnd, bitwiseAnd)               \
  F(X, BitwiseOr, bitwiseOr)                 \
  F(X, BitwiseXor, bitwiseXor)               \
  F(X, BitwiseLeftShift, bitwiseLeftShift)   \
  F(X, BitwiseRightShift, bitwiseRightShift) \
  F(X, Gcd, gcd)                             \
  F(X, Lcm, lcm)

namespace wg {
inline namespace WG_ISA {
namespace op {

#define WG_BITS(Name, op)            \
  struct Name {                      \
    template <class T>               \
    WG_HD static T value(T a, T b) { \
      return static_cast<T>(a op b); \
    }                                \
  };
WG_BITS(BitwiseAnd, &)
WG_BITS(BitwiseOr, |)
WG_BITS(BitwiseXor, ^)
#undef WG_BITS

/// Shifts by a negative count, or by as many bits as there are, leave nothing of a number but its sign.
struct BitwiseLeftShift {
  template <class T>
  WG_HD static T value(T a, T b) {
    constexpr uint64_t kBits = sizeof(T) * 8;
    const uint64_t count = static_cast<uint64_t>(b);  // negative counts become huge
    const uint64_t shifted = static_cast<uint64_t>(a) << (count & 63);
    return select(count < kBits, static_cast<T>(shifted), T(0));
  }
};
struct BitwiseRightShift {
  template <class T>
  WG_HD static T value(T a, T b) {
    constexpr uint64_t kBits = sizeof(T) * 8;
    const uint64_t count = static_cast<uint64_t>(b);
    const T sign = static_cast<T>(a < T(0) ? T(-1) : T(0));
    return select(count < kBits, static_cast<T>(a >> (count & (kBits - 1))), sign);
  }
};

template <class T>
WG_HD T wrapAbs(T a) {
  return a < T(0) ? wrapSub(T(0), a) : a;
}
/// Euclid's algorithm; of 0 and x it is |x|.
struct Gcd {
  template <class T>
  WG_HD static T value(T a, T b) {
    while (b != T(0)) {
      const T rest = safeMod(a, b);
      a = b;
      b = rest;
    }
    return wrapAbs(a);
  }
};
struct Lcm {
  template <class T>
  WG_HD static T value(T a, T b) {
    return wrapAbs(wrapMul(safeDiv(a, Gcd::value(a, b)), b));
  }
};

}  // namespace op
}  // namespace WG_ISA
}  // namespace wg
