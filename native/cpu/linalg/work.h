// What the decompositions share: matrices of a batch copied into dense double working memory, and products
// there. Everything computes in double, whatever the tensors hold: float32 results are then right to
// rounding, and one body serves both.
#pragma once
#include "../../ops/batch.h"
#include "../../ops/linalg.h"
#include "../../ops/rows/linalg.h"
#include "../gemm.h"

WG_PROTOTYPES(WG_LINALG_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {

/// Columns factored at a time before the rest is updated by a matrix product.
inline constexpr int64_t kPanel = 32;
/// Working memory up to this many doubles a matrix lies in the thread's own scratch, and no product is
/// blocked.
inline constexpr int64_t kSmallWork = 24576;
/// Rows of an update done by one thread.
inline constexpr int64_t kUpdateRows = 64;

/// How the routines for one matrix may work.
struct Work {
  Stream& s;
  bool blocked;   ///< products may use the packed kernels, which need the thread's scratch
  bool parallel;  ///< the only matrix: its products may use all threads
  double* panel;  ///< kPanel doubles for each row of the largest operand
};

inline int64_t rowsOfMatrix(const View& v) { return v.rank < 2 ? 0 : v.shape[v.rank - 2]; }
inline int64_t colsOfMatrix(const View& v) { return v.rank < 1 ? 0 : v.shape[v.rank - 1]; }

template <class T>
inline void loadStrided(double* to, const T* from, int64_t rows, int64_t cols, int64_t row, int64_t col) {
  for (int64_t i = 0; i < rows; i++, from += row, to += cols)
    for (int64_t j = 0; j < cols; j++) to[j] = static_cast<double>(from[j * col]);
}
/// Matrix `index` of v, or its transpose, as dense rows.
[[gnu::noinline]] inline void load(double* to, const View& v, int64_t index, bool transposed = false) {
  const int r = v.rank - 2;
  int64_t rows = v.shape[r], cols = v.shape[r + 1], row = v.stride[r], col = v.stride[r + 1];
  if (transposed) {
    const int64_t size = rows, step = row;
    rows = cols, cols = size, row = col, col = step;
  }
  const int64_t at = offsetOf(v, 2, index);
  if (v.dtype == DType::f32) loadStrided(to, static_cast<const float*>(v.data) + at, rows, cols, row, col);
  else loadStrided(to, static_cast<const double*>(v.data) + at, rows, cols, row, col);
}

template <class T>
inline void storeStrided(T* to, const double* from, int64_t rows, int64_t cols, int64_t row, int64_t col,
                         int64_t fromRow, int64_t fromCol) {
  for (int64_t i = 0; i < rows; i++, to += row, from += fromRow)
    for (int64_t j = 0; j < cols; j++) to[j * col] = static_cast<T>(from[j * fromCol]);
}
/// Writes matrix `index` of v from memory with the given strides.
[[gnu::noinline]] inline void store(const View& v, int64_t index, const double* from, int64_t fromRow,
                                    int64_t fromCol = 1) {
  const int r = v.rank - 2;
  const int64_t at = offsetOf(v, 2, index);
  const auto put = [&](auto* to) {
    storeStrided(to + at, from, v.shape[r], v.shape[r + 1], v.stride[r], v.stride[r + 1], fromRow, fromCol);
  };
  if (v.dtype == DType::f32) put(static_cast<float*>(v.data));
  else put(static_cast<double*>(v.data));
}
/// Writes vector `index` of v, or its number when v has no more than the batch axes.
[[gnu::noinline]] inline void storeVector(const View& v, int trailing, int64_t index, const double* from) {
  const int64_t at = offsetOf(v, trailing, index);
  const int64_t n = trailing ? v.shape[v.rank - 1] : 1, step = trailing ? v.stride[v.rank - 1] : 0;
  if (v.dtype == DType::f32) storeStrided(static_cast<float*>(v.data) + at, from, 1, n, 0, step, 0, 1);
  else storeStrided(static_cast<double*>(v.data) + at, from, 1, n, 0, step, 0, 1);
}

inline void fillWith(double* to, int64_t n, double value) {
  for (int64_t i = 0; i < n; i++) to[i] = value;
}
inline void copyTo(double* to, const double* from, int64_t n) {
  __builtin_memcpy(to, from, static_cast<size_t>(n) * sizeof(double));
}
inline bool allFinite(const double* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += x[i] - x[i];  // NaN unless every term is 0
  return sum == 0;
}
/// Four accumulators: the order of the sum is fixed, and one chain of adds would be slow.
inline double dotOf(const double* a, const double* b, int64_t n) {
  using Vec = Lanes<double>::Vec;
  constexpr int L = Lanes<double>::kCount;
  Vec acc[2] = {};
  int64_t i = 0;
  for (; i + 2 * L <= n; i += 2 * L) {
    acc[0] += loadVec(a + i) * loadVec(b + i);
    acc[1] += loadVec(a + i + L) * loadVec(b + i + L);
  }
  acc[0] += acc[1];
  double sum = 0;
  for (int k = 0; k < L; k++) sum += acc[0][k];
  for (; i < n; i++) sum += a[i] * b[i];
  return sum;
}
inline void axpy(double* __restrict__ y, double a, const double* __restrict__ x, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}
/// Euclidean norm without overflow.
inline double normOf(const double* x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = abs(x[i]) > most ? abs(x[i]) : most;
  if (!(most > 0)) return most;
  if (most > 1e-140 && most < 1e140) return sqrt(dotOf(x, x, n));
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += (x[i] / most) * (x[i] / most);
  return most * sqrt(sum);
}
/// The power of two that brings the largest magnitude of x near 1, so that squares neither overflow nor
/// vanish.
inline double scaleOf(const double* x, int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) most = abs(x[i]) > most ? abs(x[i]) : most;
  return scaleFor(most);
}

/// An operand of a product, strides in elements.
struct Factor {
  const double* data;
  int64_t row, col;
};

/// C[m, n] = (or += with `accumulate`) sign A[m, k] B[k, n]; C has rows of cRow elements. A negative sign
/// needs k <= kPanel.
[[gnu::noinline]] inline void multiply(const Work& w, double* c, int64_t cRow, Factor a, Factor b, int64_t m,
                                       int64_t n, int64_t k, bool negative, bool accumulate) {
  if (m <= 0 || n <= 0) return;
  if (!w.blocked || m * n * k < 8192) {
    const double sign = negative ? -1 : 1;
    for (int64_t i = 0; i < m; i++) {
      double* const to = c + i * cRow;
      if (!accumulate) fillWith(to, n, 0);
      if (b.col == 1) {
        for (int64_t x = 0; x < k; x++) axpy(to, sign * a.data[i * a.row + x * a.col], b.data + x * b.row, n);
      } else {
        for (int64_t j = 0; j < n; j++) {
          double sum = 0;
          for (int64_t x = 0; x < k; x++)
            sum += a.data[i * a.row + x * a.col] * b.data[x * b.row + j * b.col];
          to[j] += sign * sum;
        }
      }
    }
    return;
  }
  if (negative) {
    for (int64_t i = 0; i < m; i++)
      for (int64_t x = 0; x < k; x++) w.panel[i * k + x] = -a.data[i * a.row + x * a.col];
    a = {w.panel, k, 1};
  }
  const auto rows = [&](int64_t from, int64_t count) {
    void* const scratch = workerScratch();
    if (!scratch) return fail(w.s, Code::outOfMemory, "linear algebra: no memory for a packing buffer");
    Gemm<double> g{count,   n,
                   k,       a.data + from * a.row,
                   a.row,   a.col,
                   b.data,  b.row,
                   b.col,   c + from * cRow,
                   cRow,    1,
                   nullptr, 0,
                   nullptr, 0};
    g.accumulate = accumulate;
    gemmBlock(g, static_cast<double*>(scratch));
  };
  if (!w.parallel) return rows(0, m);
  parallelFor(w.s, ceilDiv(m, kUpdateRows),
              [&](int64_t i) { rows(i * kUpdateRows, minOf(kUpdateRows, m - i * kUpdateRows)); });
}

/// Bytes of scratch for `count` matrices that need so many doubles each.
inline size_t slabBytes(int64_t count, int64_t doubles) {
  if (doubles <= kSmallWork) return 0;
  return static_cast<size_t>(minOf(count, kSlabs)) * static_cast<size_t>(doubles) * sizeof(double);
}

/// A routine for one matrix, seen without its type so that the loops over a batch are compiled once.
struct MatrixBody {
  const void* self;
  void (*call)(const void* self, const Work& w, int64_t index, double* memory);
  void operator()(const Work& w, int64_t index, double* memory) const { call(self, w, index, memory); }
};
inline void forEachMatrixOf(Stream& s, int64_t count, int64_t doubles, int64_t panelRows,
                            const MatrixBody& body) {
  if (count <= 0) return;
  if (doubles <= kSmallWork) {
    const int64_t group = maxOf(1, kSmallWork / maxOf(1, 4 * doubles));
    const auto chunk = [&](int64_t c) {
      void* const own = workerScratch();
      if (!own) return fail(s, Code::outOfMemory, "linear algebra: no memory for a working buffer");
      double* const memory = static_cast<double*>(own);
      const Work w{s, false, false, memory};
      for (int64_t i = c * group, end = minOf(count, i + group); i < end; i++)
        body(w, i, memory + panelRows * kPanel);
    };
    if (count <= group) return chunk(0);
    return parallelFor(s, ceilDiv(count, group), chunk);
  }
  const int64_t slabs = minOf(count, kSlabs);
  const auto slab = [&](int64_t c) {
    double* const memory = static_cast<double*>(s.scratch) + c * doubles;
    const Work w{s, true, count == 1, memory};
    for (int64_t i = c; i < count; i += slabs) body(w, i, memory + panelRows * kPanel);
  };
  if (slabs == 1) return slab(0);
  parallelFor(s, slabs, slab);
}
/// body(work, index, memory) for every matrix of a batch. The first doubles of the memory are work.panel's:
/// `panelRows` rows.
template <class Body>
inline void forEachMatrix(Stream& s, int64_t count, int64_t doubles, int64_t panelRows, const Body& body) {
  forEachMatrixOf(s, count, doubles, panelRows,
                  {&body, [](const void* self, const Work& w, int64_t index, double* memory) {
                     (*static_cast<const Body*>(self))(w, index, memory);
                   }});
}

/// Doubles of a matrix's memory with its panel.
inline int64_t workDoubles(int64_t panelRows, int64_t rest) { return panelRows * kPanel + rest; }

inline bool isFloatView(const View& v) { return v.dtype == DType::f32 || v.dtype == DType::f64; }
/// v is a batch of `count` matrices [rows, cols] of a float dtype.
inline bool isMatrices(const View& v, int64_t count, int64_t rows, int64_t cols) {
  return isFloatView(v) && v.rank >= 2 && rowsOfMatrix(v) == rows && colsOfMatrix(v) == cols &&
         batchOf(v, 2) == count;
}
inline bool isSquares(const View& v) {
  return isFloatView(v) && v.rank >= 2 && rowsOfMatrix(v) == colsOfMatrix(v);
}
inline bool isVectors(const View& v, int64_t count, int64_t n) {
  return isFloatView(v) && v.rank >= 1 && v.shape[v.rank - 1] == n && batchOf(v, 1) == count;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
