// The vocabulary of element bodies for plain scalars: what native/cpu/simd/vec.h offers for SIMD registers,
// spelled the same, so that one body serves float, double and Vec<T>.
#pragma once
#include <cstdint>

#ifndef WG_ISA
#define WG_ISA generic
#endif

// Bodies are always inlined: they are the inner loop. WG_HD_CALLED is for what is long and rare.
#ifdef __CUDACC__
#define WG_HD __host__ __device__ __forceinline__
#define WG_HD_CALLED inline __host__ __device__ __noinline__
#else
#define WG_HD __attribute__((always_inline)) inline
#define WG_HD_CALLED inline
#endif

namespace wg {
inline namespace WG_ISA {

/// What the lanes of a value type are made of; of a scalar, itself.
template <class V>
struct ValueTraits;
template <>
struct ValueTraits<float> {
  using Element = float;
  using Bits = uint32_t;
};
template <>
struct ValueTraits<double> {
  using Element = double;
  using Bits = uint64_t;
};
#define WG_INTEGER_TRAITS(type) \
  template <>                   \
  struct ValueTraits<type> {    \
    using Element = type;       \
    using Bits = type;          \
  };
WG_INTEGER_TRAITS(int32_t)
WG_INTEGER_TRAITS(int64_t)
WG_INTEGER_TRAITS(uint8_t)
#undef WG_INTEGER_TRAITS

template <class V>
using ElementOf = typename ValueTraits<V>::Element;
template <class V>
using BitsOf = typename ValueTraits<V>::Bits;

/// Constants of the floating-point formats.
template <class T>
struct Format;
template <>
struct Format<float> {
  static constexpr int kMantissa = 23;
  static constexpr uint32_t kBias = 127, kSign = 0x80000000u;
  static constexpr float kRounder =
      12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer kept in the low bits
  static constexpr float kInf = __builtin_inff(), kNaN = __builtin_nanf(""), kMinNormal = 0x1p-126f;
};
template <>
struct Format<double> {
  static constexpr int kMantissa = 52;
  static constexpr uint64_t kBias = 1023, kSign = 0x8000000000000000u;
  static constexpr double kRounder = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double kInf = __builtin_inf(), kNaN = __builtin_nan(""), kMinNormal = 0x1p-1022;
};

template <class T>
inline constexpr bool kIsFloat = false;
template <>
inline constexpr bool kIsFloat<float> = true;
template <>
inline constexpr bool kIsFloat<double> = true;

template <class T>
WG_HD T select(bool mask, T a, T b) {
  return mask ? a : b;
}
/// a where it is greater (smaller), else b: b when either is NaN.
template <class T>
WG_HD T maxNum(T a, T b) {
  return a > b ? a : b;
}
template <class T>
WG_HD T minNum(T a, T b) {
  return a < b ? a : b;
}
WG_HD bool anyOf(bool mask) { return mask; }

WG_HD uint32_t bitsOf(float x) { return __builtin_bit_cast(uint32_t, x); }
WG_HD uint64_t bitsOf(double x) { return __builtin_bit_cast(uint64_t, x); }
template <class V>
WG_HD V fromBits(uint32_t bits) {
  return __builtin_bit_cast(V, bits);
}
template <class V>
WG_HD V fromBits(uint64_t bits) {
  return __builtin_bit_cast(V, bits);
}

WG_HD float sqrt(float x) { return __builtin_sqrtf(x); }
WG_HD double sqrt(double x) { return __builtin_sqrt(x); }
WG_HD float floor(float x) { return __builtin_floorf(x); }
WG_HD double floor(double x) { return __builtin_floor(x); }
WG_HD float abs(float x) { return __builtin_fabsf(x); }
WG_HD double abs(double x) { return __builtin_fabs(x); }

/// a * b = high + low exactly. Only with a hardware fused multiply-add; Dekker's splitting otherwise.
WG_HD void exactProduct(double a, double b, double& high, double& low) {
  high = a * b;
#if defined(__FMA__) || defined(__CUDACC__) || defined(__aarch64__)
  low = __builtin_fma(a, b, -high);
#else
  const double ca = 134217729.0 * a, cb = 134217729.0 * b;  // 2^27 + 1
  const double ah = ca - (ca - a), bh = cb - (cb - b), al = a - ah, bl = b - bh;
  low = ((ah * bh - high) + ah * bl + al * bh) + al * bl;
#endif
}

/// x * 2^n for integer-valued n, correctly rounded in the denormal range.
template <class T>
WG_HD T scaleByPowerOf2(T x, T n) {
  using F = Format<T>;
  // In two factors, because 2^n itself may be outside the normal range.
  const T magic = F::kRounder, half = n * T(0.5) + magic, rest = (n - (half - magic)) + magic;
  return x * fromBits<T>((bitsOf(half) << F::kMantissa) + (F::kBias << F::kMantissa)) *
         fromBits<T>((bitsOf(rest) << F::kMantissa) + (F::kBias << F::kMantissa));
}

/// f applied to float operands carried in double.
template <class F>
WG_HD float throughDouble(float x, float y, F f) {
  return static_cast<float>(f(static_cast<double>(x), static_cast<double>(y)));
}

/// f applied lane by lane: for the rare values a body has no polynomial for.
template <class T, class F>
WG_HD T mapLanes(T x, T y, F f) {
  return f(x, y);
}

// Integers wrap; nothing a tensor holds may trap or be undefined.
template <class T>
WG_HD T wrapAdd(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
template <class T>
WG_HD T wrapSub(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}
template <class T>
WG_HD T wrapMul(T a, T b) {
  return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}
/// Quotient towards zero; x / 0 is 0 and the one overflow wraps.
template <class T>
WG_HD T safeDiv(T a, T b) {
  if (b == T(0)) return T(0);
  if (b == static_cast<T>(-1)) return wrapSub(T(0), a);  // 255 for uint8 is caught below
  return static_cast<T>(a / b);
}
template <>
WG_HD uint8_t safeDiv(uint8_t a, uint8_t b) {
  return b == 0 ? uint8_t{0} : static_cast<uint8_t>(a / b);
}
/// What safeDiv leaves over: the sign of a, and 0 where there is no quotient.
template <class T>
WG_HD T safeMod(T a, T b) {
  return b == T(0) ? T(0) : wrapSub(a, wrapMul(safeDiv(a, b), b));
}
/// Integer power by squaring; a negative exponent gives 0 except for bases 1 and -1, as in PyTorch.
template <class T>
WG_HD T intPow(T base, T exponent) {
  if constexpr (static_cast<T>(-1) < T(0)) {
    if (exponent < T(0)) {
      if (base == T(1)) return T(1);
      if (base == T(-1)) return (exponent & T(1)) != T(0) ? T(-1) : T(1);
      return T(0);
    }
  }
  T result = T(1);
  for (; exponent != T(0); exponent = static_cast<T>(exponent >> 1)) {
    if ((exponent & T(1)) != T(0)) result = wrapMul(result, base);
    base = wrapMul(base, base);
  }
  return result;
}

/// An integer with the arithmetic of tensors, as registers have it: it wraps, and dividing by 0 gives 0.
template <class T>
struct Whole {
  T value;

  Whole() = default;
  WG_HD explicit Whole(T x) : value(x) {}

  WG_HD friend Whole operator+(Whole a, Whole b) { return Whole(wrapAdd(a.value, b.value)); }
  WG_HD friend Whole operator-(Whole a, Whole b) { return Whole(wrapSub(a.value, b.value)); }
  WG_HD friend Whole operator*(Whole a, Whole b) { return Whole(wrapMul(a.value, b.value)); }
  WG_HD friend Whole operator/(Whole a, Whole b) { return Whole(safeDiv(a.value, b.value)); }
  WG_HD friend Whole operator-(Whole a) { return Whole(wrapSub(T(0), a.value)); }
  WG_HD friend bool operator==(Whole a, Whole b) { return a.value == b.value; }
  WG_HD friend bool operator!=(Whole a, Whole b) { return a.value != b.value; }
  WG_HD friend bool operator<(Whole a, Whole b) { return a.value < b.value; }
  WG_HD friend bool operator<=(Whole a, Whole b) { return a.value <= b.value; }
  WG_HD friend bool operator>(Whole a, Whole b) { return a.value > b.value; }
  WG_HD friend bool operator>=(Whole a, Whole b) { return a.value >= b.value; }
};
template <class T>
struct ValueTraits<Whole<T>> {
  using Element = T;
  using Bits = T;
};
template <class T>
WG_HD Whole<T> abs(Whole<T> x) {
  return x < Whole<T>(T(0)) ? -x : x;
}
template <class T>
WG_HD Whole<T> floor(Whole<T> x) {
  return x;
}
template <class T>
WG_HD Whole<T> intPow(Whole<T> base, Whole<T> exponent) {
  return Whole<T>(intPow(base.value, exponent.value));
}

}  // namespace WG_ISA
}  // namespace wg
