// The matrix exponential, cofactors and distances between rows.
#include "../../ops/power.h"
#include "../simd/vec.h"
#include "factor.h"
#include "singular.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

constexpr double kNaN = __builtin_nan("");

int64_t expDoubles(int64_t n) { return workDoubles(n, 7 * n * n + n); }

/// exp(a) by scaling, the [13/13] Padé approximant and squaring (Higham 2005). Memory: 7 n² + n doubles, a
/// first; the result's place is returned.
double* exponential(const Work& w, double* a, int64_t n) {
  constexpr double b[] = {64764752532480000.0,
                          32382376266240000.0,
                          7771770303897600.0,
                          1187353796428800.0,
                          129060195264000.0,
                          10559470521600.0,
                          670442572800.0,
                          33522128640.0,
                          1323241920.0,
                          40840800.0,
                          960960.0,
                          16380.0,
                          182.0,
                          1.0};
  constexpr double kTheta = 5.371920351148152;
  const int64_t size = n * n;
  double *const a2 = a + size, *const a4 = a2 + size, *const a6 = a4 + size, *const u = a6 + size,
                *const v = u + size, *const t = v + size;
  int32_t* const pivots = reinterpret_cast<int32_t*>(t + size);
  double norm = 0;
  for (int64_t j = 0; j < n; j++) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += abs(a[i * n + j]);
    norm = sum > norm ? sum : norm;
  }
  int squarings = 0;
  for (; norm > kTheta && squarings < 1100; squarings++) norm /= 2;
  for (int i = 0; i < squarings; i++)
    for (int64_t k = 0; k < size; k++) a[k] /= 2;
  const auto product = [&](double* c, const double* x, const double* y) {
    multiply(w, c, n, {x, n, 1}, {y, n, 1}, n, n, n, false, false);
  };
  product(a2, a, a);
  product(a4, a2, a2);
  product(a6, a4, a2);
  for (int64_t k = 0; k < size; k++) t[k] = b[13] * a6[k] + b[11] * a4[k] + b[9] * a2[k];
  product(v, a6, t);
  for (int64_t k = 0; k < size; k++) v[k] += b[7] * a6[k] + b[5] * a4[k] + b[3] * a2[k];
  for (int64_t i = 0; i < n; i++) v[i * n + i] += b[1];
  product(u, a, v);
  for (int64_t k = 0; k < size; k++) t[k] = b[12] * a6[k] + b[10] * a4[k] + b[8] * a2[k];
  product(v, a6, t);
  for (int64_t k = 0; k < size; k++) v[k] += b[6] * a6[k] + b[4] * a4[k] + b[2] * a2[k];
  for (int64_t i = 0; i < n; i++) v[i * n + i] += b[0];
  // (v - u) r = v + u
  for (int64_t k = 0; k < size; k++) {
    const double even = v[k], odd = u[k];
    v[k] = even - odd;
    u[k] = even + odd;
  }
  double sign;
  factorLu(w, v, n, n, pivots, sign);
  solveLu(w, v, pivots, u, n, n);
  double *from = u, *to = v;
  for (int i = 0; i < squarings; i++) {
    product(to, from, from);
    double* const held = from;
    from = to;
    to = held;
  }
  return from;
}

int64_t cofactorDoubles(int64_t n) { return workDoubles(n, 5 * n * n + 8 * n); }

/// det(q) of an orthogonal matrix: 1 or -1.
double orientation(const Work& w, double* q, int64_t n, int32_t* pivots) {
  double sign;
  factorLu(w, q, n, n, pivots, sign);
  for (int64_t i = 0; i < n; i++)
    if (q[i * n + i] < 0) sign = -sign;
  return sign;
}

/// The cofactors of a [n, n] in place: det(a) a^-T where the pivots allow it, else
/// det(u) det(v) u diag(product of the other singular values) vᵀ, which needs no division.
void cofactors(const Work& w, double* a, int64_t n) {
  const int64_t size = n * n;
  double *const lu = a + size, *const inverse = lu + size, *const u = inverse + size, *const v = u + size,
                *const rest = v + size;
  int32_t* const pivots = reinterpret_cast<int32_t*>(rest + 7 * n);
  if (!allFinite(a, size)) return fillWith(a, size, kNaN);
  copyTo(lu, a, size);
  Product determinant;
  factorLu(w, lu, n, n, pivots, determinant.mantissa);
  double least = __builtin_inf(), most = 0;
  for (int64_t i = 0; i < n; i++) {
    const double pivot = abs(lu[i * n + i]);
    least = pivot < least ? pivot : least;
    most = pivot > most ? pivot : most;
    determinant.times(lu[i * n + i]);
  }
  if (least > 1e-8 * most) {
    fillWith(inverse, size, 0);
    for (int64_t i = 0; i < n; i++) inverse[i * n + i] = 1;
    solveLu(w, lu, pivots, inverse, n, n);
    const double d = determinant.value();
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < n; j++) a[i * n + j] = d * inverse[j * n + i];
    return;
  }
  const double scale = scaleOf(a, size);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++) lu[j * n + i] = a[i * n + j] * scale;  // columns as rows
  const SingularWork x{lu, rest, rest + n, rest + 2 * n, rest + 3 * n, rest + 4 * n, u, v, n};
  bidiagonalize(x, n, n);
  formSingularVectors(x, n, n);
  if (!iterateSingular(x, n, n)) return fillWith(a, size, kNaN);
  copyTo(lu, u, size);
  copyTo(inverse, v, size);
  const double sign = orientation(w, lu, n, pivots) * orientation(w, inverse, n, pivots);
  for (int64_t i = 0; i < n; i++) {
    Product others;
    for (int64_t j = 0; j < n; j++)
      if (j != i) others.times(x.s[j] / scale);
    const double factor = sign * others.value();
    for (int64_t j = 0; j < n; j++) u[i * n + j] *= factor;
  }
  multiply(w, a, n, {u, 1, n}, {v, n, 1}, n, n, n, false, false);
}

double powOf(double x, double y) {
  using V = simd::Vec<double>;
  return math::pow(V(x), V(y)).raw[0];
}

/// Rows of two matrices: Σ|a - b|^p, its root, the largest |a - b|, or how many differ.
template <class T, class Add>
double overRow(const T* a, int64_t aStep, const T* b, int64_t bStep, int64_t n, Add add) {
  constexpr int kLanes = 8;
  double sums[kLanes] = {};
  int64_t k = 0;
  for (; k + kLanes <= n; k += kLanes)
    for (int i = 0; i < kLanes; i++)
      sums[i] = add(sums[i],
                    abs(static_cast<double>(a[(k + i) * aStep]) - static_cast<double>(b[(k + i) * bStep])));
  for (; k < n; k++)
    sums[0] = add(sums[0], abs(static_cast<double>(a[k * aStep]) - static_cast<double>(b[k * bStep])));
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

template <class T>
double distance(const T* a, int64_t aStep, const T* b, int64_t bStep, int64_t n, double p) {
  if (p == 2) return sqrt(overRow(a, aStep, b, bStep, n, [](double s, double d) { return s + d * d; }));
  if (p == 1) return overRow(a, aStep, b, bStep, n, [](double s, double d) { return s + d; });
  if (p == 0)
    return overRow(a, aStep, b, bStep, n, [](double s, double d) { return s + (d == 0 ? 0.0 : 1.0); });
  if (p < __builtin_inf())
    return powOf(overRow(a, aStep, b, bStep, n, [p](double s, double d) { return s + powOf(d, p); }), 1 / p);
  double most = 0;
  for (int64_t k = 0; k < n; k++) {
    const double d = abs(static_cast<double>(a[k * aStep]) - static_cast<double>(b[k * bStep]));
    if (d > most || d != d) most = d;
    if (d != d) break;
  }
  return most;
}

}  // namespace

size_t matrixExpWorkspace(const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), expDoubles(rowsOfMatrix(a)));
}
void matrixExp(Stream& s, const Out& out, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s, isSquares(a) && isMatrices(out, count, n, n), "matrixExp: wants square matrices")) return;
  forEachMatrix(s, count, expDoubles(n), n, [&](const Work& w, int64_t i, double* x) {
    load(x, a, i);
    const bool finite = allFinite(x, n * n);
    if (!finite) fillWith(x, n * n, kNaN);
    store(out, i, finite ? exponential(w, x, n) : x, n);
  });
}

size_t cofactorWorkspace(const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), cofactorDoubles(rowsOfMatrix(a)));
}
void cofactor(Stream& s, const Out& out, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s, isSquares(a) && isMatrices(out, count, n, n), "cofactor: wants square matrices")) return;
  forEachMatrix(s, count, cofactorDoubles(n), n, [&](const Work& w, int64_t i, double* x) {
    load(x, a, i);
    cofactors(w, x, n);
    store(out, i, x, n);
  });
}

void cdist(Stream& s, const Out& out, const In& a, const In& b, const double& p) {
  const int64_t rows = rowsOfMatrix(a), others = rowsOfMatrix(b), n = colsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s,
               isFloatView(a) && isMatrices(b, count, others, n) && isMatrices(out, count, rows, others) &&
                   a.dtype == out.dtype && b.dtype == out.dtype,
               "cdist: out, a and b do not fit together"))
    return;
  const int64_t total = count * rows;
  if (total == 0 || others == 0) return;
  withFloat(s, out.dtype, "cdist", [&]<class T>() {
    const int r = out.rank - 2;
    const int64_t work = others * (n + 1), perChunk = maxOf(1, 32768 / work);
    const auto chunk = [&](int64_t c) {
      for (int64_t row = c * perChunk, end = minOf(total, row + perChunk); row < end; row++) {
        const int64_t i = row / rows, j = row % rows;
        const T* const from = static_cast<const T*>(a.data) + offsetOf(a, 2, i) + j * a.stride[r];
        const T* const with = static_cast<const T*>(b.data) + offsetOf(b, 2, i);
        T* const to = static_cast<T*>(out.data) + offsetOf(out, 2, i) + j * out.stride[r];
        for (int64_t k = 0; k < others; k++)
          to[k * out.stride[r + 1]] =
              static_cast<T>(distance(from, a.stride[r + 1], with + k * b.stride[r], b.stride[r + 1], n, p));
      }
    };
    if (total <= perChunk) chunk(0);
    else parallelFor(s, ceilDiv(total, perChunk), chunk);
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
