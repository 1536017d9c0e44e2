// Cholesky and LU factors, triangular and general systems, determinants.
#include "../../ops/math.h"
#include "../../ops/rows/linalg.h"
#include "factor.cuh"

WG_CUDA_PROTOTYPES(WG_LINALG_ROWS)

namespace wg::cuda {
namespace {

/// Doubles that hold n row numbers.
int64_t pivotDoubles(int64_t n) { return (n + 1) / 2; }
int64_t squareDoubles(const View& a) {
  const int64_t n = rowsOfMatrix(a);
  return n * n + pivotDoubles(n);
}
int64_t systemDoubles(const View& a, const View& b) {
  return squareDoubles(a) + rowsOfMatrix(b) * colsOfMatrix(b);
}
int64_t rectangleDoubles(const View& a) {
  const int64_t m = rowsOfMatrix(a), n = colsOfMatrix(a);
  return m * n + pivotDoubles(m);
}

bool fits(Stream& s, const char* message, const View& out, const View& a, const View& b) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  return require(
      s,
      isSquares(a) && isMatrices(b, count, n, colsOfMatrix(b)) && isMatrices(out, count, n, colsOfMatrix(b)),
      message);
}

WG_KERNEL(kMatrixThreads, 1)
choleskyKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices out, const WG_GRID_CONSTANT Matrices a,
               ErrorCell* error) {
  forEachMatrix(slabs, [&](int64_t i, double* l) {
    loadMatrix(l, a, i);
    syncBlock();
    const int64_t n = a.rows;
    const int bad = factorCholesky(l, a.rows);
    if (bad >= 0) {
      if (threadIdx.x == 0) raise(error, i, bad);
      return;
    }
    storeEach(out, i, [&](int64_t r, int64_t c) { return c <= r ? l[r * n + c] : 0; });
  });
}

WG_KERNEL(kMatrixThreads, 1)
triangularKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices out, const WG_GRID_CONSTANT Matrices a,
                 const WG_GRID_CONSTANT Matrices b, bool upper, bool unit) {
  forEachMatrix(slabs, [&](int64_t i, double* t) {
    const int64_t n = a.rows;
    double* const x = t + n * n;
    loadMatrix(t, a, i);
    loadMatrix(x, b, i);
    syncBlock();
    solveTriangular({t, n, 1}, upper, unit, x, a.rows, b.cols);
    storeMatrix(out, i, x, b.cols);
  });
}

WG_KERNEL(kMatrixThreads, 1)
luKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices lu, const WG_GRID_CONSTANT Matrices pivots,
         const WG_GRID_CONSTANT Matrices a) {
  forEachMatrix(slabs, [&](int64_t i, double* x) {
    int32_t* const rows = reinterpret_cast<int32_t*>(x + int64_t{a.rows} * a.cols);
    loadMatrix(x, a, i);
    syncBlock();
    factorLu(x, a.rows, a.cols, rows);
    storeMatrix(lu, i, x, a.cols);
    int32_t* const to = reinterpret_cast<int32_t*>(pivots.data) + pivots.batch(static_cast<uint64_t>(i))[0];
    forEach(pivots.cols, [&](int64_t j) { to[j * pivots.col] = rows[j] + 1; });
  });
}

/// a out = b; `b` without data stands for the identity.
WG_KERNEL(kMatrixThreads, 1)
solveKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices out, const WG_GRID_CONSTANT Matrices a,
            const WG_GRID_CONSTANT Matrices b, ErrorCell* error) {
  forEachMatrix(slabs, [&](int64_t i, double* lu) {
    const int64_t n = a.rows;
    double* const x = lu + n * n;
    int32_t* const rows = reinterpret_cast<int32_t*>(x + n * out.cols);
    loadMatrix(lu, a, i);
    if (b.data) loadMatrix(x, b, i);
    else setIdentity(x, n, n);
    syncBlock();
    const LuResult factored = factorLu(lu, a.rows, a.rows, rows);
    if (factored.singular >= 0) {
      if (threadIdx.x == 0) raise(error, i, factored.singular);
      return;
    }
    solveLu(lu, rows, x, a.rows, out.cols);
    storeMatrix(out, i, x, out.cols);
  });
}

/// The determinant, or with `logarithm` its sign and the logarithm of its magnitude.
WG_KERNEL(kMatrixThreads, 1)
determinantKernel(Slabs slabs, const WG_GRID_CONSTANT Matrices out, const WG_GRID_CONSTANT Matrices logarithm,
                  const WG_GRID_CONSTANT Matrices a) {
  forEachMatrix(slabs, [&](int64_t i, double* lu) {
    const int64_t n = a.rows;
    loadMatrix(lu, a, i);
    syncBlock();
    const LuResult factored = factorLu(lu, a.rows, a.rows, reinterpret_cast<int32_t*>(lu + n * n));
    if (!logarithm.data) {
      if (threadIdx.x == 0) {
        Product product;
        product.mantissa = factored.sign;
        for (int64_t j = 0; j < n; j++) product.times(lu[j * n + j]);
        lu[0] = product.value();
      }
      syncBlock();
      return storeMatrix(out, i, lu, 1);
    }
    double side = factored.sign, sum = 0;
    for (int64_t j = 0; j < n; j++) {
      const double u = lu[j * n + j];
      side *= u > 0 ? 1 : u < 0 ? -1 : u;
      sum += math::log(abs(u));
    }
    storeEach(out, i, [&](int64_t, int64_t) { return side; });
    storeEach(logarithm, i, [&](int64_t, int64_t) { return sum; });
  });
}

/// A thread a row of the output, whose exchanges follow each other.
WG_KERNEL(kMatrixThreads, 1)
permutationKernel(const WG_GRID_CONSTANT Matrices out, const WG_GRID_CONSTANT Matrices pivots, int64_t count,
                  ErrorCell* error) {
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += static_cast<int64_t>(gridDim.x) * blockDim.x) {
    const auto at = static_cast<uint64_t>(i);
    const int32_t* const from = reinterpret_cast<const int32_t*>(pivots.data) + pivots.batch(at)[0];
    int32_t* const to = reinterpret_cast<int32_t*>(out.data) + out.batch(at)[0];
    for (int j = 0; j < out.cols; j++) to[j * out.col] = j;
    for (int j = 0; j < pivots.cols; j++) {
      const int64_t p = int64_t{from[j * pivots.col]} - 1;
      if (p < 0 || p >= out.cols || j >= out.cols) {
        raise(error, p + 1);
        break;
      }
      const int32_t held = to[j * out.col];
      to[j * out.col] = to[p * out.col];
      to[p * out.col] = held;
    }
  }
}

}  // namespace

size_t choleskyWorkspace(const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), rowsOfMatrix(a) * rowsOfMatrix(a));
}
void cholesky(Stream& s, const Out& out, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s, isSquares(a) && isMatrices(out, count, n, n), "cholesky: wants square matrices") ||
      numel(a) == 0)
    return;
  ErrorCell* const error =
      errorCell(s, Code::argument, "cholesky: matrix %%lld is not positive definite (row %%lld shows it)");
  if (error) launchMatrices(s, choleskyKernel, count, n * n, n, matricesOf(out), matricesOf(a), error);
}

size_t triangularSolveWorkspace(const Out&, const In& a, const In& b, const int32_t&, const int32_t&) {
  return slabBytes(batchOf(a, 2), systemDoubles(a, b));
}
void triangularSolve(Stream& s, const Out& out, const In& a, const In& b, const int32_t& upper,
                     const int32_t& unit) {
  if (!fits(s, "triangularSolve: out, a and b do not fit together", out, a, b) || numel(out) == 0) return;
  launchMatrices(s, triangularKernel, batchOf(a, 2), systemDoubles(a, b),
                 maxOf(rowsOfMatrix(a), colsOfMatrix(b)), matricesOf(out), matricesOf(a), matricesOf(b),
                 upper != 0, unit != 0);
}

size_t luFactorWorkspace(const Out&, const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), rectangleDoubles(a));
}
void luFactor(Stream& s, const Out& lu, const Out& pivots, const In& a) {
  const int64_t m = rowsOfMatrix(a), n = colsOfMatrix(a), count = batchOf(a, 2), k = minOf(m, n);
  const bool fitting = isFloatView(a) && isMatrices(lu, count, m, n) && pivots.dtype == DType::i32 &&
                       pivots.rank >= 1 && pivots.shape[pivots.rank - 1] == k && batchOf(pivots, 1) == count;
  if (!require(s, fitting, "luFactor: lu, pivots and a do not fit together") || numel(a) == 0) return;
  launchMatrices(s, luKernel, count, rectangleDoubles(a), maxOf(m, n), matricesOf(lu), matricesOf(pivots, 1),
                 matricesOf(a));
}

void permutation(Stream& s, const Out& out, const In& pivots) {
  const int64_t count = batchOf(out, 1), m = out.rank > 0 ? out.shape[out.rank - 1] : 0;
  const bool fitting = out.dtype == DType::i32 && pivots.dtype == DType::i32 && out.rank >= 1 &&
                       pivots.rank >= 1 && batchOf(pivots, 1) == count;
  if (!require(s, fitting, "permutation: out and pivots do not fit together") || count == 0) return;
  ErrorCell* const error =
      errorCell(s, Code::index, "luSolve: pivot %%lld is not a row, counted from 1, of a matrix with %lld",
                static_cast<long long>(m));
  if (!error) return;
  constexpr int kThreads = 64;
  launch(s, permutationKernel, dim3(static_cast<unsigned>(minOf(ceilDiv<int64_t>(count, kThreads), 4096))),
         dim3(kThreads), 0, matricesOf(out, 1), matricesOf(pivots, 1), count, error);
}

namespace {

/// a out = b for every matrix; without b the inverse.
void solveAll(Stream& s, const char* op, const View& out, const View& a, const View* b) {
  if (numel(a) == 0) return;
  ErrorCell* const error =
      errorCell(s, Code::argument, "%s: matrix %%lld is singular (pivot %%lld is 0)", op);
  if (error)
    launchMatrices(s, solveKernel, batchOf(a, 2), systemDoubles(a, out),
                   maxOf(rowsOfMatrix(a), colsOfMatrix(out)), matricesOf(out), matricesOf(a),
                   b ? matricesOf(*b) : Matrices{}, error);
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

size_t detWorkspace(const Out&, const In& a) { return slabBytes(batchOf(a, 2), squareDoubles(a) + 1); }
void det(Stream& s, const Out& out, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  if (!require(s, isSquares(a) && isFloatView(out) && numel(out) == count, "det: wants square matrices"))
    return;
  launchMatrices(s, determinantKernel, count, squareDoubles(a) + 1, n, matricesOf(out, 0), Matrices{},
                 matricesOf(a));
}

size_t slogdetWorkspace(const Out&, const Out&, const In& a) {
  return slabBytes(batchOf(a, 2), squareDoubles(a) + 1);
}
void slogdet(Stream& s, const Out& sign, const Out& logAbsolute, const In& a) {
  const int64_t n = rowsOfMatrix(a), count = batchOf(a, 2);
  const bool fitting = isSquares(a) && isFloatView(sign) && isFloatView(logAbsolute) &&
                       numel(sign) == count && numel(logAbsolute) == count;
  if (!require(s, fitting, "slogdet: wants square matrices")) return;
  launchMatrices(s, determinantKernel, count, squareDoubles(a) + 1, n, matricesOf(sign, 0),
                 matricesOf(logAbsolute, 0), matricesOf(a));
}

}  // namespace wg::cuda
