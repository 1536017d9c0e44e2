// Layer and root-mean-square normalisation along the last axis. A row is passed over twice while it stays in
// the cache: mean and variance (moments.h), result.
#include "norm.h"

#include "moments.h"

WG_PROTOTYPES(WG_NORM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

constexpr int64_t kAskedRow = 512;  // of shorter rows, what follows is worked on before it could come

/// Σ x² of at most kRowBlock elements.
template <class T>
double sumSquares(const T* p, int64_t n) {
  using V = Vec<T>;
  V sum[4] = {V(T(0)), V(T(0)), V(T(0)), V(T(0))};
  int64_t i = 0;
  for (; i + 4 * V::kLanes <= n; i += 4 * V::kLanes) {
    for (int k = 0; k < 4; k++) {
      const V d = simd::load<V>(p + i + k * V::kLanes);
      sum[k] = sum[k] + d * d;
    }
  }
  for (; i + V::kLanes <= n; i += V::kLanes) {
    const V d = simd::load<V>(p + i);
    sum[0] = sum[0] + d * d;
  }
  double rest = 0;
  for (; i < n; i++) rest += static_cast<double>(p[i]) * static_cast<double>(p[i]);
  return simd::addLanes((sum[0] + sum[1]) + (sum[2] + sum[3])) + rest;
}

/// Mean of a row, 0 unless it is to be centered, and the squares around it.
template <class T>
Moments momentsOf(bool center, bool asks, const Rows& x, const char* row, T* stage) {
  Deviations<T> state;
  state.asks = asks;
  double squares = 0;
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, row, i, n, stage);
    if (center) state.add(p, n);
    else squares += sumSquares(p, n);
  }
  return center ? state.sum : Moments{static_cast<double>(x.width), 0, squares};
}

template <class T>
void normRow(bool streams, const Rows& out, char* to, const Rows& x, const char* from, const Vector& weight,
             const Vector& bias, T mean, T rstd) {
  using V = Vec<T>;
  alignas(64) T stage[4][kRowBlock];
  const V shift(mean), scale(rstd);
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, from, i, n, stage[0]);
    T* y = writeRow(out, to, i, stage[1]);
    const T* w = readVector(weight, i, n, stage[2]);
    const T* b = readVector(bias, i, n, stage[3]);
    const auto normal = [=](auto load) { return (load(p) - shift) * scale; };
    if (w != nullptr && b != nullptr)
      eachRegister(streams, y, n, [=](auto load) { return normal(load) * load(w) + load(b); });
    else if (w != nullptr) eachRegister(streams, y, n, [=](auto load) { return normal(load) * load(w); });
    else if (b != nullptr) eachRegister(streams, y, n, [=](auto load) { return normal(load) + load(b); });
    else eachRegister(streams, y, n, normal);
    flushRow(out, to, i, n, stage[1]);
  }
}

}  // namespace

void rowNorm(Stream& s, const Out& out, const Out& mean, const Out& rstd, const In& x, const MaybeIn& weight,
             const MaybeIn& bias, const double& eps, const int32_t& center) {
  if (!require(s, x.rank >= 1, "rowNorm: wants a last axis") || !sameTensor(s, x, out) ||
      !sameRows(s, x, mean) || !sameRows(s, x, rstd) || (weight.data && !sameVector(s, x, weight)) ||
      (bias.data && !sameVector(s, x, bias)))
    return;
  const Rows to = rowsOf(out), from = rowsOf(x);
  const Walk means = walkOf(mean), rstds = walkOf(rstd);
  const Vector w = vectorOf(weight), b = vectorOf(bias);
  const bool streams = streamsPast(out, to, 2), asks = streams || from.width >= kAskedRow;
  withFloat(s, x.dtype, "rowNorm", [&]<class T>() {
    forEachRows(s, from.count, from.width, rowsTogether(from.width, from.item), [&](int64_t i, int64_t n) {
      alignas(64) T stage[kRowBlock];
      Moments found[kTogether];
      for (int64_t r = 0; r < n; r++)
        found[r] = momentsOf<T>(center != 0, asks, from, at(from.start, i + r), stage);
      for (int64_t r = 0; r < n; r++) {
        const double variance = found[r].square / static_cast<double>(from.width);
        const T m = static_cast<T>(found[r].mean), k = static_cast<T>(1.0 / __builtin_sqrt(variance + eps));
        *reinterpret_cast<T*>(at(means, i + r)) = m;
        *reinterpret_cast<T*>(at(rstds, i + r)) = k;
        normRow<T>(streams, to, at(to.start, i + r), from, at(from.start, i + r), w, b, m, k);
      }
      if (streams) simd::endStreaming();
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
