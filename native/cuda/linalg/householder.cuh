// Householder reflections H = I - tau v vᵀ with LAPACK's signs (dlarfg). Matrices are held so that every
// vector is contiguous; a warp takes a vector.
#pragma once
#include "matrix.cuh"

namespace wg::cuda {

WG_DEV double warpDot(const double* x, const double* y, int n) {
  double sum[2] = {};
  int i = laneId();
  for (; i + kWarp < n; i += 2 * kWarp) {
    sum[0] += x[i] * y[i];
    sum[1] += x[i + kWarp] * y[i + kWarp];
  }
  if (i < n) sum[0] += x[i] * y[i];
  return warpSum(sum[0] + sum[1]);
}
WG_DEV void warpAxpy(double* y, double a, const double* x, int n) {
  for (int i = laneId(); i < n; i += kWarp) y[i] += a * x[i];
}

/// Euclidean norm without overflow.
WG_DEV double warpNorm(const double* x, int n) {
  double most = 0;
  for (int i = laneId(); i < n; i += kWarp) most = abs(x[i]) > most ? abs(x[i]) : most;
  most = warpMax(most);
  if (!(most > 0)) return most;
  if (most > 1e-140 && most < 1e140) return sqrt(warpDot(x, x, n));
  double sum = 0;
  for (int i = laneId(); i < n; i += kWarp) sum += (x[i] / most) * (x[i] / most);
  return most * sqrt(warpSum(sum));
}

/// By one warp: makes x [n] the vector of a reflection that maps it to (beta, 0, …): x[0] becomes 1. Returns
/// tau, 0 for none.
WG_DEV double reflect(double* x, int n, double& beta) {
  const double alpha = x[0], rest = n > 1 ? warpNorm(x + 1, n - 1) : 0;
  __syncwarp();
  beta = alpha;
  if (laneId() == 0) x[0] = 1;
  if (rest == 0) return 0;
  const double size = magnitude(alpha, rest);
  beta = alpha >= 0 ? -size : size;
  const double divisor = alpha - beta;
  for (int i = 1 + laneId(); i < n; i += kWarp) x[i] /= divisor;
  return (beta - alpha) / beta;
}

/// By one warp: y [n] becomes H y.
WG_DEV void applyReflection(double* y, const double* v, double tau, int n) {
  warpAxpy(y, -tau * warpDot(v, y, n), v, n);
}

/// f(i) for i from `first` to `end`, a warp each: whichever `first`, i is always the same warp's.
template <class F>
WG_DEV void forEachByWarp(int first, int end, F f) {
  const int warps = warpsOfBlock(), behind = (first - warpId()) % warps;
  for (int i = behind == 0 ? first : first + (behind > 0 ? warps - behind : -behind); i < end; i += warps)
    f(i);
}

/// The rank of each x[i] among n numbers, of equals the first first: to[rank] = i.
WG_DEV void sortRanks(const double* x, int n, bool descending, int32_t* to) {
  forEach(n, [&](int64_t i) {
    int rank = 0;
    for (int j = 0; j < n; j++) {
      const bool before = descending ? x[j] > x[i] : x[j] < x[i];
      rank += before || (x[j] == x[i] && j < i);
    }
    to[rank] = static_cast<int32_t>(i);
  });
  syncBlock();
}

}  // namespace wg::cuda
