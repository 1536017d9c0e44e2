// Eigenvalues and eigenvectors of symmetric matrices: Householder reduction to tridiagonal form, then the
// implicit QL iteration (Bowdler, Martin, Reinsch and Wilkinson 1968; EISPACK tred2 and tql2). Vectors are
// held as rows.
#pragma once
#include "householder.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// a [n, n], full and symmetric, becomes tridiagonal: diagonal d, next to it e; row k of a keeps its
/// reflection.
inline void tridiagonalize(double* a, int64_t n, double* d, double* e, double* tau, double* p) {
  for (int64_t k = 0; k + 1 < n; k++) {
    double* const v = a + k * n + k + 1;
    const int64_t size = n - k - 1;
    d[k] = a[k * n + k];
    tau[k] = reflect(v, size, e[k]);
    if (tau[k] == 0) continue;
    for (int64_t i = 0; i < size; i++) p[i] = tau[k] * dotOf(a + (k + 1 + i) * n + k + 1, v, size);
    axpy(p, -0.5 * tau[k] * dotOf(p, v, size), v, size);
    for (int64_t i = 0; i < size; i++) {
      double* __restrict__ const row = a + (k + 1 + i) * n + k + 1;
      const double x = v[i], y = p[i];
      for (int64_t j = 0; j < size; j++) row[j] -= x * p[j] + y * v[j];
    }
  }
  if (n > 0) d[n - 1] = a[n * n - 1];
}

/// Rows q [n, n]: the transpose of the reflections' product.
inline void formTridiagonalQ(const double* a, int64_t n, const double* tau, double* q) {
  fillWith(q, n * n, 0);
  for (int64_t i = 0; i < n; i++) q[i * n + i] = 1;
  for (int64_t k = n - 2; k >= 0; k--) {
    const double* const v = a + k * n + k + 1;
    const int64_t size = n - k - 1;
    for (int64_t i = k + 1; i < n; i++) {
      double* const row = q + i * n + k + 1;
      axpy(row, -tau[k] * dotOf(row, v, size), v, size);
    }
  }
}

/// Turns rows i and i + 1 of z by the recorded angles, from the last pair to the first, a strip of columns at
/// a time.
inline void turnRows(const Work& w, double* z, int64_t n, int64_t first, int64_t last, const double* cosines,
                     const double* sines) {
  constexpr int64_t kStrip = 128;
  const auto strip = [&](int64_t chunk) {
    const int64_t from = chunk * kStrip, size = minOf(kStrip, n - from);
    for (int64_t i = last - 1; i >= first; i--) {
      double* __restrict__ const a = z + i * n + from;
      double* __restrict__ const b = z + (i + 1) * n + from;
      const double c = cosines[i], s = sines[i];
      for (int64_t k = 0; k < size; k++) {
        const double h = b[k];
        b[k] = s * a[k] + c * h;
        a[k] = c * a[k] - s * h;
      }
    }
  };
  const int64_t strips = ceilDiv(n, kStrip);
  if (w.parallel && (last - first) * n > 32768) return parallelFor(w.s, strips, strip);
  for (int64_t i = 0; i < strips; i++) strip(i);
}

/// Eigenvalues of the tridiagonal matrix in d, ascending; z's rows (null: not wanted) become the
/// eigenvectors. False when it did not converge. `cosines` and `sines` hold n doubles.
inline bool iterateQl(const Work& w, double* d, double* e, int64_t n, double* z, double* cosines,
                      double* sines) {
  constexpr double kEpsilon = 0x1p-52;
  if (n == 0) return true;
  e[n - 1] = 0;
  double shift = 0, largest = 0;
  for (int64_t l = 0; l < n; l++) {
    const double size = abs(d[l]) + abs(e[l]);
    if (size > largest) largest = size;
    int64_t m = l;
    while (m < n - 1 && !(abs(e[m]) <= kEpsilon * largest)) m++;
    for (int round = 0; m > l; round++) {
      if (round == 60) return false;
      const double g = d[l];
      double p = (d[l + 1] - g) / (2 * e[l]);
      double r = magnitude(p, 1);
      if (p < 0) r = -r;
      d[l] = e[l] / (p + r);
      d[l + 1] = e[l] * (p + r);
      const double next = d[l + 1], h = g - d[l];
      for (int64_t i = l + 2; i < n; i++) d[i] -= h;
      shift += h;
      p = d[m];
      double c = 1, c2 = 1, c3 = 1, s = 0, s2 = 0;
      const double el1 = e[l + 1];
      for (int64_t i = m - 1; i >= l; i--) {
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
      if (z) turnRows(w, z, n, l, m, cosines, sines);
      p = -s * s2 * c3 * el1 * e[l] / next;
      e[l] = s * p;
      d[l] = c * p;
      if (!(abs(e[l]) > kEpsilon * largest)) break;
    }
    d[l] += shift;
    e[l] = 0;
  }
  for (int64_t i = 0; i + 1 < n; i++) {
    int64_t least = i;
    for (int64_t j = i + 1; j < n; j++)
      if (d[j] < d[least]) least = j;
    if (least == i) continue;
    const double held = d[i];
    d[i] = d[least];
    d[least] = held;
    for (int64_t k = 0; z && k < n; k++) {
      const double x = z[i * n + k];
      z[i * n + k] = z[least * n + k];
      z[least * n + k] = x;
    }
  }
  return true;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
