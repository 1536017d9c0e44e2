// QR, symmetric eigenvalues and singular values. Inputs with NaN or infinities give NaN: the iterations would
// not end.
#include "eigen.h"
#include "singular.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

constexpr double kNaN = __builtin_nan("");

struct QrSizes {
  int64_t m, n, k, q;  ///< matrix [m, n], min(m, n), columns of Q
  int64_t rows() const { return maxOf(maxOf(m, n), q); }
  int64_t doubles() const {
    return workDoubles(rows(), m * n + q * m + k + kPanel * m + 2 * kPanel * rows());
  }
};
QrSizes qrSizes(const View& q, const View& a) {
  return {rowsOfMatrix(a), colsOfMatrix(a), minOf(rowsOfMatrix(a), colsOfMatrix(a)), colsOfMatrix(q)};
}

int64_t eigenDoubles(int64_t n, bool vectors) { return workDoubles(0, n * n * (vectors ? 2 : 1) + 6 * n); }

/// Eigenvalues of every matrix, and vectors unless `vectors` is null.
void eigen(Stream& s, const char* op, const View& values, const View* vectors, const View& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  forEachMatrix(s, count, eigenDoubles(n, vectors), 0, [&](const Work& w, int64_t i, double* x) {
    double* const z = vectors ? x + n * n : nullptr;
    double* const d = x + n * n * (vectors ? 2 : 1);
    double *const e = d + n, *const tau = e + n, *const p = tau + n, *const cosines = p + n,
                  *const sines = cosines + n;
    load(x, a, i);
    for (int64_t r = 0; r < n; r++)
      for (int64_t c = r + 1; c < n; c++) x[r * n + c] = x[c * n + r];
    if (!allFinite(x, n * n)) {
      fillWith(d, n, kNaN);
      if (z) fillWith(z, n * n, kNaN);
    } else {
      const double scale = scaleOf(x, n * n);
      for (int64_t k = 0; k < n * n; k++) x[k] *= scale;
      tridiagonalize(x, n, d, e, tau, p);
      if (z) formTridiagonalQ(x, n, tau, z);
      if (!iterateQl(w, d, e, n, z, cosines, sines))
        return fail(s, Code::argument, "%s: matrix %lld did not converge", op, static_cast<long long>(i));
      for (int64_t k = 0; k < n; k++) d[k] /= scale;
    }
    storeVector(values, 1, i, d);
    if (z) store(*vectors, i, z, 1, n);
  });
}

struct SvdSizes {
  int64_t m, n;        ///< the tall orientation: m >= n
  int64_t columns;     ///< of the tall side's vectors
  bool wide, vectors;  ///< wide: the transpose is decomposed
  int64_t doubles() const { return workDoubles(0, m * n + (vectors ? columns * m + n * n : 0) + 5 * n + m); }
};
SvdSizes svdSizes(const View& a, const View* u, const View* vh) {
  const int64_t m = rowsOfMatrix(a), n = colsOfMatrix(a);
  const bool wide = m < n;
  const int64_t columns = !u ? 0 : wide ? rowsOfMatrix(*vh) : colsOfMatrix(*u);
  return {maxOf(m, n), minOf(m, n), columns, wide, u != nullptr};
}

void singular(Stream& s, const char* op, const View* u, const View& values, const View* vh, const View& a) {
  const SvdSizes size = svdSizes(a, u, vh);
  const int64_t m = size.m, n = size.n;
  forEachMatrix(s, batchOf(a, 2), size.doubles(), 0, [&](const Work&, int64_t i, double* memory) {
    SingularWork x;
    x.a = memory;
    x.s = x.a + m * n;
    x.e = x.s + n;
    x.tauU = x.e + n;
    x.tauV = x.tauU + n;
    x.row = x.tauV + n;
    x.u = u ? x.row + n + m : nullptr;
    x.v = u ? x.u + size.columns * m : nullptr;
    x.columns = size.columns;
    load(x.a, a, i, !size.wide);  // columns of the tall matrix become rows of memory
    if (!allFinite(x.a, m * n)) {
      fillWith(x.s, n, kNaN);
      if (u) fillWith(x.u, size.columns * m + n * n, kNaN);
    } else {
      const double scale = scaleOf(x.a, m * n);
      for (int64_t k = 0; k < m * n; k++) x.a[k] *= scale;
      bidiagonalize(x, m, n);
      if (u) formSingularVectors(x, m, n);
      if (!iterateSingular(x, m, n))
        return fail(s, Code::argument, "%s: matrix %lld did not converge", op, static_cast<long long>(i));
      for (int64_t k = 0; k < n; k++) x.s[k] /= scale;
    }
    storeVector(values, 1, i, x.s);
    if (!u) return;
    const double *const left = size.wide ? x.v : x.u, *const right = size.wide ? x.u : x.v;
    store(*u, i, left, 1, rowsOfMatrix(a));
    store(*vh, i, right, colsOfMatrix(a));
  });
}

}  // namespace

size_t qrWorkspace(const Out& q, const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), qrSizes(q, a).doubles());
}
void qr(Stream& s, const Out& q, const Out& r, const In& a) {
  const QrSizes size = qrSizes(q, a);
  const int64_t m = size.m, n = size.n, count = batchOf(a, 2);
  const bool fitting = isFloatView(a) && (size.q == size.k || size.q == m) &&
                       isMatrices(q, count, m, size.q) && isMatrices(r, count, size.q, n);
  if (!require(s, fitting, "qr: q, r and a do not fit together")) return;
  forEachMatrix(s, count, size.doubles(), size.rows(), [&](const Work& w, int64_t i, double* x) {
    double *const columns = x + m * n, *const tau = columns + size.q * m;
    Reflections block;
    block.v = tau + size.k;
    double* const work = block.v + kPanel * m;
    load(x, a, i, true);
    factorQr(w, x, m, n, tau, block, work);
    formQ(w, x, m, n, tau, block, columns, size.q, work);
    store(q, i, columns, 1, m);
    for (int64_t j = 0; j < n; j++)
      if (j + 1 < m) fillWith(x + j * m + j + 1, m - j - 1, 0);
    store(r, i, x, 1, m);
  });
}

size_t eighWorkspace(const Out&, const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), eigenDoubles(rowsOfMatrix(a), true));
}
void eigh(Stream& s, const Out& values, const Out& vectors, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s, isSquares(a) && isVectors(values, count, n) && isMatrices(vectors, count, n, n),
               "eigh: values, vectors and a do not fit together"))
    return;
  eigen(s, "eigh", values, &vectors, a);
}

size_t eigvalshWorkspace(const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), eigenDoubles(rowsOfMatrix(a), false));
}
void eigvalsh(Stream& s, const Out& values, const In& a) {
  if (!require(s, isSquares(a) && isVectors(values, batchOf(a, 2), rowsOfMatrix(a)),
               "eigvalsh: values and a do not fit together"))
    return;
  eigen(s, "eigvalsh", values, nullptr, a);
}

size_t svdWorkspace(const Out& u, const Out&, const Out& vh, const In& a) {
  return slabBytes(batchOf(a, 2), svdSizes(a, &u, &vh).doubles());
}
void svd(Stream& s, const Out& u, const Out& values, const Out& vh, const In& a) {
  const int64_t m = rowsOfMatrix(a), n = colsOfMatrix(a), k = minOf(m, n), count = batchOf(a, 2);
  const int64_t left = colsOfMatrix(u), right = rowsOfMatrix(vh);
  const bool fitting = isFloatView(a) && isMatrices(u, count, m, left) && isMatrices(vh, count, right, n) &&
                       isVectors(values, count, k) && (left == k || left == m) && (right == k || right == n);
  if (!require(s, fitting, "svd: u, s, vh and a do not fit together")) return;
  singular(s, "svd", &u, values, &vh, a);
}

size_t svdvalsWorkspace(const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), svdSizes(a, nullptr, nullptr).doubles());
}
void svdvals(Stream& s, const Out& values, const In& a) {
  const int64_t k = minOf(rowsOfMatrix(a), colsOfMatrix(a));
  if (!require(s, isFloatView(a) && isVectors(values, batchOf(a, 2), k),
               "svdvals: s and a do not fit together"))
    return;
  singular(s, "svdvals", nullptr, values, nullptr, a);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
