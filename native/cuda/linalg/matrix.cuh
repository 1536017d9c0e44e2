// What the decompositions share: a block works on one matrix of a batch, in dense double working memory,
// whatever the tensors hold. Memory is shared where it is small, else a slab of scratch; routines that say
// nothing else are called by all threads of the block and begin and end with what they touch visible to all.
#pragma once
#include "../../ops/batch.h"
#include "../../ops/linalg.h"
#include "../prototype.h"
#include "../wg/block.h"
#include "../wg/error.h"
#include "../wg/index.h"
#include "../wg/launch.h"

namespace wg::cuda {

inline constexpr int kMatrixThreads = 256;
/// Columns factored at a time before the rest is updated by a product: a lane each.
inline constexpr int kPanel = kWarp;
/// Working memory up to this many doubles is shared.
inline constexpr int64_t kSharedDoubles = 3072;
/// Slabs of scratch hold this many doubles together, and are no fewer than kFewestSlabs.
inline constexpr int64_t kSlabDoubles = int64_t{1} << 25, kFewestSlabs = 16, kMostSlabs = 1024;

/// The matrices of a batch; vectors are matrices of one row.
struct Matrices {
  char* data;
  bool isFloat;
  int32_t rows, cols;
  int64_t row, col;
  Offsets<1, uint64_t> batch;
};

/// `axes`: 2 for matrices, 1 for vectors, 0 for numbers.
inline Matrices matricesOf(const View& v, int axes = 2) {
  View batch = v;
  batch.rank -= axes;
  const View* const views[] = {&batch};
  const int last = v.rank - 1;
  return {static_cast<char*>(v.data),
          v.dtype == DType::f32,
          axes > 1 ? static_cast<int32_t>(v.shape[last - 1]) : 1,
          axes > 0 ? static_cast<int32_t>(v.shape[last]) : 1,
          axes > 1 ? v.stride[last - 1] : 0,
          axes > 0 ? v.stride[last] : 0,
          axesOf(views).offsets<uint64_t>()};
}

/// f(i) for i below n, a thread each.
template <class F>
WG_DEV void forEach(int64_t n, F f) {
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) f(i);
}
WG_DEV int warpsOfBlock() { return static_cast<int>(blockDim.x) / kWarp; }

/// Matrix `index` of v, or its transpose, as dense rows. Ends without a barrier.
WG_DEV void loadMatrix(double* to, const Matrices& v, int64_t index, bool transposed = false) {
  const int64_t base = v.batch(static_cast<uint64_t>(index))[0];
  forEach(int64_t{v.rows} * v.cols, [&](int64_t i) {
    const int64_t r = i / v.cols, c = i - r * v.cols, at = base + r * v.row + c * v.col;
    to[transposed ? c * v.rows + r : i] =
        v.isFloat ? static_cast<double>(reinterpret_cast<const float*>(v.data)[at])
                  : reinterpret_cast<const double*>(v.data)[at];
  });
}
/// Element (r, c) of matrix `index` of v becomes value(r, c).
template <class F>
WG_DEV void storeEach(const Matrices& v, int64_t index, F value) {
  const int64_t base = v.batch(static_cast<uint64_t>(index))[0];
  forEach(int64_t{v.rows} * v.cols, [&](int64_t i) {
    const int64_t r = i / v.cols, c = i - r * v.cols, at = base + r * v.row + c * v.col;
    const double x = value(r, c);
    if (v.isFloat) reinterpret_cast<float*>(v.data)[at] = static_cast<float>(x);
    else reinterpret_cast<double*>(v.data)[at] = x;
  });
}
/// From memory with the given strides.
WG_DEV void storeMatrix(const Matrices& v, int64_t index, const double* from, int64_t row, int64_t col = 1) {
  storeEach(v, index, [&](int64_t r, int64_t c) { return from[r * row + c * col]; });
}

WG_DEV void fillWith(double* to, int64_t n, double value) {
  forEach(n, [&](int64_t i) { to[i] = value; });
}
WG_DEV void setIdentity(double* to, int64_t rows, int64_t cols) {
  forEach(rows * cols, [&](int64_t i) { to[i] = i / cols == i % cols ? 1 : 0; });
}
WG_DEV bool allFinite(const double* x, int64_t n) {
  int other = 0;
  forEach(n, [&](int64_t i) { other |= x[i] - x[i] != 0; });
  return blockReduce(other, 0, Max{}) == 0;
}
/// The power of two that brings the largest magnitude of x near 1, so that squares neither overflow nor
/// vanish.
WG_DEV double scaleOf(const double* x, int64_t n) {
  double most = 0;
  forEach(n, [&](int64_t i) { most = abs(x[i]) > most ? abs(x[i]) : most; });
  return scaleFor(blockReduce(most, 0.0, Max{}));
}

/// An operand of a product, strides in elements.
struct Factor {
  const double* data;
  int64_t row, col;
};

/// C[m, n] = (or += with `accumulate`) sign A[m, k] B[k, n]; C has rows of cRow elements.
inline WG_DEV_CALLED void multiply(double* c, int64_t cRow, Factor a, Factor b, int m, int n, int k,
                                   double sign, bool accumulate) {
  constexpr int kTile = 64, kDepth = 16, kEach = 4, kSide = kTile / kEach;
  WG_SHARED(double, left, [kDepth][kTile + 1]);
  WG_SHARED(double, right, [kDepth][kTile + 1]);
  if (blockDim.x != kMatrixThreads || int64_t{m} * n * k < 65536) {
    forEach(int64_t{m} * n, [&](int64_t i) {
      const int64_t r = i / n, j = i - r * n;
      const double *x = a.data + r * a.row, *y = b.data + j * b.col;
      double sum = 0;
      for (int l = 0; l < k; l++, x += a.col, y += b.row) sum += *x * *y;
      double& to = c[r * cRow + j];
      to = accumulate ? to + sign * sum : sign * sum;
    });
    return syncBlock();
  }
  const int thread = static_cast<int>(threadIdx.x), across = thread % kSide, down = thread / kSide;
  for (int r0 = 0; r0 < m; r0 += kTile)
    for (int c0 = 0; c0 < n; c0 += kTile) {
      double sum[kEach][kEach] = {};
      for (int k0 = 0; k0 < k; k0 += kDepth) {
        // Neighbouring threads read neighbours, whichever way an operand lies.
        for (int e = thread; e < kTile * kDepth; e += kMatrixThreads) {
          const int r = a.col == 1 ? e / kDepth : e % kTile, l = a.col == 1 ? e % kDepth : e / kTile;
          left[l][r] = r0 + r < m && k0 + l < k ? a.data[(r0 + r) * a.row + (k0 + l) * a.col] : 0;
          const int x = b.col == 1 ? e % kTile : e / kDepth, y = b.col == 1 ? e / kTile : e % kDepth;
          right[y][x] = c0 + x < n && k0 + y < k ? b.data[(k0 + y) * b.row + (c0 + x) * b.col] : 0;
        }
        syncBlock();
        for (int l = 0; l < kDepth; l++) {
          double x[kEach], y[kEach];
          WG_UNROLL
          for (int i = 0; i < kEach; i++) {
            x[i] = left[l][down + i * kSide];
            y[i] = right[l][across + i * kSide];
          }
          WG_UNROLL
          for (int i = 0; i < kEach; i++) {
            WG_UNROLL
            for (int j = 0; j < kEach; j++) sum[i][j] += x[i] * y[j];
          }
        }
        syncBlock();
      }
      WG_UNROLL
      for (int i = 0; i < kEach; i++) {
        WG_UNROLL
        for (int j = 0; j < kEach; j++) {
          const int r = r0 + down + i * kSide, x = c0 + across + j * kSide;
          if (r >= m || x >= n) continue;
          double& to = c[r * cRow + x];
          to = accumulate ? to + sign * sum[i][j] : sign * sum[i][j];
        }
      }
    }
  syncBlock();
}

/// Where the blocks of a launch work.
struct Slabs {
  double* scratch;  ///< null: in shared memory
  int64_t doubles;  ///< of a slab
  int64_t count;    ///< matrices
};

/// body(index, memory) for this block's share of the matrices.
template <class F>
WG_DEV void forEachMatrix(const Slabs& slabs, F body) {
  WG_DYN_SHARED(bytes);
  double* const memory =
      slabs.scratch ? slabs.scratch + blockIdx.x * slabs.doubles : reinterpret_cast<double*>(bytes);
  for (int64_t i = blockIdx.x; i < slabs.count; i += gridDim.x) {
    body(i, memory);
    syncBlock();
  }
}

inline int64_t slabsFor(int64_t count, int64_t doubles) {
  const int64_t room = minOf(kMostSlabs, maxOf(kFewestSlabs, kSlabDoubles / maxOf(1, doubles)));
  return doubles <= kSharedDoubles ? minOf(count, int64_t{1} << 20) : minOf(count, room);
}
/// Bytes of scratch for `count` matrices that need so many doubles each.
inline size_t slabBytes(int64_t count, int64_t doubles) {
  if (doubles <= kSharedDoubles) return 0;
  return static_cast<size_t>(slabsFor(count, doubles)) * static_cast<size_t>(doubles) * sizeof(double);
}
/// Launches kernel(Slabs, arguments…) for matrices whose larger size is `side`.
template <class... P, class... A>
void launchMatrices(Stream& s, void (*kernel)(P...), int64_t count, int64_t doubles, int64_t side,
                    const A&... arguments) {
  if (count <= 0) return;
  const bool shared = doubles <= kSharedDoubles;
  const Slabs slabs{shared ? nullptr : static_cast<double*>(s.scratch), doubles, count};
  const unsigned threads = side <= 16 ? kWarp : side <= 48 ? 4 * kWarp : kMatrixThreads;
  launch(s, kernel, dim3(static_cast<unsigned>(slabsFor(count, doubles))), dim3(threads),
         shared ? static_cast<size_t>(doubles) * sizeof(double) : 0, slabs, arguments...);
}

inline int64_t rowsOfMatrix(const View& v) { return v.rank < 2 ? 0 : v.shape[v.rank - 2]; }
inline int64_t colsOfMatrix(const View& v) { return v.rank < 1 ? 0 : v.shape[v.rank - 1]; }
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

}  // namespace wg::cuda
