// The batched product of strided matrices on tensor cores.
#pragma once
#include "../../ops/precision.h"
#include "../convert.h"
#include "matrix.cuh"
#include "tensor_product.cuh"

namespace wg::cuda::gemm {

/// The dtype that tensor cores multiply operands of `dtype` in, f32 standing for tf32; f64: they do not.
inline DType coreOf(DType dtype, int32_t precision) {
  if (dtype == DType::f16 || dtype == DType::bf16) return dtype;
  if (dtype != DType::f32) return DType::f64;
  return precision == static_cast<int32_t>(Precision::high)     ? DType::f32
         : precision == static_cast<int32_t>(Precision::medium) ? DType::bf16
                                                                : DType::f64;
}
inline bool onCores(DType dtype, int32_t precision) { return coreOf(dtype, precision) != DType::f64; }

/// f.template operator()<T>() for the elements of a core's dtype.
template <class F>
void withCore(DType core, F f) {
  if (core == DType::bf16) f.template operator()<Bf16>();
  else if (core == DType::f16) f.template operator()<F16>();
  else f.template operator()<float>();
}

template <class T>
struct TensorOutput {
  Floats<T> data;
  int64_t row, col;  ///< strides
  Floats<T> biasData;
  int64_t biasRow, biasCol;
  bool aligned;
  WG_DEV int64_t rowOffset(int32_t r) const { return r * row; }
  WG_DEV int64_t colOffset(int32_t c) const { return c * col; }
  WG_DEV float bias(int32_t r, int32_t c) const {
    return biasData.data == nullptr ? 0.0f : biasData.get(r * biasRow + c * biasCol);
  }
  WG_DEV bool packs() const { return aligned; }
  WG_DEV void put(int64_t at, float sum) const { data.put(at, sum); }
  WG_DEV void putFour(int64_t at, const Four& sums) const { data.putFour(at, sums); }
};

template <class T_>
struct TensorProblem {
  using T = T_;
  using Large = LargeTensorTile<T>;
  struct Operand {
    const T* data;
    int64_t stride;  ///< from line to line
  };
  int64_t m, n, k;
  Operand a, b;  ///< [m, k] and [n, k]
  TensorOutput<T> c;
  Offsets<4, uint64_t> batch;  ///< of c, a, b and the bias

  struct Member {
    const TensorProblem& p;
    typename Offsets<4, uint64_t>::At at;

    WG_DEV int32_t m() const { return static_cast<int32_t>(p.m); }
    WG_DEV int32_t n() const { return static_cast<int32_t>(p.n); }
    WG_DEV int32_t k() const { return static_cast<int32_t>(p.k); }
    template <class Tile, bool alongK>
    WG_DEV MatrixCopies<Tile, alongK> left(int32_t row0, int32_t k0, int32_t kEnd) const {
      return {p.a.data + at[1], p.a.stride, row0, m(), k0, kEnd};
    }
    template <class Tile, bool alongK>
    WG_DEV MatrixCopies<Tile, alongK> right(int32_t col0, int32_t k0, int32_t kEnd) const {
      return {p.b.data + at[2], p.b.stride, col0, n(), k0, kEnd};
    }
    WG_DEV TensorOutput<T> output() const {
      TensorOutput<T> o = p.c;
      o.data = o.data.from(at[0]);
      if (o.biasData.data != nullptr) o.biasData = o.biasData.from(at[3]);
      return o;
    }
  };
  WG_DEV Member member(uint32_t index) const { return {*this, batch(index)}; }
};

/// out = a b + bias as matricesBytes() below plans it; a and b of one dtype, out of that or f32.
bool runTensor(Stream& s, const View& out, const View& a, const View& b, const View& bias, DType core);
size_t tensorBytes(const View& out, const View& a, const View& b, DType core);

}  // namespace wg::cuda::gemm
