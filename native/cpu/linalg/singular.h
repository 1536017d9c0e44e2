// Singular values and vectors: Householder reduction to bidiagonal form, then the implicitly shifted QR
// iteration (Golub and Reinsch 1970, as in LINPACK dsvdc). Everything is held by columns: a vector is a
// contiguous row of memory.
#pragma once
#include "householder.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Memory of one decomposition of a [n columns of m], m >= n. u and v are null when only values are wanted.
struct SingularWork {
  double* a;
  double* s;     ///< n
  double* e;     ///< n
  double* tauU;  ///< n
  double* tauV;  ///< n
  double* row;   ///< max(m, n)
  double* u;     ///< [columns, m], columns n or m
  double* v;     ///< [n, n]
  int64_t columns;
};

/// a becomes upper bidiagonal: diagonal s, above it e. Column k keeps a left reflection below its diagonal;
/// the right ones go to the rows of v (or nowhere).
inline void bidiagonalize(const SingularWork& x, int64_t m, int64_t n) {
  for (int64_t k = 0; k < n; k++) {
    double* const column = x.a + k * m + k;
    x.tauU[k] = reflect(column, m - k, x.s[k]);
    if (x.tauU[k] != 0) {
      for (int64_t j = k + 1; j < n; j++) {
        double* const c = x.a + j * m + k;
        axpy(c, -x.tauU[k] * dotOf(column, c, m - k), column, m - k);
      }
    }
    x.e[k] = 0;
    x.tauV[k] = 0;
    if (k + 1 >= n) continue;
    const int64_t rest = n - k - 1;
    double* const r = x.v ? x.v + k * n + k + 1 : x.row;
    for (int64_t j = 0; j < rest; j++) r[j] = x.a[(k + 1 + j) * m + k];
    x.tauV[k] = reflect(r, rest, x.e[k]);
    if (x.tauV[k] == 0) continue;
    // The rows below times the reflection: their product with r first, column by column.
    double* const sums = x.row + n;
    fillWith(sums, m - k - 1, 0);
    for (int64_t j = 0; j < rest; j++) axpy(sums, r[j], x.a + (k + 1 + j) * m + k + 1, m - k - 1);
    for (int64_t j = 0; j < rest; j++)
      axpy(x.a + (k + 1 + j) * m + k + 1, -x.tauV[k] * r[j], sums, m - k - 1);
  }
}

/// The left and right reflections multiplied out into u and v.
inline void formSingularVectors(const SingularWork& x, int64_t m, int64_t n) {
  fillWith(x.u, x.columns * m, 0);
  for (int64_t i = 0; i < x.columns; i++) x.u[i * m + i] = 1;
  for (int64_t k = n - 1; k >= 0; k--) {
    if (x.tauU[k] == 0) continue;
    const double* const reflection = x.a + k * m + k;
    for (int64_t j = k; j < x.columns; j++) {
      double* const c = x.u + j * m + k;
      axpy(c, -x.tauU[k] * dotOf(reflection, c, m - k), reflection, m - k);
    }
  }
  for (int64_t k = n - 1; k >= 0; k--) {
    // Reflection k lies in row k of v; its place is taken by a row of the identity once it has been applied.
    const int64_t rest = n - k - 1;
    copyTo(x.row, x.v + k * n + k + 1, rest);
    fillWith(x.v + k * n, n, 0);
    x.v[k * n + k] = 1;
    if (x.tauV[k] == 0) continue;
    for (int64_t j = k + 1; j < n; j++) {
      double* const c = x.v + j * n + k + 1;
      axpy(c, -x.tauV[k] * dotOf(x.row, c, rest), x.row, rest);
    }
  }
}

/// a = c a + s b, b = c b - s a.
inline void turn(double* __restrict__ a, double* __restrict__ b, double c, double s, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const double t = c * a[i] + s * b[i];
    b[i] = c * b[i] - s * a[i];
    a[i] = t;
  }
}

/// One implicitly shifted QR step on rows k to p - 1 of the bidiagonal matrix.
inline void singularStep(const SingularWork& x, int64_t m, int64_t n, int64_t k, int64_t p) {
  double *const s = x.s, *const e = x.e;
  double scale = 0;
  const double sizes[] = {s[p - 1], s[p - 2], e[p - 2], s[k], e[k]};
  for (const double each : sizes) scale = abs(each) > scale ? abs(each) : scale;
  const double sp = s[p - 1] / scale, before = s[p - 2] / scale, ep = e[p - 2] / scale;
  const double sk = s[k] / scale, ek = e[k] / scale;
  const double b = ((before + sp) * (before - sp) + ep * ep) / 2, c2 = (sp * ep) * (sp * ep);
  double shift = 0;
  if (b != 0 || c2 != 0) {
    shift = sqrt(b * b + c2);
    if (b < 0) shift = -shift;
    shift = c2 / (b + shift);
  }
  double f = (sk + sp) * (sk - sp) + shift, g = sk * ek;
  for (int64_t j = k; j < p - 1; j++) {
    double c, sn, r;
    angle(f, g, c, sn, r);
    if (j != k) e[j - 1] = r;
    f = c * s[j] + sn * e[j];
    e[j] = c * e[j] - sn * s[j];
    g = sn * s[j + 1];
    s[j + 1] = c * s[j + 1];
    if (x.v) turn(x.v + j * n, x.v + (j + 1) * n, c, sn, n);
    angle(f, g, c, sn, r);
    s[j] = r;
    f = c * e[j] + sn * s[j + 1];
    s[j + 1] = c * s[j + 1] - sn * e[j];
    g = sn * e[j + 1];
    e[j + 1] = c * e[j + 1];
    if (x.u) turn(x.u + j * m, x.u + (j + 1) * m, c, sn, m);
  }
  e[p - 2] = f;
}

inline void exchange(double* a, double* b, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const double held = a[i];
    a[i] = b[i];
    b[i] = held;
  }
}

/// Brings the bidiagonal matrix to its singular values, descending. False when it did not converge.
inline bool iterateSingular(const SingularWork& x, int64_t m, int64_t n) {
  constexpr double kEpsilon = 0x1p-52, kTiny = 0x1p-966;
  double *const s = x.s, *const e = x.e;
  int rounds = 0;
  for (int64_t p = n; p > 0;) {
    int64_t k = p - 2;
    for (; k >= 0; k--) {
      if (abs(e[k]) > kTiny + kEpsilon * (abs(s[k]) + abs(s[k + 1]))) continue;
      e[k] = 0;
      break;
    }
    if (k == p - 2) {  // s[p - 1] is done: make it positive and put it in order
      int64_t i = p - 1;
      if (s[i] <= 0) {
        s[i] = abs(s[i]);
        for (int64_t j = 0; x.v && j < n; j++) x.v[i * n + j] = -x.v[i * n + j];
      }
      for (; i + 1 < n && s[i] < s[i + 1]; i++) {
        exchange(s + i, s + i + 1, 1);
        if (x.v) exchange(x.v + i * n, x.v + (i + 1) * n, n);
        if (x.u) exchange(x.u + i * m, x.u + (i + 1) * m, m);
      }
      rounds = 0;
      p--;
      continue;
    }
    if (++rounds > 75) return false;
    int64_t zero = p - 1;
    for (; zero > k; zero--) {
      const double near = (zero != p - 1 ? abs(e[zero]) : 0) + (zero != k + 1 ? abs(e[zero - 1]) : 0);
      if (abs(s[zero]) > kTiny + kEpsilon * near) continue;
      s[zero] = 0;
      break;
    }
    if (zero == k) {
      singularStep(x, m, n, k + 1, p);
    } else if (zero == p - 1) {  // a negligible s[p - 1]: turn e[p - 2] away
      double f = e[p - 2], c, sn, r;
      e[p - 2] = 0;
      for (int64_t j = p - 2; j > k; j--) {
        angle(s[j], f, c, sn, r);
        s[j] = r;
        if (j != k + 1) {
          f = -sn * e[j - 1];
          e[j - 1] = c * e[j - 1];
        }
        if (x.v) turn(x.v + j * n, x.v + (p - 1) * n, c, sn, n);
      }
    } else {  // a negligible s[zero] splits the matrix
      double f = e[zero], c, sn, r;
      e[zero] = 0;
      for (int64_t j = zero + 1; j < p; j++) {
        angle(s[j], f, c, sn, r);
        s[j] = r;
        f = -sn * e[j];
        e[j] = c * e[j];
        if (x.u) turn(x.u + j * m, x.u + zero * m, c, sn, m);
      }
    }
  }
  return true;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
