// Elementwise kernels of two and three operands: the loops over a body, and the checks of its operands.
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

/// choose(body) picks a body for out's dtype, which the operands share.
template <class Choose>
void runBinary(Stream& s, const View& out, const Operand& a, const Operand& b, Choose choose) {
  const Source inputs[] = {sourceOf(a, out.dtype), sourceOf(b, out.dtype)};
  if (!require(s, inputs[0].dtype == out.dtype && inputs[1].dtype == out.dtype,
               "binary: operands differ in dtype"))
    return;
  Body body = nullptr;
  choose(body);
  if (body != nullptr) runElementwise(s, out, inputs, 2, body);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
