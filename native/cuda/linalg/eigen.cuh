// Eigenvalues and eigenvectors of symmetric matrices: Householder reduction to tridiagonal form, then the
// implicit QL iteration (Bowdler, Martin, Reinsch and Wilkinson 1968; EISPACK tred2 and tql2). Vectors are
// held as rows. One thread iterates; the turns of a sweep are recorded and applied by all.
#pragma once
#include "householder.cuh"

namespace wg::cuda {

/// a [n, n], full and symmetric, becomes tridiagonal: diagonal d, next to it e; row k of a keeps its
/// reflection. p holds n doubles.
WG_DEV void tridiagonalize(double* a, int n, double* d, double* e, double* tau, double* p) {
  const int64_t row = n;
  for (int k = 0; k + 1 < n; k++) {
    double* const v = a + k * row + k + 1;
    const int size = n - k - 1;
    if (warpId() == 0) {
      double beta;
      const double t = reflect(v, size, beta);
      if (laneId() == 0) {
        d[k] = a[k * row + k];
        e[k] = beta;
        tau[k] = t;
      }
    }
    syncBlock();
    const double t = tau[k];
    if (t == 0) continue;
    double* const rest = v + row;
    forEachByWarp(0, size, [&](int i) {
      const double sum = t * warpDot(rest + i * row, v, size);
      if (laneId() == 0) p[i] = sum;
    });
    syncBlock();
    // Every warp finds for itself what p lacks: with it, p would have to be written and waited for again.
    const double factor = -0.5 * t * warpDot(p, v, size);
    forEachByWarp(0, size, [&](int i) {
      const double x = v[i], y = p[i] + factor * v[i];
      for (int j = laneId(); j < size; j += kWarp) rest[i * row + j] -= x * (p[j] + factor * v[j]) + y * v[j];
    });
    syncBlock();
  }
  if (threadIdx.x == 0) d[n - 1] = a[row * n - 1];
  syncBlock();
}

/// Rows q [n, n]: the transpose of the reflections' product.
WG_DEV void formTridiagonalQ(const double* a, int n, const double* tau, double* q) {
  const int64_t row = n;
  setIdentity(q, n, n);
  syncBlock();
  for (int k = n - 2; k >= 0; k--)
    forEachByWarp(k + 1, n, [&](int i) {
      applyReflection(q + i * row + k + 1, a + k * row + k + 1, tau[k], n - k - 1);
      __syncwarp();
    });
  syncBlock();
}

/// Where the iteration stands.
struct QlState {
  int l = 0, m = 0, round = 0;
  double shift = 0, largest = 0;
  bool inside = false;  ///< a sweep from l to m has been made
};
enum class Sweep : int { done, failed, made };

/// By one thread: the next sweep over the tridiagonal matrix; its turns of rows i and i + 1, for i from
/// state.m - 1 down to state.l, are recorded.
WG_DEV Sweep nextSweep(QlState& state, double* d, double* e, int n, double* cosines, double* sines) {
  constexpr double kEpsilon = 0x1p-52;
  for (;;) {
    const int l = state.l;
    bool more = true;
    if (state.inside) {
      more = abs(e[l]) > kEpsilon * state.largest;
    } else {
      if (l == n) return Sweep::done;
      const double size = abs(d[l]) + abs(e[l]);
      if (size > state.largest) state.largest = size;
      state.m = l;
      while (state.m < n - 1 && !(abs(e[state.m]) <= kEpsilon * state.largest)) state.m++;
      state.round = 0;
      state.inside = true;
      more = state.m > l;
    }
    if (more) break;
    d[l] += state.shift;
    e[l] = 0;
    state.l++;
    state.inside = false;
  }
  if (state.round++ == 60) return Sweep::failed;
  const int l = state.l, m = state.m;
  const double g = d[l];
  double p = (d[l + 1] - g) / (2 * e[l]);
  double r = magnitude(p, 1);
  if (p < 0) r = -r;
  d[l] = e[l] / (p + r);
  d[l + 1] = e[l] * (p + r);
  const double next = d[l + 1], h = g - d[l];
  for (int i = l + 2; i < n; i++) d[i] -= h;
  state.shift += h;
  p = d[m];
  double c = 1, c2 = 1, c3 = 1, s = 0, s2 = 0;
  const double el1 = e[l + 1];
  for (int i = m - 1; i >= l; i--) {
    c3 = c2;
    c2 = c;
    s2 = s;
    const double ce = c * e[i], cp = c * p;
    r = magnitude(p, e[i]);
    e[i + 1] = s * r;
    s = r > 0 ? e[i] / r : 0;
    c = r > 0 ? p / r : 1;
    p = c * d[i] - s * ce;
    d[i + 1] = cp + s * (c * ce + s * d[i]);
    cosines[i] = c;
    sines[i] = s;
  }
  p = -s * s2 * c3 * el1 * e[l] / next;
  e[l] = s * p;
  d[l] = c * p;
  return Sweep::made;
}

/// Eigenvalues of the tridiagonal matrix in d, in no order; z's rows (null: not wanted) become the
/// eigenvectors. False when it did not converge. `cosines` and `sines` hold n doubles.
WG_DEV bool iterateQl(double* d, double* e, int n, double* z, double* cosines, double* sines) {
  WG_SHARED(int, told, [3]);
  QlState state;
  if (threadIdx.x == 0) e[n - 1] = 0;
  for (;;) {
    if (threadIdx.x == 0) {
      Sweep sweep;
      do sweep = nextSweep(state, d, e, n, cosines, sines);
      while (sweep == Sweep::made && !z);
      told[0] = static_cast<int>(sweep);
      told[1] = state.l;
      told[2] = state.m;
    }
    syncBlock();
    const auto sweep = static_cast<Sweep>(told[0]);
    const int first = told[1], last = told[2];
    if (sweep == Sweep::made) {
      forEach(n, [&](int64_t column) {
        double* const of = z + column;
        double below = of[int64_t{last} * n];
        for (int64_t i = last - 1; i >= first; i--) {
          const double c = cosines[i], s = sines[i], a = of[i * n];
          of[(i + 1) * n] = s * a + c * below;
          below = c * a - s * below;
        }
        of[int64_t{first} * n] = below;
      });
    }
    syncBlock();
    if (sweep != Sweep::made) return sweep == Sweep::done;
  }
}

}  // namespace wg::cuda
