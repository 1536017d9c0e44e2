// Moving lanes about: interleaving two registers, and folding one in a fixed tree.
#pragma once
#include "vec.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace simd {

/// The lanes of a and b in turns, from their first halves or, with kUpper, their second.
template <bool kUpper, class T>
WG_SIMD Vec<T> interleave(Vec<T> a, Vec<T> b) {
#define WG_ZIP(...) return Vec<T>(__builtin_shufflevector(a.raw, b.raw, __VA_ARGS__))
  constexpr int kLanes = Vec<T>::kLanes;
  if constexpr (kLanes == 16 && !kUpper) WG_ZIP(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  else if constexpr (kLanes == 16) WG_ZIP(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  else if constexpr (kLanes == 8 && !kUpper) WG_ZIP(0, 8, 1, 9, 2, 10, 3, 11);
  else if constexpr (kLanes == 8) WG_ZIP(4, 12, 5, 13, 6, 14, 7, 15);
  else if constexpr (kLanes == 4 && !kUpper) WG_ZIP(0, 4, 1, 5);
  else if constexpr (kLanes == 4) WG_ZIP(2, 6, 3, 7);
  else if constexpr (!kUpper) WG_ZIP(0, 2);
  else WG_ZIP(1, 3);
#undef WG_ZIP
}

/// Lane i of the result is lane i ^ H: one instruction, of one cycle within 16 bytes.
template <int H, class T>
WG_SIMD Vec<T> swapped(Vec<T> v) {
#define WG_SWAP(...) return Vec<T>(__builtin_shufflevector(v.raw, v.raw, __VA_ARGS__))
  constexpr int kLanes = Vec<T>::kLanes;
  if constexpr (kLanes == 16)
    WG_SWAP(0 ^ H, 1 ^ H, 2 ^ H, 3 ^ H, 4 ^ H, 5 ^ H, 6 ^ H, 7 ^ H, 8 ^ H, 9 ^ H, 10 ^ H, 11 ^ H, 12 ^ H,
            13 ^ H, 14 ^ H, 15 ^ H);
  else if constexpr (kLanes == 8) WG_SWAP(0 ^ H, 1 ^ H, 2 ^ H, 3 ^ H, 4 ^ H, 5 ^ H, 6 ^ H, 7 ^ H);
  else if constexpr (kLanes == 4) WG_SWAP(0 ^ H, 1 ^ H, 2 ^ H, 3 ^ H);
  else WG_SWAP(0 ^ H, 1 ^ H);
#undef WG_SWAP
}

/// The lanes folded by f(Vec, Vec), halves onto halves as foldLanes does, for lanes of 4 or 8 bytes.
template <int kHalf, class T, class F>
WG_SIMD Vec<T> foldHalves(Vec<T> v, F f) {
  if constexpr (kHalf == 0) return v;
  else return foldHalves<kHalf / 2>(f(v, swapped<kHalf>(v)), f);
}
template <class T, class F>
WG_SIMD T foldRegister(Vec<T> v, F f) {
  return foldHalves<Vec<T>::kLanes / 2>(v, f).raw[0];
}
/// sumLanes without a way through memory; the same bits.
WG_SIMD double addLanes(Vec<double> v) {
  return foldRegister(v, [](Vec<double> a, Vec<double> b) { return a + b; });
}
WG_SIMD double addLanes(Vec<float> v) { return addLanes(widenLow(v) + widenHigh(v)); }

}  // namespace simd
}  // namespace WG_ISA
}  // namespace wg::cpu
