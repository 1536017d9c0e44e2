// Cholesky and LU factors, triangular and general systems, determinants.
#include "../simd/exponent.h"
#include "factor.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// Doubles that hold n row numbers.
int64_t pivotDoubles(int64_t n) { return (n + 1) / 2; }
int32_t* pivotsAt(double* memory) { return reinterpret_cast<int32_t*>(memory); }

int64_t squareDoubles(const View& a) {
  const int64_t n = rowsOfMatrix(a);
  return workDoubles(n, n * n + pivotDoubles(n));
}
int64_t systemDoubles(const View& a, const View& b) {
  return squareDoubles(a) + rowsOfMatrix(b) * colsOfMatrix(b);
}
int64_t rectangleDoubles(const View& a) {
  const int64_t m = rowsOfMatrix(a), n = colsOfMatrix(a);
  return workDoubles(m, m * n + pivotDoubles(m));
}

bool fits(Stream& s, const char* message, const View& out, const View& a, const View& b) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  return require(
      s,
      isSquares(a) && isMatrices(b, count, n, colsOfMatrix(b)) && isMatrices(out, count, n, colsOfMatrix(b)),
      message);
}

}  // namespace

size_t choleskyWorkspace(const Out&, const In& a) { return slabBytes(batchOf(a, 2), squareDoubles(a)); }
void cholesky(Stream& s, const Out& out, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s, isSquares(a) && isMatrices(out, count, n, n), "cholesky: wants square matrices")) return;
  forEachMatrix(s, count, squareDoubles(a), n, [&](const Work& w, int64_t i, double* l) {
    load(l, a, i);
    const int64_t bad = factorCholesky(w, l, n);
    if (bad >= 0) {
      return fail(s, Code::argument, "cholesky: matrix %lld is not positive definite (row %lld shows it)",
                  static_cast<long long>(i), static_cast<long long>(bad));
    }
    for (int64_t r = 0; r < n; r++) fillWith(l + r * n + r + 1, n - r - 1, 0);
    store(out, i, l, n);
  });
}

size_t triangularSolveWorkspace(const Out&, const In& a, const In& b, const int32_t&, const int32_t&) {
  return slabBytes(batchOf(a, 2), systemDoubles(a, b));
}
void triangularSolve(Stream& s, const Out& out, const In& a, const In& b, const int32_t& upper,
                     const int32_t& unit) {
  if (!fits(s, "triangularSolve: out, a and b do not fit together", out, a, b)) return;
  const int64_t n = rowsOfMatrix(a), k = colsOfMatrix(b);
  forEachMatrix(s, batchOf(a, 2), systemDoubles(a, b), n, [&](const Work& w, int64_t i, double* t) {
    double* const x = t + n * n;
    load(t, a, i);
    load(x, b, i);
    solveTriangular(w, {t, n, 1}, upper != 0, unit != 0, x, n, k);
    store(out, i, x, k);
  });
}

size_t luFactorWorkspace(const Out&, const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), rectangleDoubles(a));
}
void luFactor(Stream& s, const Out& lu, const Out& pivots, const In& a) {
  const int64_t m = rowsOfMatrix(a), n = colsOfMatrix(a), count = batchOf(a, 2), k = minOf(m, n);
  const bool fitting = isFloatView(a) && isMatrices(lu, count, m, n) && pivots.dtype == DType::i32 &&
                       pivots.rank >= 1 && pivots.shape[pivots.rank - 1] == k && batchOf(pivots, 1) == count;
  if (!require(s, fitting, "luFactor: lu, pivots and a do not fit together")) return;
  forEachMatrix(s, count, rectangleDoubles(a), m, [&](const Work& w, int64_t i, double* x) {
    int32_t* const rows = pivotsAt(x + m * n);
    load(x, a, i);
    double sign;
    factorLu(w, x, m, n, rows, sign);
    store(lu, i, x, n);
    int32_t* const to = static_cast<int32_t*>(pivots.data) + offsetOf(pivots, 1, i);
    for (int64_t j = 0; j < k; j++) to[j * pivots.stride[pivots.rank - 1]] = rows[j] + 1;
  });
}

void permutation(Stream& s, const Out& out, const In& pivots) {
  const int64_t count = batchOf(out, 1), m = out.rank > 0 ? out.shape[out.rank - 1] : 0;
  const bool fitting = out.dtype == DType::i32 && pivots.dtype == DType::i32 && out.rank >= 1 &&
                       pivots.rank >= 1 && batchOf(pivots, 1) == count;
  if (!require(s, fitting, "permutation: out and pivots do not fit together")) return;
  const int64_t steps = pivots.shape[pivots.rank - 1], step = out.stride[out.rank - 1];
  for (int64_t i = 0; i < count; i++) {
    const int32_t* const from = static_cast<const int32_t*>(pivots.data) + offsetOf(pivots, 1, i);
    int32_t* const to = static_cast<int32_t*>(out.data) + offsetOf(out, 1, i);
    for (int64_t j = 0; j < m; j++) to[j * step] = static_cast<int32_t>(j);
    for (int64_t j = 0; j < steps; j++) {
      const int64_t p = int64_t{from[j * pivots.stride[pivots.rank - 1]]} - 1;
      if (p < 0 || p >= m || j >= m)
        return fail(s, Code::index, "luSolve: pivot %lld is not a row, counted from 1, of a matrix with %lld",
                    static_cast<long long>(p + 1), static_cast<long long>(m));
      const int32_t held = to[j * step];
      to[j * step] = to[p * step];
      to[p * step] = held;
    }
  }
}

namespace {

/// a out = b for every matrix; without b the inverse.
void solveAll(Stream& s, const char* op, const View& out, const View& a, const View* b) {
  const int64_t n = rowsOfMatrix(a), k = colsOfMatrix(out);
  forEachMatrix(s, batchOf(a, 2), systemDoubles(a, out), n, [&](const Work& w, int64_t i, double* lu) {
    double* const x = lu + n * n;
    int32_t* const rows = pivotsAt(x + n * k);
    load(lu, a, i);
    if (b) {
      load(x, *b, i);
    } else {
      fillWith(x, n * n, 0);
      for (int64_t j = 0; j < n; j++) x[j * n + j] = 1;
    }
    double sign;
    const int64_t singular = factorLu(w, lu, n, n, rows, sign);
    if (singular >= 0) {
      return fail(s, Code::argument, "%s: matrix %lld is singular (pivot %lld is 0)", op,
                  static_cast<long long>(i), static_cast<long long>(singular));
    }
    solveLu(w, lu, rows, x, n, k);
    store(out, i, x, k);
  });
}

}  // namespace

size_t solveWorkspace(const Out&, const In& a, const In& b) {
  return slabBytes(batchOf(a, 2), systemDoubles(a, b));
}
void solve(Stream& s, const Out& out, const In& a, const In& b) {
  if (fits(s, "solve: out, a and b do not fit together", out, a, b)) solveAll(s, "solve", out, a, &b);
}

size_t inverseWorkspace(const Out& out, const In& a) {
  return slabBytes(batchOf(a, 2), systemDoubles(a, out));
}
void inverse(Stream& s, const Out& out, const In& a) {
  if (fits(s, "inverse: wants square matrices", out, a, a)) solveAll(s, "inverse", out, a, nullptr);
}

size_t detWorkspace(const Out&, const In& a) { return slabBytes(batchOf(a, 2), squareDoubles(a)); }
void det(Stream& s, const Out& out, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s, isSquares(a) && isFloatView(out) && numel(out) == count, "det: wants square matrices"))
    return;
  forEachMatrix(s, count, squareDoubles(a), n, [&](const Work& w, int64_t i, double* lu) {
    load(lu, a, i);
    Product product;
    factorLu(w, lu, n, n, pivotsAt(lu + n * n), product.mantissa);
    for (int64_t j = 0; j < n; j++) product.times(lu[j * n + j]);
    const double value = product.value();
    storeVector(out, 0, i, &value);
  });
}

size_t slogdetWorkspace(const Out&, const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), squareDoubles(a));
}
void slogdet(Stream& s, const Out& sign, const Out& logAbsolute, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  const bool fitting = isSquares(a) && isFloatView(sign) && isFloatView(logAbsolute) &&
                       numel(sign) == count && numel(logAbsolute) == count;
  if (!require(s, fitting, "slogdet: wants square matrices")) return;
  forEachMatrix(s, count, squareDoubles(a), n, [&](const Work& w, int64_t i, double* lu) {
    load(lu, a, i);
    double side, sum = 0;
    factorLu(w, lu, n, n, pivotsAt(lu + n * n), side);
    for (int64_t j = 0; j < n; j++) {
      const double u = lu[j * n + j];
      side *= u > 0 ? 1 : u < 0 ? -1 : u;
      sum += simd::logOf(abs(u));
    }
    storeVector(sign, 0, i, &side);
    storeVector(logAbsolute, 0, i, &sum);
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
