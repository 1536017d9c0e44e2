// Elementwise kernels of two and three operands: the loops over a body, and what it computes in.
#pragma once
#include "elementwise.h"
#include "simd/vec.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Op::value over registers.
template <class Op, class T>
void binaryBody(void* out, const void* a, const void* b, const void*, int64_t n) {
  using V = simd::Vec<T>;
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes)
    store(o + i, Op::value(simd::load<V>(x + i), simd::load<V>(y + i)));
  if (i < n)
    storePart(o + i, Op::value(simd::loadPart<V>(x + i, n - i), simd::loadPart<V>(y + i, n - i)), n - i);
}

/// Op::value one element after the other: integers, whose loops compilers vectorise where that is possible.
template <class Op, class T>
void scalarBody(void* out, const void* a, const void* b, const void*, int64_t n) {
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; i++) o[i] = Op::value(x[i], y[i]);
}

/// choose(body, dtype) picks a body for the dtype out is computed in; operands are converted to it.
template <class Choose>
void runBinary(Stream& s, const View& out, const Operand& a, const Operand& b, Choose choose) {
  const DType dtype = computeOf(out.dtype);
  const Source inputs[] = {sourceOf(a, dtype), sourceOf(b, dtype)};
  Body body = nullptr;
  choose(body, dtype);
  if (body != nullptr) runElementwise(s, out, inputs, 2, body, dtype);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
