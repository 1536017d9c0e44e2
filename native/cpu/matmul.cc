// Batched matrix product. C is cut into blocks by its shape; each block is one thread's work (gemm.h).
// Several threads cut some products another way; no way of cutting changes the bits.
#include "../ops/rows/matrix.h"

#include "chunks.h"
#include "gemm_halves.h"
#include "gemm_shared.h"

WG_PROTOTYPES(WG_MATRIX_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

// A chunk of 2^27 multiply-adds is some 2 ms (see kSerialWork).
constexpr double kLeastChunk = 1 << 18, kMostChunk = 1 << 30;

/// One matmul: the matrix of batch 0, and the batch axes with each argument's strides.
template <class T>
struct Batched {
  Gemm<T> matrix;
  int32_t axes;
  int64_t count;
  int64_t size[kMaxRank], a[kMaxRank], b[kMaxRank], c[kMaxRank];

  Gemm<T> at(int64_t index) const {
    Gemm<T> g = matrix;
    for (int32_t axis = axes - 1; axis >= 0 && index > 0; --axis) {
      const int64_t i = index % size[axis];
      index /= size[axis];
      g.a += i * a[axis];
      g.b += i * b[axis];
      g.c += i * c[axis];
    }
    return g;
  }
};

template <class T>
Batched<T> batchedOf(const Out& out, const In& a, const In& b, const MaybeIn& bias) {
  const int32_t r = out.rank - 2;
  Batched<T> op;
  op.matrix = {out.shape[r],
               out.shape[r + 1],
               a.shape[r + 1],
               static_cast<const T*>(a.data),
               a.stride[r],
               a.stride[r + 1],
               static_cast<const T*>(b.data),
               b.stride[r],
               b.stride[r + 1],
               static_cast<T*>(out.data),
               out.stride[r],
               out.stride[r + 1],
               static_cast<const T*>(bias.data),
               bias.data ? bias.stride[0] : 0,
               nullptr,
               0};
  op.axes = 0;
  op.count = 1;
  for (int32_t axis = 0; axis < r; ++axis) {
    op.count *= out.shape[axis];
    if (out.shape[axis] == 1) continue;
    op.size[op.axes] = out.shape[axis];
    op.a[op.axes] = a.stride[axis];
    op.b[op.axes] = b.stride[axis];
    op.c[op.axes++] = out.stride[axis];
  }
  return op;
}

/// C^T = B^T A^T, matrix by matrix.
template <class T>
Batched<T> transposed(const Batched<T>& op) {
  Batched<T> t = op;
  t.matrix = transposed(op.matrix);
  for (int32_t axis = 0; axis < op.axes; ++axis) t.a[axis] = op.b[axis], t.b[axis] = op.a[axis];
  return t;
}

/// The same product with rows of C contiguous, where they can be.
template <class T>
Batched<T> upright(const Batched<T>& op) {
  const Gemm<T>& g = op.matrix;
  return (g.cCol != 1 && g.cRow == 1) || (g.n == 1 && g.m > 1) ? transposed(op) : op;
}

/// Integers: no blocking, the order does not matter.
template <class T>
void plain(const Gemm<T>& g, T*) {
  for (int64_t i = 0; i < g.m; ++i) {
    T* const c = g.c + i * g.cRow;
    const T rowBias = g.rowBias ? g.rowBias[i * g.rowBiasStride] : T(0);
    for (int64_t j = 0; j < g.n; ++j)
      c[j * g.cCol] = g.columnBias ? g.columnBias[j * g.columnBiasStride] : rowBias;
    for (int64_t k = 0; k < g.k; ++k) {
      const T a = g.a[i * g.aRow + k * g.aCol];
      const T* const b = g.b + k * g.bRow;
      for (int64_t j = 0; j < g.n; ++j) c[j * g.cCol] = static_cast<T>(c[j * g.cCol] + a * b[j * g.bCol]);
    }
  }
}

template <class T>
void run(Stream& s, const Batched<T>& op) {
  const Gemm<T>& g = op.matrix;
  if (op.count <= 0 || g.m <= 0 || g.n <= 0) return;
  void (*block)(const Gemm<T>&, T*);
  if constexpr (T(0.5) == T(0)) {
    block = &plain<T>;
  } else {
    if (sharesPacking(g)) {
      for (int64_t i = 0; i < op.count && !failed(s); ++i) gemmShared(s, op.at(i));
      return;
    }
    if (const Halves<T> halves{g};
        op.count == 1 && threads() > 1 && halves.fit() && s.scratchBytes >= halves.bytes())
      return halves.run(s);
    block = blockOf(g);
  }
  const double each = static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k + 1);
  const double total = each * static_cast<double>(op.count);
  const auto scratch = [&s] {
    void* const bytes = workerScratch();
    if (!bytes) fail(s, Code::outOfMemory, "matmul: no memory for a packing buffer");
    return static_cast<T*>(bytes);
  };
  if (total <= kSerialWork) {
    T* const own = scratch();
    for (int64_t i = 0; own && i < op.count; ++i) block(op.at(i), own);
    return;
  }
  double chunk =
      total / 8;  // packing repeats per chunk: few and large, yet enough for the cores of one socket to share
  chunk = chunk < kLeastChunk ? kLeastChunk : chunk > kMostChunk ? kMostChunk : chunk;
  if (op.count > 1 && each <= chunk) {
    const int64_t group = static_cast<int64_t>(chunk / each);
    parallelFor(s, ceilDiv(op.count, group), [&](int64_t piece) {
      T* const own = scratch();
      const int64_t end = minOf(op.count, (piece + 1) * group);
      for (int64_t i = piece * group; own && i < end; ++i) block(op.at(i), own);
    });
    return;
  }
  const Grid grid = gridFor<T>(g, chunk);
  const int64_t elements = op.count * g.m * g.n;
  const int64_t rows = ceilDiv(g.m, grid.rows), cols = ceilDiv(g.n, grid.cols);
  parallelFor(s, op.count * rows * cols, [&](int64_t piece) {
    T* const own = scratch();
    if (!own) return;
    Gemm<T> part = op.at(piece / (rows * cols));
    const int64_t i = piece % (rows * cols) % rows * grid.rows, j = piece % (rows * cols) / rows * grid.cols;
    part.m = minOf(grid.rows, g.m - i);
    part.n = minOf(grid.cols, g.n - j);
    part.a += i * g.aRow;
    part.b += j * g.bCol;
    part.c += i * g.cRow + j * g.cCol;
    if (part.columnBias) part.columnBias += j * g.columnBiasStride;
    if (part.rowBias) part.rowBias += i * g.rowBiasStride;
    part.streams = streamsC(part, elements);
    block(part, own);
    if (part.streams) simd::endStreaming();
  });
}

bool shapesMatch(const Out& out, const In& a, const In& b, const MaybeIn& bias) {
  const int32_t rank = out.rank;
  if (rank < 2 || rank > kMaxRank || a.rank != rank || b.rank != rank) return false;
  for (int32_t axis = 0; axis < rank - 2; ++axis)
    if (a.shape[axis] != out.shape[axis] || b.shape[axis] != out.shape[axis]) return false;
  if (a.shape[rank - 2] != out.shape[rank - 2] || b.shape[rank - 1] != out.shape[rank - 1] ||
      a.shape[rank - 1] != b.shape[rank - 2])
    return false;
  return !bias.data || (bias.rank == 1 && bias.shape[0] == out.shape[rank - 1]);
}

}  // namespace

size_t matmulWorkspace(const Out& out, const In& a, const In& b, const MaybeIn& bias, const MatmulParams&) {
  const auto bytes = [&]<class T>() {
    const Batched<T> op = upright(batchedOf<T>(out, a, b, bias));
    if (op.count > 0 && sharesPacking(op.matrix)) return sharedPlan(op.matrix).bytes();
    const Halves<T> halves{op.matrix};
    return op.count == 1 && halves.fit() ? halves.bytes() : 0;
  };
  if (!shapesMatch(out, a, b, bias)) return 0;
  return out.dtype == DType::f32   ? bytes.template operator()<float>()
         : out.dtype == DType::f64 ? bytes.template operator()<double>()
                                   : 0;
}

void matmul(Stream& s, const Out& out, const In& a, const In& b, const MaybeIn& bias, const MatmulParams&) {
  if (!require(s, shapesMatch(out, a, b, bias), "matmul: out, a, b and bias do not fit together")) return;
  if (!require(s, a.dtype == out.dtype && b.dtype == out.dtype && (!bias.data || bias.dtype == out.dtype),
               "matmul: out, a, b and bias must have one dtype"))
    return;
  const auto typed = [&]<class T>() { run<T>(s, upright(batchedOf<T>(out, a, b, bias))); };
  switch (out.dtype) {
    case DType::f32:
      return typed.template operator()<float>();
    case DType::f64:
      return typed.template operator()<double>();
    case DType::i32:
      return typed.template operator()<int32_t>();
    case DType::i64:
      return typed.template operator()<int64_t>();
    case DType::u8:
      return typed.template operator()<uint8_t>();
    default:
      return fail(s, Code::unsupported, "matmul: bool is not supported");
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
