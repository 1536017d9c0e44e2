// Householder reflections H = I - tau v vᵀ with LAPACK's signs (dlarfg): blocked QR in the compact form
// Q = I - V T Vᵀ (Schreiber and Van Loan 1989). Matrices are held by columns, so that every vector is
// contiguous.
#pragma once
#include "work.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Makes x [n] the vector of a reflection that maps it to (beta, 0, …): x[0] becomes 1. Returns tau, 0 for
/// none.
inline double reflect(double* x, int64_t n, double& beta) {
  const double alpha = x[0], rest = n > 1 ? normOf(x + 1, n - 1) : 0;
  beta = alpha;
  x[0] = 1;
  if (rest == 0) return 0;
  const double size = magnitude(alpha, rest);
  beta = alpha >= 0 ? -size : size;
  const double divisor = alpha - beta;
  for (int64_t i = 1; i < n; i++) x[i] /= divisor;
  return (beta - alpha) / beta;
}

/// A block of reflections, ready to be applied: vectors as rows [count, m] with zeros before their start, and
/// T.
struct Reflections {
  double* v;
  double t[kPanel * kPanel];
  int64_t count;

  /// From vectors in the columns first… of a (below the diagonal, with an implied 1).
  void load(const double* a, int64_t m, int64_t first, int64_t size, const double* tau) {
    count = size;
    for (int64_t i = 0; i < size; i++) {
      const int64_t k = first + i;
      fillWith(v + i * m, k, 0);
      v[i * m + k] = 1;
      copyTo(v + i * m + k + 1, a + k * m + k + 1, m - k - 1);
      for (int64_t j = 0; j < i; j++) t[j * kPanel + i] = dotOf(v + j * m + k, v + i * m + k, m - k);
      for (int64_t j = 0; j < i; j++) {
        double sum = 0;
        for (int64_t x = j; x < i; x++) sum += t[j * kPanel + x] * t[x * kPanel + i];
        t[j * kPanel + i] = -tau[k] * sum;
      }
      t[i * kPanel + i] = tau[k];
    }
  }
};

/// The columns c [n, m] times Q or Qᵀ from the left. `work` holds 2 n kPanel doubles.
inline void applyBlock(const Work& w, const Reflections& q, bool transposed, double* c, int64_t n, int64_t m,
                       double* work) {
  const int64_t b = q.count;
  double* const products = work;        // [n, b]: cᵀ V
  double* const turned = work + n * b;  // [n, b]: cᵀ V T, or with Tᵀ
  multiply(w, products, b, {c, m, 1}, {q.v, 1, m}, n, b, m, false, false);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < b; j++) {
      double sum = 0;
      if (transposed)
        for (int64_t k = 0; k <= j; k++) sum += products[i * b + k] * q.t[k * kPanel + j];
      else
        for (int64_t k = j; k < b; k++) sum += products[i * b + k] * q.t[j * kPanel + k];
      turned[i * b + j] = sum;
    }
  }
  multiply(w, c, m, {turned, b, 1}, {q.v, m, 1}, n, m, b, true, true);
}

/// QR of the columns a [n, m]: R on and above the diagonal, reflections below it. `block.v` holds kPanel rows
/// of m, `work` 2 n kPanel.
inline void factorQr(const Work& w, double* a, int64_t m, int64_t n, double* tau, Reflections& block,
                     double* work) {
  const int64_t steps = minOf(m, n);
  for (int64_t k0 = 0; k0 < steps; k0 += kPanel) {
    const int64_t end = minOf(k0 + kPanel, steps);
    for (int64_t k = k0; k < end; k++) {
      double* const v = a + k * m + k;
      double beta;
      tau[k] = reflect(v, m - k, beta);
      for (int64_t j = k + 1; j < end; j++) {
        double* const c = a + j * m + k;
        axpy(c, -tau[k] * dotOf(v, c, m - k), v, m - k);
      }
      v[0] = beta;
    }
    if (end >= n) continue;
    block.load(a, m, k0, end - k0, tau);
    applyBlock(w, block, true, a + end * m, n - end, m, work);
  }
}

/// The first `count` columns of Q as rows q [count, m]. `work` holds 2 count kPanel doubles.
inline void formQ(const Work& w, const double* a, int64_t m, int64_t n, const double* tau, Reflections& block,
                  double* q, int64_t count, double* work) {
  fillWith(q, count * m, 0);
  for (int64_t i = 0; i < count; i++) q[i * m + i] = 1;
  const int64_t steps = minOf(m, n);
  for (int64_t k0 = (steps - 1) / kPanel * kPanel; k0 >= 0 && steps > 0; k0 -= kPanel) {
    block.load(a, m, k0, minOf(kPanel, steps - k0), tau);
    // Columns before k0 are still those of the identity, which these reflections leave alone.
    applyBlock(w, block, false, q + k0 * m, count - k0, m, work);
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
