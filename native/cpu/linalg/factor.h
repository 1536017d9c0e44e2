// LU and Cholesky factors and triangular systems, in place in dense rows: a panel is factored, the rest
// updated by one product (Golub and Van Loan, Matrix Computations, 3.2, 3.4 and 4.2).
#pragma once
#include "work.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// P A = L U of a [m, n]: L's unit diagonal is not stored; row i was exchanged with pivots[i]. Returns the
/// first i whose pivot is 0, or -1; `sign` is that of the permutation.
[[gnu::noinline]] inline int64_t factorLu(const Work& w, double* a, int64_t m, int64_t n, int32_t* pivots,
                                          double& sign) {
  const int64_t steps = minOf(m, n);
  int64_t singular = -1;
  sign = 1;
  for (int64_t k0 = 0; k0 < steps; k0 += kPanel) {
    const int64_t end = minOf(k0 + kPanel, steps);
    for (int64_t j = k0; j < end; j++) {
      int64_t p = j;
      double most = abs(a[j * n + j]);
      for (int64_t i = j + 1; i < m; i++) {
        const double size = abs(a[i * n + j]);
        if (size > most) most = size, p = i;
      }
      pivots[j] = static_cast<int32_t>(p);
      if (p != j) {
        sign = -sign;
        for (int64_t c = 0; c < n; c++) {
          const double held = a[j * n + c];
          a[j * n + c] = a[p * n + c];
          a[p * n + c] = held;
        }
      }
      const double pivot = a[j * n + j];
      if (pivot == 0) {
        if (singular < 0) singular = j;
        continue;
      }
      for (int64_t i = j + 1; i < m; i++) {
        const double l = a[i * n + j] / pivot;
        a[i * n + j] = l;
        axpy(a + i * n + j + 1, -l, a + j * n + j + 1, end - j - 1);
      }
    }
    for (int64_t i = k0 + 1; i < end; i++)
      for (int64_t r = k0; r < i; r++) axpy(a + i * n + end, -a[i * n + r], a + r * n + end, n - end);
    multiply(w, a + end * n + end, n, {a + end * n + k0, n, 1}, {a + k0 * n + end, n, 1}, m - end, n - end,
             end - k0, true, true);
  }
  return singular;
}

/// T X = B in place of B [n, k]; T is triangular with strides, its other half is not read.
[[gnu::noinline]] inline void solveTriangular(const Work& w, Factor t, bool upper, bool unit, double* b,
                                              int64_t n, int64_t k) {
  const auto solveRow = [&](int64_t i, int64_t from, int64_t to) {
    double* const row = b + i * k;
    for (int64_t r = from; r < to; r++) axpy(row, -t.data[i * t.row + r * t.col], b + r * k, k);
    if (unit) return;
    const double d = t.data[i * t.row + i * t.col];
    for (int64_t c = 0; c < k; c++) row[c] /= d;
  };
  for (int64_t done = 0; done < n; done += kPanel) {
    const int64_t size = minOf(kPanel, n - done);
    const int64_t first = upper ? n - done - size : done, last = first + size;
    for (int64_t i = 0; i < size; i++) {
      if (upper) solveRow(last - 1 - i, last - i, last);
      else solveRow(first + i, first, first + i);
    }
    const int64_t rest = upper ? 0 : last, count = upper ? first : n - last;
    multiply(w, b + rest * k, k, {t.data + rest * t.row + first * t.col, t.row, t.col}, {b + first * k, k, 1},
             count, k, size, true, true);
  }
}

/// The rows of b exchanged as factorLu did.
inline void permuteRows(const int32_t* pivots, double* b, int64_t n, int64_t k) {
  for (int64_t i = 0; i < n; i++) {
    if (pivots[i] == i) continue;
    for (int64_t c = 0; c < k; c++) {
      const double held = b[i * k + c];
      b[i * k + c] = b[pivots[i] * k + c];
      b[pivots[i] * k + c] = held;
    }
  }
}

inline void solveLu(const Work& w, const double* lu, const int32_t* pivots, double* b, int64_t n, int64_t k) {
  permuteRows(pivots, b, n, k);
  solveTriangular(w, {lu, n, 1}, false, true, b, n, k);
  solveTriangular(w, {lu, n, 1}, true, false, b, n, k);
}

/// A = L Lᵀ in the lower triangle of a [n, n]. Returns the first row that shows A not positive definite, or
/// -1.
inline int64_t factorCholesky(const Work& w, double* a, int64_t n) {
  for (int64_t k0 = 0; k0 < n; k0 += kPanel) {
    const int64_t end = minOf(k0 + kPanel, n);
    for (int64_t j = k0; j < end; j++) {
      const double d = a[j * n + j] - dotOf(a + j * n + k0, a + j * n + k0, j - k0);
      if (!(d > 0) || d - d != 0) return j;
      const double root = sqrt(d);
      a[j * n + j] = root;
      for (int64_t i = j + 1; i < n; i++)
        a[i * n + j] = (a[i * n + j] - dotOf(a + i * n + k0, a + j * n + k0, j - k0)) / root;
    }
    // Only the lower triangle of the rest, in strips of columns.
    constexpr int64_t kStrip = 128;
    for (int64_t c = end; c < n; c += kStrip)
      multiply(w, a + c * n + c, n, {a + c * n + k0, n, 1}, {a + c * n + k0, 1, n}, n - c,
               minOf(kStrip, n - c), end - k0, true, true);
  }
  return -1;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
