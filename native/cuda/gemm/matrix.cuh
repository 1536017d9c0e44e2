// The batched product of strided matrices, with a bias along its rows or its columns.
#pragma once
#include "product.cuh"

namespace wg::cuda::gemm {

template <class T>
struct MatrixOutput {
  T* data;
  int64_t row, col;  ///< strides
  const T* biasData;
  int64_t biasRow, biasCol;
  bool aligned;
  WG_DEV int64_t rowOffset(int32_t r) const { return r * row; }
  WG_DEV int64_t colOffset(int32_t c) const { return c * col; }
  WG_DEV T bias(int32_t r, int32_t c) const {
    return biasData == nullptr ? T(0) : biasData[r * biasRow + c * biasCol];
  }
  WG_DEV void put(int64_t at, T sum) const { data[at] = sum; }
  WG_DEV bool packs() const { return aligned; }
};

template <class T_>
struct MatrixProblem {
  using T = T_;
  using Large = LargeTile;
  int64_t m, n, k;
  Matrix<T> a, b;  ///< [m, k] and [n, k]
  MatrixOutput<T> c;
  Offsets<4, uint64_t> batch;  ///< of c, a, b and the bias

  struct Member {
    const MatrixProblem& p;
    typename Offsets<4, uint64_t>::At at;

    WG_DEV int32_t m() const { return static_cast<int32_t>(p.m); }
    WG_DEV int32_t n() const { return static_cast<int32_t>(p.n); }
    WG_DEV int32_t k() const { return static_cast<int32_t>(p.k); }
    template <class Tile>
    WG_DEV MatrixLoader<Tile> left(int32_t row0, int32_t k0, int32_t kEnd) const {
      return {p.a, p.a.data + at[1], row0, m(), k0, kEnd};
    }
    template <class Tile>
    WG_DEV MatrixLoader<Tile> right(int32_t col0, int32_t k0, int32_t kEnd) const {
      return {p.b, p.b.data + at[2], col0, n(), k0, kEnd};
    }
    WG_DEV MatrixOutput<T> output() const {
      MatrixOutput<T> o = p.c;
      o.data += at[0];
      if (o.biasData != nullptr) o.biasData += at[3];
      return o;
    }
  };
  WG_DEV Member member(uint32_t index) const { return {*this, batch(index)}; }

  /// C^T = B^T A^T: the same sums in the same order.
  MatrixProblem exchanged() const {
    MatrixProblem p = *this;
    p.m = n, p.n = m;
    p.a = b, p.b = a;
    p.c.row = c.col, p.c.col = c.row;
    p.c.biasRow = c.biasCol, p.c.biasCol = c.biasRow;
    p.c.aligned = false;
    for (int32_t i = 0; i < batch.rank; i++)
      p.batch.stride[i][1] = batch.stride[i][2], p.batch.stride[i][2] = batch.stride[i][1];
    return p;
  }
};

inline bool multiplesOf(int64_t packed, const int64_t* strides, const int64_t* shape, int32_t axes) {
  for (int32_t i = 0; i < axes; i++)
    if (shape[i] > 1 && strides[i] % packed != 0) return false;
  return true;
}

template <class T>
Matrix<T> matrixOf(const void* data, int64_t rowStride, int64_t kStride, int64_t rows, int64_t k,
                   bool batchPacks) {
  const auto size = [](int64_t stride) { return stride < 0 ? -stride : stride; };
  Matrix<T> m{static_cast<const T*>(data), rowStride, kStride, size(kStride) < size(rowStride), false};
  if (rows == 1) m.alongK = true;
  if (k == 1) m.alongK = false;
  const int64_t along = m.alongK ? kStride : rowStride, other = m.alongK ? rowStride : kStride;
  const int64_t length = m.alongK ? k : rows, count = m.alongK ? rows : k;
  m.packs = along == 1 && length % kPackCount<T> == 0 && (count == 1 || other % kPackCount<T> == 0) &&
            batchPacks && aligned16(data);
  return m;
}

/// Of views whose shapes fit together: out [..., m, n], a [..., m, k], b [..., k, n], and a bias of out's
/// shape, one of whose strides along the matrix is 0, or null.
template <class T>
MatrixProblem<T> matrixProblem(const View& out, const View& a, const View& b, const View& bias) {
  const int32_t r = out.rank - 2;
  const auto matrix = [&](const View& v, int32_t rowAxis, int32_t kAxis) {
    return matrixOf<T>(v.data, v.stride[rowAxis], v.stride[kAxis], v.shape[rowAxis], v.shape[kAxis],
                       multiplesOf(kPackCount<T>, v.stride, v.shape, r));
  };
  MatrixProblem<T> p{};
  p.m = out.shape[r];
  p.n = out.shape[r + 1];
  p.k = a.shape[r + 1];
  p.a = matrix(a, r, r + 1);
  p.b = matrix(b, r + 1, r);
  const View& added = bias.data ? bias : out;
  p.c = {static_cast<T*>(out.data),
         out.stride[r],
         out.stride[r + 1],
         static_cast<const T*>(bias.data),
         added.stride[r],
         added.stride[r + 1],
         false};
  View batches[4] = {out, a, b, added};
  for (View& v : batches) v.rank = r;
  p.batch = axesOf<4>({&batches[0], &batches[1], &batches[2], &batches[3]}).template offsets<uint64_t>();
  if (p.c.col != 1 && p.c.row == 1) p = p.exchanged();
  p.c.aligned = p.c.col == 1 && p.n % 4 == 0 && (p.m == 1 || p.c.row % 4 == 0) &&
                multiplesOf(4, out.stride, out.shape, r) && aligned16(out.data);
  return p;
}

/// Elements of the batch of `out` [..., m, n].
inline int64_t batchesOf(const View& out) {
  int64_t count = 1;
  for (int32_t i = 0; i < out.rank - 2; i++) count *= out.shape[i];
  return count;
}

/// How a product of matrices is computed: a function of its sizes and dtype.
enum class Way { plain, thin, tiles };
inline Way wayOf(int64_t m, int64_t n, int64_t k, int64_t batches, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::f64 && dtype != DType::f16 && dtype != DType::bf16)
    return Way::plain;
  if (!tileable(m, n, k) || batches > INT32_MAX) return Way::plain;
  // So little that a thread can have a sum, or so little a member that most of a tile would be empty.
  const double work = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  if (work * static_cast<double>(batches) <= 1 << 15 || (m * n <= 256 && k <= 128)) return Way::plain;
  // Of 16-bit floats the matrix is read as fast by the tiles, for whose empty part nothing is fetched.
  return minOf(m, n) <= 8 && itemBytes(dtype) >= 4 ? Way::thin : Way::tiles;
}

/// Any dtype that a product may have: a thread an element.
void runPlain(Stream& s, const View& out, const View& a, const View& b, const View& bias);

/// A product with at most 8 columns, or rows. False: the scratch holds less than thinBytes().
template <class T>
bool runThin(Stream& s, MatrixProblem<T> problem, int64_t batches);
size_t thinBytes(int64_t m, int64_t n, int64_t k, int64_t batches, DType dtype);

/// out = a b + bias, as matrixProblem() wants them, not empty and of one dtype. `precision`: see Precision.
/// False: the scratch holds less than matricesBytes().
bool runMatrices(Stream& s, const View& out, const View& a, const View& b, const View& bias,
                 int32_t precision);
size_t matricesBytes(const View& out, const View& a, const View& b, int32_t precision);

}  // namespace wg::cuda::gemm
