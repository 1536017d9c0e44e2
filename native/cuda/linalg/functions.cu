// The matrix exponential and cofactors.
#include "../../ops/rows/linalg.h"
#include "factor.cuh"
#include "singular.cuh"

WG_CUDA_PROTOTYPES(WG_LINALG_ROWS)

namespace wg::cuda {
namespace {

constexpr double kNaN = __builtin_nan("");

int64_t expDoubles(int64_t n) { return 7 * n * n + n; }

/// exp(a) by scaling, the [13/13] Padé approximant and squaring (Higham 2005). Memory: 7 n² + n doubles, a
/// first; the result's place is returned.
WG_DEV double* exponential(double* a, int n) {
  constexpr double kTheta = 5.371920351148152;
  const int64_t size = int64_t{n} * n;
  double *const a2 = a + size, *const a4 = a2 + size, *const a6 = a4 + size, *const u = a6 + size,
                *const v = u + size, *const t = v + size;
  double norm = 0;
  forEach(n, [&](int64_t j) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += abs(a[i * n + j]);
    norm = sum > norm ? sum : norm;
  });
  norm = blockReduce(norm, 0.0, Max{});
  syncBlock();
  int squarings = 0;
  for (; norm > kTheta && squarings < 1100; squarings++) norm /= 2;
  forEach(size, [&](int64_t k) {
    for (int i = 0; i < squarings; i++) a[k] /= 2;
  });
  syncBlock();
  const auto product = [&](double* c, const double* x, const double* y) {
    multiply(c, n, {x, n, 1}, {y, n, 1}, n, n, n, 1, false);
  };
  product(a2, a, a);
  product(a4, a2, a2);
  product(a6, a4, a2);
  const auto diagonal = [&](int64_t k) { return k % (n + 1) == 0; };
  forEach(size, [&](int64_t k) { t[k] = 1.0 * a6[k] + 16380.0 * a4[k] + 40840800.0 * a2[k]; });
  syncBlock();
  product(v, a6, t);
  forEach(size, [&](int64_t k) {
    v[k] += 33522128640.0 * a6[k] + 10559470521600.0 * a4[k] + 1187353796428800.0 * a2[k];
    if (diagonal(k)) v[k] += 32382376266240000.0;
  });
  syncBlock();
  product(u, a, v);
  forEach(size, [&](int64_t k) { t[k] = 182.0 * a6[k] + 960960.0 * a4[k] + 1323241920.0 * a2[k]; });
  syncBlock();
  product(v, a6, t);
  // (v - u) r = v + u
  forEach(size, [&](int64_t k) {
    double even = v[k] + (670442572800.0 * a6[k] + 129060195264000.0 * a4[k] + 7771770303897600.0 * a2[k]);
    if (diagonal(k)) even += 64764752532480000.0;
    const double odd = u[k];
    v[k] = even - odd;
    u[k] = even + odd;
  });
  syncBlock();
  int32_t* const pivots = reinterpret_cast<int32_t*>(t + size);
  factorLu(v, n, n, pivots);
  solveLu(v, pivots, u, n, n);
  double *from = u, *to = v;
  for (int i = 0; i < squarings; i++) {
    product(to, from, from);
    double* const held = from;
    from = to;
    to = held;
  }
  return from;
}

WG_KERNEL(kMatrixThreads, 1)
expKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices out, const WG_GRID_CONSTANT Matrices a) {
  forEachMatrix(slabs, [&](int64_t i, double* x) {
    loadMatrix(x, a, i);
    syncBlock();
    if (allFinite(x, int64_t{a.rows} * a.rows)) storeMatrix(out, i, exponential(x, a.rows), a.rows);
    else storeEach(out, i, [&](int64_t, int64_t) { return kNaN; });
  });
}

int64_t cofactorDoubles(int64_t n) { return 2 * n * n + n + singularDoubles(n, n, n, true); }

/// det(q) of an orthogonal matrix: 1 or -1.
WG_DEV double orientation(double* q, int n, int32_t* pivots) {
  double sign = factorLu(q, n, n, pivots).sign;
  for (int64_t i = 0; i < n; i++)
    if (q[i * n + i] < 0) sign = -sign;
  return sign;
}

/// The cofactors of a [n, n] in place: det(a) a^-T where the pivots allow it, else
/// det(u) det(v) u diag(product of the other singular values) vᵀ, which needs no division.
WG_DEV void cofactors(double* a, int n) {
  const int64_t size = int64_t{n} * n;
  double *const lu = a + size, *const memory = lu + size + n, *const inverse = memory;
  int32_t* const pivots = reinterpret_cast<int32_t*>(lu + size);
  if (!allFinite(a, size)) {
    syncBlock();
    fillWith(a, size, kNaN);
    return syncBlock();
  }
  forEach(size, [&](int64_t k) { lu[k] = a[k]; });
  setIdentity(inverse, n, n);
  syncBlock();
  Product determinant;
  determinant.mantissa = factorLu(lu, n, n, pivots).sign;
  double least = __builtin_inf(), most = 0;
  for (int64_t i = 0; i < n; i++) {
    const double pivot = abs(lu[i * n + i]);
    least = pivot < least ? pivot : least;
    most = pivot > most ? pivot : most;
    determinant.times(lu[i * n + i]);
  }
  if (least > 1e-8 * most) {
    solveLu(lu, pivots, inverse, n, n);
    const double d = determinant.value();
    forEach(size, [&](int64_t k) { a[k] = d * inverse[k % n * n + k / n]; });
    return syncBlock();
  }
  const SingularWork x(memory, n, n, n, true);
  const double scale = scaleOf(a, size);
  syncBlock();
  forEach(size, [&](int64_t k) { x.a[k % n * n + k / n] = a[k] * scale; });  // columns as rows
  syncBlock();
  bidiagonalize(x, n, n);
  formSingularVectors(x, n, n);
  if (!iterateSingular(x, n, n)) {
    fillWith(a, size, kNaN);
    return syncBlock();
  }
  forEach(size, [&](int64_t k) {
    x.v[k] *= x.tauV[k / n];
    lu[k] = x.u[k];
    x.a[k] = x.v[k];
  });
  syncBlock();
  const double sign = orientation(lu, n, pivots) * orientation(x.a, n, pivots);
  forEach(n, [&](int64_t i) {
    Product others;
    for (int64_t j = 0; j < n; j++)
      if (x.order[j] != i) others.times(x.s[x.order[j]] / scale);
    x.row[i] = sign * others.value();
  });
  syncBlock();
  forEach(size, [&](int64_t k) { x.u[k] *= x.row[k / n]; });
  syncBlock();
  multiply(a, n, {x.u, 1, n}, {x.v, n, 1}, n, n, n, 1, false);
}

WG_KERNEL(kMatrixThreads, 1)
cofactorKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices out, const WG_GRID_CONSTANT Matrices a) {
  forEachMatrix(slabs, [&](int64_t i, double* x) {
    loadMatrix(x, a, i);
    syncBlock();
    cofactors(x, a.rows);
    storeMatrix(out, i, x, a.rows);
  });
}

}  // namespace

size_t matrixExpWorkspace(const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), expDoubles(rowsOfMatrix(a)));
}
void matrixExp(Stream& s, const Out& out, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s, isSquares(a) && isMatrices(out, count, n, n), "matrixExp: wants square matrices") ||
      numel(a) == 0)
    return;
  launchMatrices(s, expKernel, count, expDoubles(n), n, matricesOf(out), matricesOf(a));
}

size_t cofactorWorkspace(const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), cofactorDoubles(rowsOfMatrix(a)));
}
void cofactor(Stream& s, const Out& out, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s, isSquares(a) && isMatrices(out, count, n, n), "cofactor: wants square matrices") ||
      numel(a) == 0)
    return;
  launchMatrices(s, cofactorKernel, count, cofactorDoubles(n), n, matricesOf(out), matricesOf(a));
}

}  // namespace wg::cuda
