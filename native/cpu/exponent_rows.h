// Maxima of a few rows and sums of their exponentials: the first two passes of softmax and cross-entropy.
#pragma once
#include "row_groups.h"
#include "short_rows.h"
#include "simd/exponent.h"
#include "simd/stream.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// NaN may be passed over: it comes back through the sum of exponentials.
template <class T>
T largest(const Rows& x, const char* row, bool asks, T* stage) {
  T top = simd::lowest<T>();
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* const p = readRow(x, row, i, n, stage);
    top = asks ? simd::largestOf<true>(p, n, top) : simd::largestOf(p, n, top);
  }
  return top;
}

/// Σ exp(x - top) of a row; leaves the terms in `out` when there is one. The next rows begin `ahead` bytes
/// behind.
template <class T>
double sumExpRow(const Rows& x, const char* from, T top, const Rows* out, char* to, int64_t ahead) {
  alignas(64) T stage[2][kRowBlock];
  double sum = 0;
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, from, i, n, stage[0]);
    if (out == nullptr) {
      sum += simd::sumExp<false, T>(p, n, top, nullptr, ahead);
      continue;
    }
    sum += simd::sumExp<true>(p, n, top, writeRow(*out, to, i, stage[1]), ahead);
    flushRow(*out, to, i, n, stage[1]);
  }
  return sum;
}

/// A few rows, and the sums that say what becomes of them.
template <class T>
struct ExponentRows {
  const char* from[kTogether];
  T top[kTogether];
  double sum[kTogether];

  /// Maxima and sums alone, of short rows. False: they are not.
  __attribute__((noinline)) bool addShort(const Rows& x, int64_t first, int64_t n) {
    return ofShortRows<T>(x.width, [&]<int N>() {
      alignas(64) T stage[N * simd::Vec<T>::kLanes];
      const auto row = [&](int64_t r) __attribute__((always_inline)) {
        return ShortRow<T, N>(readRow(x, from[r], 0, x.width, stage), x.width);
      };
      for (int64_t r = 0; r < n; r++) {
        from[r] = at(x.start, first + r);
        top[r] = row(r).largest();
      }
      for (int64_t r = 0; r < n; r++) sum[r] = row(r).exponentials(top[r]);
      for (int64_t r = n; r < kTogether; r++) sum[r] = 1;
    });
  }

  /// Keeps the terms at `to`, in rows like those of `out`, when there is one.
  void add(const Rows& x, int64_t first, int64_t n, const Rows* out, char* const* to) {
    alignas(64) T stage[kRowBlock];
    // From memory the maximum's own pass asks, a few lines ahead; from caches the exponentials, for the next
    // rows.
    const bool large = x.count * x.width * x.item >= 2 * simd::kStreamBytes;
    for (int64_t r = 0; r < n; r++) {
      from[r] = at(x.start, first + r);
      top[r] = largest(x, from[r], large, stage);
    }
    const int64_t ahead = large ? 0 : toNext(x, first, n);
    for (int64_t r = 0; r < n; r++)
      sum[r] = sumExpRow(x, from[r], top[r], out, out == nullptr ? nullptr : to[r], ahead);
    for (int64_t r = n; r < kTogether; r++) sum[r] = 1;
  }
  /// Rows whose sums are logarithms.
  static ExponentRows inLogs(const Rows& x, int64_t first, int64_t n) {
    ExponentRows group;
    if (!group.addShort(x, first, n)) group.add(x, first, n, nullptr, nullptr);
    simd::logsOf(group.sum, n);
    return group;
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
