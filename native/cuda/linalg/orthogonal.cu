// QR, symmetric eigenvalues and singular values. Inputs with NaN or infinities give NaN: the iterations would
// not end.
#include "../../ops/rows/linalg.h"
#include "eigen.cuh"
#include "singular.cuh"

WG_CUDA_PROTOTYPES(WG_LINALG_ROWS)

namespace wg::cuda {
namespace {

constexpr double kNaN = __builtin_nan("");

struct QrSizes {
  int64_t m, n, k, q;  ///< matrix [m, n], min(m, n), columns of Q
  int64_t doubles() const { return m * n + q * m + 2 * k; }
};
QrSizes qrSizes(const View& q, const View& a) {
  return {rowsOfMatrix(a), colsOfMatrix(a), minOf(rowsOfMatrix(a), colsOfMatrix(a)), colsOfMatrix(q)};
}

WG_KERNEL(kMatrixThreads, 1)
qrKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices q, const WG_GRID_CONSTANT Matrices r,
         const WG_GRID_CONSTANT Matrices a) {
  forEachMatrix(slabs, [&](int64_t i, double* x) {
    const int m = a.rows, n = a.cols, steps = m < n ? m : n;
    const int64_t row = m;
    double *const vectors = x + row * n, *const diagonal = vectors + row * q.cols,
                  *const tau = diagonal + steps;
    loadMatrix(x, a, i, true);
    setIdentity(vectors, q.cols, m);
    syncBlock();
    for (int k = 0; k < steps; k++) {
      double* const v = x + k * row + k;
      if (warpId() == 0) {
        double beta;
        const double t = reflect(v, m - k, beta);
        if (laneId() == 0) {
          tau[k] = t;
          diagonal[k] = beta;
        }
      }
      syncBlock();
      const double t = tau[k];
      forEachByWarp(k + 1, n, [&](int j) { applyReflection(x + j * row + k, v, t, m - k); });
      syncBlock();
    }
    // Columns before k are still those of the identity, which reflection k leaves alone.
    for (int k = steps - 1; k >= 0; k--)
      forEachByWarp(k, q.cols, [&](int j) {
        applyReflection(vectors + j * row + k, x + k * row + k, tau[k], m - k);
        __syncwarp();
      });
    syncBlock();
    storeMatrix(q, i, vectors, 1, m);
    storeEach(r, i, [&](int64_t y, int64_t c) { return y < c ? x[c * row + y] : y == c ? diagonal[c] : 0; });
  });
}

int64_t eigenDoubles(int64_t n, bool vectors) { return n * n * (vectors ? 2 : 1) + 6 * n; }

/// Eigenvalues of every matrix, and vectors unless `vectors` is without data.
WG_KERNEL(kMatrixThreads, 1)
eigenKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices values, const WG_GRID_CONSTANT Matrices vectors,
            const WG_GRID_CONSTANT Matrices a, ErrorCell* error) {
  forEachMatrix(slabs, [&](int64_t i, double* x) {
    const int n = a.rows;
    const int64_t row = n;
    double* const z = vectors.data ? x + row * n : nullptr;
    double* const d = x + row * n * (z ? 2 : 1);
    double *const e = d + n, *const tau = e + n, *const p = tau + n, *const cosines = p + n,
                  *const sines = cosines + n;
    loadMatrix(x, a, i);
    syncBlock();
    forEach(row * n, [&](int64_t at) {
      const int64_t r = at / n, c = at - r * n;
      if (c > r) x[at] = x[c * row + r];
    });
    syncBlock();
    if (!allFinite(x, row * n)) {
      storeEach(values, i, [&](int64_t, int64_t) { return kNaN; });
      if (z) storeEach(vectors, i, [&](int64_t, int64_t) { return kNaN; });
      return;
    }
    const double scale = scaleOf(x, row * n);
    syncBlock();
    forEach(row * n, [&](int64_t at) { x[at] *= scale; });
    syncBlock();
    tridiagonalize(x, n, d, e, tau, p);
    if (z) formTridiagonalQ(x, n, tau, z);
    if (!iterateQl(d, e, n, z, cosines, sines)) {
      if (threadIdx.x == 0) raise(error, i);
      return;
    }
    int32_t* const order = reinterpret_cast<int32_t*>(tau);
    sortRanks(d, n, false, order);
    storeEach(values, i, [&](int64_t, int64_t c) { return d[order[c]] / scale; });
    if (z) storeEach(vectors, i, [&](int64_t r, int64_t c) { return z[order[c] * row + r]; });
  });
}

void eigen(Stream& s, const char* op, const View& values, const View* vectors, const View& a) {
  const int64_t n = rowsOfMatrix(a);
  if (numel(a) == 0) return;
  ErrorCell* const error = errorCell(s, Code::argument, "%s: matrix %%lld did not converge", op);
  if (error)
    launchMatrices(s, eigenKernel, batchOf(a, 2), eigenDoubles(n, vectors), n, matricesOf(values, 1),
                   vectors ? matricesOf(*vectors) : Matrices{}, matricesOf(a), error);
}

struct SvdSizes {
  int64_t m, n;        ///< the tall orientation: m >= n
  int64_t columns;     ///< of the tall side's vectors
  bool wide, vectors;  ///< wide: the transpose is decomposed
  int64_t doubles() const { return singularDoubles(m, n, columns, vectors); }
};
SvdSizes svdSizes(const View& a, const View* u, const View* vh) {
  const int64_t m = rowsOfMatrix(a), n = colsOfMatrix(a);
  const bool wide = m < n;
  const int64_t columns = !u ? 0 : wide ? rowsOfMatrix(*vh) : colsOfMatrix(*u);
  return {maxOf(m, n), minOf(m, n), columns, wide, u != nullptr};
}

/// Singular values of every matrix, and vectors unless `u` is without data.
WG_KERNEL(kMatrixThreads, 1)
svdKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices u, const WG_GRID_CONSTANT Matrices values,
          const WG_GRID_CONSTANT Matrices vh, const WG_GRID_CONSTANT Matrices a, ErrorCell* error) {
  forEachMatrix(slabs, [&](int64_t i, double* memory) {
    const bool wide = a.rows < a.cols, vectors = u.data != nullptr;
    const int m = wide ? a.cols : a.rows, n = wide ? a.rows : a.cols;
    const int64_t size = int64_t{m} * n;
    const SingularWork x(memory, m, n, wide ? vh.rows : u.cols, vectors);
    loadMatrix(x.a, a, i, !wide);  // columns of the tall matrix become rows of memory
    syncBlock();
    if (!allFinite(x.a, size)) {
      storeEach(values, i, [&](int64_t, int64_t) { return kNaN; });
      if (!vectors) return;
      storeEach(u, i, [&](int64_t, int64_t) { return kNaN; });
      storeEach(vh, i, [&](int64_t, int64_t) { return kNaN; });
      return;
    }
    const double scale = scaleOf(x.a, size);
    syncBlock();
    forEach(size, [&](int64_t at) { x.a[at] *= scale; });
    syncBlock();
    bidiagonalize(x, m, n);
    if (vectors) formSingularVectors(x, m, n);
    if (!iterateSingular(x, m, n)) {
      if (threadIdx.x == 0) raise(error, i);
      return;
    }
    storeEach(values, i, [&](int64_t, int64_t c) { return x.s[x.order[c]] / scale; });
    if (!vectors) return;
    // Vector `which` of the tall side, of which some may belong to no singular value, and of the other.
    const auto tall = [&](int64_t which, int64_t at) {
      return x.u[(which < n ? x.order[which] : which) * int64_t{m} + at];
    };
    const auto other = [&](int64_t which, int64_t at) {
      const int64_t from = x.order[which];
      return x.tauV[from] * x.v[from * n + at];
    };
    storeEach(u, i, [&](int64_t r, int64_t c) { return wide ? other(c, r) : tall(c, r); });
    storeEach(vh, i, [&](int64_t r, int64_t c) { return wide ? tall(r, c) : other(r, c); });
  });
}

void singular(Stream& s, const char* op, const View* u, const View& values, const View* vh, const View& a) {
  const SvdSizes size = svdSizes(a, u, vh);
  if (batchOf(a, 2) == 0 || size.doubles() == 0) return;
  ErrorCell* const error = errorCell(s, Code::argument, "%s: matrix %%lld did not converge", op);
  if (error)
    launchMatrices(s, svdKernel, batchOf(a, 2), size.doubles(), size.m, u ? matricesOf(*u) : Matrices{},
                   matricesOf(values, 1), u ? matricesOf(*vh) : Matrices{}, matricesOf(a), error);
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
  if (!require(s, fitting, "qr: q, r and a do not fit together") || size.doubles() == 0) return;
  launchMatrices(s, qrKernel, count, size.doubles(), maxOf(m, n), matricesOf(q), matricesOf(r),
                 matricesOf(a));
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

}  // namespace wg::cuda
