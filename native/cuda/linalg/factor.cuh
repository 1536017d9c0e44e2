// LU and Cholesky factors and triangular systems, in place in dense rows: a panel is factored, the rest
// updated by one product (Golub and Van Loan, Matrix Computations, 3.2, 3.4 and 4.2).
#pragma once
#include "matrix.cuh"

namespace wg::cuda {

/// The first row from `first` on whose element of column `first` is largest; `first` itself where that is
/// NaN.
WG_DEV int pivotRow(const double* a, int m, int n, int first) {
  using Best = Pair<double, int>;
  Best best{-1, m};
  for (int i = first + static_cast<int>(threadIdx.x); i < m; i += static_cast<int>(blockDim.x)) {
    const double size = abs(a[int64_t{i} * n + first]);
    if (size > best.first) best = {size, i};
  }
  best = blockReducePair(best, Best{-1, m}, [](Best x, Best y) {
    return y.first > x.first || (y.first == x.first && y.second < x.second) ? y : x;
  });
  const double own = a[int64_t{first} * n + first];
  return own != own ? first : best.second;
}

struct LuResult {
  int singular;  ///< the first row whose pivot is 0, or -1
  double sign;   ///< of the permutation
};
/// P A = L U of a [m, n]: L's unit diagonal is not stored; row i was exchanged with pivots[i].
inline WG_DEV_CALLED LuResult factorLu(double* a, int m, int n, int32_t* pivots) {
  const int steps = m < n ? m : n, lane = laneId();
  const int64_t row = n;
  LuResult result{-1, 1};
  for (int k0 = 0; k0 < steps; k0 += kPanel) {
    const int end = k0 + kPanel < steps ? k0 + kPanel : steps;
    for (int j = k0; j < end; j++) {
      const int p = pivotRow(a, m, n, j);
      syncBlock();
      if (threadIdx.x == 0) pivots[j] = p;
      if (p != j) {
        result.sign = -result.sign;
        forEach(n, [&](int64_t c) {
          const double held = a[j * row + c];
          a[j * row + c] = a[p * row + c];
          a[p * row + c] = held;
        });
      }
      syncBlock();
      const double pivot = a[j * row + j];
      if (pivot == 0) {
        if (result.singular < 0) result.singular = j;
        continue;
      }
      // A warp a row, a lane a column of the panel.
      const bool mine = k0 + lane < end;
      const double upper = mine ? a[j * row + k0 + lane] : 0;
      for (int i = j + 1 + warpId(); i < m; i += warpsOfBlock()) {
        const double value = mine ? a[i * row + k0 + lane] : 0;
        const double l = shuffle(value, j - k0) / pivot;
        if (mine && k0 + lane >= j) a[i * row + k0 + lane] = k0 + lane == j ? l : value - l * upper;
      }
      syncBlock();
    }
    forEach(n - end, [&](int64_t c) {
      for (int i = k0 + 1; i < end; i++) {
        double value = a[i * row + end + c];
        for (int r = k0; r < i; r++) value -= a[i * row + r] * a[r * row + end + c];
        a[i * row + end + c] = value;
      }
    });
    syncBlock();
    if (end < m && end < n)
      multiply(a + end * row + end, row, {a + end * row + k0, row, 1}, {a + k0 * row + end, row, 1}, m - end,
               n - end, end - k0, -1, true);
  }
  return result;
}

/// T X = B in place of B [n, k]; T is triangular with strides, its other half is not read.
inline WG_DEV_CALLED void solveTriangular(Factor t, bool upper, bool unit, double* b, int n, int k) {
  for (int done = 0; done < n; done += kPanel) {
    const int size = kPanel < n - done ? kPanel : n - done;
    const int first = upper ? n - done - size : done, last = first + size;
    // A thread a column: it needs nothing of the others.
    forEach(k, [&](int64_t c) {
      for (int x = 0; x < size; x++) {
        const int i = upper ? last - 1 - x : first + x;
        const double* const row = t.data + i * t.row;
        double value = b[int64_t{i} * k + c];
        for (int r = upper ? i + 1 : first, to = upper ? last : i; r < to; r++)
          value -= row[r * t.col] * b[int64_t{r} * k + c];
        b[int64_t{i} * k + c] = unit ? value : value / row[i * t.col];
      }
    });
    syncBlock();
    const int rest = upper ? 0 : last, count = upper ? first : n - last;
    if (count > 0)
      multiply(b + int64_t{rest} * k, k, {t.data + rest * t.row + first * t.col, t.row, t.col},
               {b + int64_t{first} * k, k, 1}, count, k, size, -1, true);
  }
}

/// a x = b from a's factors, in place of b [n, k].
WG_DEV void solveLu(const double* lu, const int32_t* pivots, double* b, int n, int k) {
  forEach(k, [&](int64_t c) {
    for (int64_t i = 0; i < n; i++) {
      const double held = b[i * k + c];
      b[i * k + c] = b[int64_t{pivots[i]} * k + c];
      b[int64_t{pivots[i]} * k + c] = held;
    }
  });
  syncBlock();
  solveTriangular({lu, n, 1}, false, true, b, n, k);
  solveTriangular({lu, n, 1}, true, false, b, n, k);
}

/// A = L Lᵀ in the lower triangle of a [n, n]. Returns the first row that shows A not positive definite, or
/// -1.
WG_DEV int factorCholesky(double* a, int n) {
  const int64_t row = n;
  for (int k0 = 0; k0 < n; k0 += kPanel) {
    const int end = k0 + kPanel < n ? k0 + kPanel : n;
    for (int j = k0; j < end; j++) {
      double* const pivots = a + j * row + k0;
      double d = pivots[j - k0];
      for (int r = 0; r < j - k0; r++) d -= pivots[r] * pivots[r];
      if (!(d > 0) || d - d != 0) return j;
      const double root = sqrt(d);
      syncBlock();
      if (threadIdx.x == 0) pivots[j - k0] = root;
      forEach(n - j - 1, [&](int64_t i) {
        double* const mine = a + (j + 1 + i) * row + k0;
        double value = mine[j - k0];
        for (int r = 0; r < j - k0; r++) value -= mine[r] * pivots[r];
        mine[j - k0] = value / root;
      });
      syncBlock();
    }
    // Only the lower triangle of the rest, in strips of columns.
    constexpr int kStrip = 64;
    for (int c = end; c < n; c += kStrip)
      multiply(a + c * row + c, row, {a + c * row + k0, row, 1}, {a + c * row + k0, 1, row}, n - c,
               kStrip < n - c ? kStrip : n - c, end - k0, -1, true);
  }
  return -1;
}

}  // namespace wg::cuda
