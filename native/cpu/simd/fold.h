// Folding a run of contiguous values with vector accumulators: sums in a fixed
// cascade, extremes, and where they are. A state takes its run in pieces; the
// pieces' sizes are functions of the shape, so results are too.
#pragma once
#include "part.h"
#include "shuffle.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace simd {

/// Smallest and largest values of a type.
template <class T>
WG_SIMD T lowest() {
  if constexpr (kIsFloat<T>) return -Format<T>::kInf;
  else if constexpr (static_cast<T>(-1) < T(0)) return static_cast<T>(T(1) << (sizeof(T) * 8 - 1));
  else return T(0);
}
template <class T>
WG_SIMD T highest() {
  if constexpr (kIsFloat<T>) return Format<T>::kInf;
  else return static_cast<T>(~lowest<T>());
}

/// Lines ahead that a fold asks for whose input is more than the caches hold (kStreamBytes): a core's own
/// prefetchers keep too few on their way from memory. Out of the caches asking would cost a sixteenth.
inline constexpr int64_t kFoldAhead = 32;

/// Asks for the line `bytes` behind p's, once a line.
template <bool kAsks, class T>
WG_SIMD void askBehind(const T* p, int k, int64_t bytes = kFoldAhead * 64) {
  if constexpr (kAsks) {
    constexpr int kEach = kVecBytes < 64 ? 64 / kVecBytes : 1;
    if (k % kEach == 0) __builtin_prefetch(reinterpret_cast<const char*>(p) + bytes);
  }
}

/// Sum of floats. Eight accumulators take 16 vectors each, make one vector, and
/// such vectors are added in groups of 16, of 256 and so on: about log n
/// roundings instead of n, at the speed of a plain loop.
template <class T>
struct SumState {
  using V = Vec<T>;
  static constexpr int64_t kLeaf = 128 * V::kLanes;
  V level[3] = {V(T(0)), V(T(0)), V(T(0))};
  int64_t leaves = 0;
  bool asks = false;

  template <bool kAsks>
  static WG_SIMD V leaf(const T* p, int64_t n) {
    V acc[8];
    for (int k = 0; k < 8; k++) acc[k] = V(T(0));
    int64_t i = 0;
    for (; i + 8 * V::kLanes <= n; i += 8 * V::kLanes) {
      for (int k = 0; k < 8; k++) {
        const T* const from = p + i + k * V::kLanes;
        askBehind<kAsks>(from, k);
        acc[k] = acc[k] + load<V>(from);
      }
    }
    for (; i + V::kLanes <= n; i += V::kLanes) acc[0] = acc[0] + load<V>(p + i);
    if (i < n) acc[1] = acc[1] + loadPart<V>(p + i, n - i);
    return ((acc[0] + acc[1]) + (acc[2] + acc[3])) + ((acc[4] + acc[5]) + (acc[6] + acc[7]));
  }
  WG_SIMD void push(V v) {
    level[0] = level[0] + v;
    leaves++;
    if ((leaves & 15) != 0) return;
    level[1] = level[1] + level[0];
    level[0] = V(T(0));
    if ((leaves & 255) != 0) return;
    level[2] = level[2] + level[1];
    level[1] = V(T(0));
  }
  __attribute__((noinline)) void add(const T* p, int64_t n) {
    for (int64_t i = 0; i < n; i += kLeaf) {
      const int64_t count = n - i < kLeaf ? n - i : kLeaf;
      push(asks ? leaf<true>(p + i, count) : leaf<false>(p + i, count));
    }
  }
  WG_SIMD double total() const { return addLanes((level[0] + level[1]) + level[2]); }
  /// total() of a state that added these n elements at once.
  static __attribute__((noinline)) double of(const T* p, int64_t n, bool asks = false) {
    if (n <= kLeaf) return addLanes(V(T(0)) + (asks ? leaf<true>(p, n) : leaf<false>(p, n)));
    SumState state;
    state.asks = asks;
    state.add(p, n);
    return state.total();
  }
};

/// Largest of n floats and `top`; a NaN may or may not be passed over, so that
/// every value is its own if it matters.
template <bool kAsks = false, class T>
__attribute__((noinline)) T largestOf(const T* p, int64_t n, T top) {
  using V = Vec<T>;
  V best[4] = {V(top), V(top), V(top), V(top)};
  int64_t i = 0;
  for (; i + 4 * V::kLanes <= n; i += 4 * V::kLanes) {
    for (int k = 0; k < 4; k++) {
      const T* const from = p + i + k * V::kLanes;
      askBehind<kAsks>(from, k);
      best[k] = maxNum(load<V>(from), best[k]);
    }
  }
  for (int k = 0; i < n; i += V::kLanes, k = (k + 1) & 3) {
    const int64_t left = n - i;
    best[k] = maxNum(left >= V::kLanes ? load<V>(p + i) : loadPart<T>(p + i, left, best[k]), best[k]);
  }
  return foldRegister(maxNum(maxNum(best[0], best[1]), maxNum(best[2], best[3])),
                      [](V a, V b) { return maxNum(a, b); });
}

/// Largest (or smallest) value; NaN wins.
template <class T, bool kLargest>
struct ExtremeState {
  using V = Vec<T>;
  V best = V(kLargest ? lowest<T>() : highest<T>());
  V strange = V(T(0));  // keeps a NaN once seen
  bool asks = false;

  static WG_SIMD V better(V a, V b) {
    if constexpr (kLargest) return maxNum(a, b);
    else return minNum(a, b);
  }
  /// Keeps a NaN of the run, which has one or opposite infinities.
  __attribute__((noinline, cold)) void look(const T* p, int64_t n) {
    for (int64_t i = 0; i < n; i += V::kLanes) {
      const V x = n - i >= V::kLanes ? load<V>(p + i) : loadPart<T>(p + i, n - i, V(p[i]));
      strange = select(x == x, strange, x);
    }
  }
  __attribute__((noinline)) void add(const T* p, int64_t n) {
    V b[4] = {best, best, best, best};
    // A sum is not a number if a term is not: one addition a register instead
    // of a comparison and a choice.
    V sum[4] = {V(T(0)), V(T(0)), V(T(0)), V(T(0))};
    const auto take = [&](V x, int k) {
      b[k] = better(x, b[k]);
      if constexpr (kIsFloat<T>) sum[k] = sum[k] + x;
    };
    int64_t i = 0;
    const auto takeMany = [&]<bool kAsks>() {
      for (; i + 4 * V::kLanes <= n; i += 4 * V::kLanes) {
        for (int k = 0; k < 4; k++) {
          const T* const from = p + i + k * V::kLanes;
          askBehind<kAsks>(from, k);
          take(load<V>(from), k);
        }
      }
    };
    if (asks) takeMany.template operator()<true>();
    else takeMany.template operator()<false>();
    for (; i + V::kLanes <= n; i += V::kLanes) take(load<V>(p + i), 0);
    // The lanes behind the end repeat the first element, which changes neither
    // extremes nor NaNs.
    if (i < n) take(loadPart<T>(p + i, n - i, V(p[i])), 1);
    best = better(better(b[0], b[1]), better(b[2], b[3]));
    if constexpr (kIsFloat<T>) {
      const V all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
      if (anyOf(all != all)) look(p, n);
    }
  }
  WG_SIMD T value() const {
    if constexpr (kIsFloat<T>) {
      if (anyOf(strange != strange)) return Format<T>::kNaN;
    }
    if constexpr (sizeof(T) >= 4) return foldRegister(best, [](V a, V b) { return better(a, b); });
    else return foldLanes(best, [](T a, T b) { return kLargest == (a > b) ? a : b; });
  }
};

/// Largest (or smallest) value and the first place it has; the first NaN wins.
template <class T, bool kLargest>
struct PlaceState {
  using V = Vec<T>;
  static constexpr int64_t kBlock = 4096;
  T best = kLargest ? lowest<T>() : highest<T>();
  int64_t index = 0;
  int64_t seen = 0;
  bool asks = false;

  static WG_SIMD bool isNaN(T x) { return x != x; }
  static WG_SIMD bool beats(T a, T b) { return (kLargest ? a > b : a < b) || (isNaN(a) && !isNaN(b)); }

  /// First position of `top` among n values that contain it.
  static WG_SIMD int64_t find(const T* p, int64_t n, T top) {
    const V wanted(top);
    if (isNaN(top))
      return search(
          p, n, [](V x) { return x != x; }, [](T x) { return isNaN(x); });
    return search(
        p, n, [wanted](V x) { return x == wanted; }, [top](T x) { return x == top; });
  }
  template <class Many, class One>
  static WG_SIMD int64_t search(const T* p, int64_t n, Many many, One one) {
    const auto at = [&](int64_t i, int k) { return many(load<V>(p + i + k * V::kLanes)); };
    int64_t i = 0;
    for (; i + 4 * V::kLanes <= n; i += 4 * V::kLanes) {
      if (anyOf((at(i, 0) | at(i, 1)) | (at(i, 2) | at(i, 3)))) break;
    }
    for (; i + V::kLanes <= n; i += V::kLanes) {
      if (anyOf(at(i, 0))) break;
    }
    while (i + 1 < n && !one(p[i])) i++;
    return i;
  }
  // The extreme of a block first, then, only if it is new, its place: two
  // passes, the second over cached data.
  __attribute__((noinline)) void add(const T* p, int64_t n) {
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t m = n - i < kBlock ? n - i : kBlock;
      ExtremeState<T, kLargest> block;
      block.asks = asks;
      block.add(p + i, m);
      const T top = block.value();
      if (beats(top, best)) {
        best = top;
        index = seen + i + find(p + i, m, top);
      }
    }
    seen += n;
  }
};

}  // namespace simd
}  // namespace WG_ISA
}  // namespace wg::cpu
