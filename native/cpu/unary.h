// Kernels of unary element bodies: name(out, x), and nameGrad(dx, saved, dy). The output's dtype says what is
// computed in; inputs of others are converted as they are read.
#pragma once
#include "elementwise.h"
#include "simd/tanh.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

template <class Op, class T>
void valueBody(void* out, const void* a, const void*, const void*, int64_t n) {
  using V = Vec<T>;
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) store(o + i, simd::valueOf<Op>(simd::load<V>(x + i)));
  if (i < n) storePart(o + i, simd::valueOf<Op>(simd::loadPart<V>(x + i, n - i)), n - i);
}

template <class Op, class T>
void gradBody(void* out, const void* a, const void* b, const void*, int64_t n) {
  using V = Vec<T>;
  T* o = static_cast<T*>(out);
  const T* saved = static_cast<const T*>(a);
  const T* dy = static_cast<const T*>(b);
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes)
    store(o + i, Op::grad(simd::load<V>(saved + i), simd::load<V>(dy + i)));
  if (i < n) {
    storePart(o + i, Op::grad(simd::loadPart<V>(saved + i, n - i), simd::loadPart<V>(dy + i, n - i)), n - i);
  }
}

template <class Op>
void runValue(Stream& s, const char* name, const View& out, const View& x) {
  const DType dtype = computeOf(out.dtype);
  Body body = nullptr;
  const auto choose = [&body]<class T>() { body = valueBody<Op, T>; };
  if constexpr (Op::kIntegers) withNumber(s, dtype, name, choose);
  else withFloat(s, dtype, name, choose);
  const Source inputs[] = {sourceOf(x, dtype)};
  if (body != nullptr) runElementwise(s, out, inputs, 1, body, dtype);
}

template <class Op>
void runGrad(Stream& s, const char* name, const View& dx, const View& saved, const View& dy) {
  const DType dtype = computeOf(dx.dtype);
  Body body = nullptr;
  withFloat(s, dtype, name, [&body]<class T>() { body = gradBody<Op, T>; });
  const Source inputs[] = {sourceOf(saved, dtype), sourceOf(dy, dtype)};
  if (body != nullptr) runElementwise(s, dx, inputs, 2, body, dtype);
}

template <class Op, class T>
void valueWithBody(void* out, const void* a, const void*, const void*, int64_t n, const double* numbers) {
  using V = Vec<T>;
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const double p = numbers[0], q = numbers[1];
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) store(o + i, Op::value(simd::load<V>(x + i), p, q));
  if (i < n) storePart(o + i, Op::value(simd::loadPart<V>(x + i, n - i), p, q), n - i);
}

template <class Op, class T>
void gradWithBody(void* out, const void* a, const void* b, const void*, int64_t n, const double* numbers) {
  using V = Vec<T>;
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* dy = static_cast<const T*>(b);
  const double p = numbers[0], q = numbers[1];
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes)
    store(o + i, Op::grad(simd::load<V>(x + i), simd::load<V>(dy + i), p, q));
  if (i < n) {
    storePart(o + i, Op::grad(simd::loadPart<V>(x + i, n - i), simd::loadPart<V>(dy + i, n - i), p, q),
              n - i);
  }
}

template <class Op>
[[maybe_unused]] void runValueWith(Stream& s, const char* name, const View& out, const View& x, double p,
                                   double q) {
  const DType dtype = computeOf(out.dtype);
  BodyWith body = nullptr;
  withFloat(s, dtype, name, [&body]<class T>() { body = valueWithBody<Op, T>; });
  const Source inputs[] = {sourceOf(x, dtype)};
  const double numbers[kMaxNumbers] = {p, q};
  if (body != nullptr) runElementwise(s, out, inputs, 1, body, numbers, dtype);
}

template <class Op>
[[maybe_unused]] void runGradWith(Stream& s, const char* name, const View& dx, const View& x, const View& dy,
                                  double p, double q) {
  const DType dtype = computeOf(dx.dtype);
  BodyWith body = nullptr;
  withFloat(s, dtype, name, [&body]<class T>() { body = gradWithBody<Op, T>; });
  const Source inputs[] = {sourceOf(x, dtype), sourceOf(dy, dtype)};
  const double numbers[kMaxNumbers] = {p, q};
  if (body != nullptr) runElementwise(s, dx, inputs, 2, body, numbers, dtype);
}

}  // namespace

/// A kernel without a gradient.
#define WG_VALUE_KERNEL(X, Struct, name) \
  void name(Stream& s, const Out& out, const In& x) { runValue<op::Struct>(s, #name, out, x); }
#define WG_UNARY_KERNELS(X, Struct, name)                                                       \
  void name(Stream& s, const Out& out, const In& x) { runValue<op::Struct>(s, #name, out, x); } \
  void name##Grad(Stream& s, const Out& dx, const In& saved, const In& dy) {                    \
    runGrad<op::Struct>(s, #name "Grad", dx, saved, dy);                                        \
  }
/// With two numbers.
#define WG_UNARY_WITH_KERNELS(X, Struct, name)                                                             \
  void name(Stream& s, const Out& out, const In& x, const double& p, const double& q) {                    \
    runValueWith<op::Struct>(s, #name, out, x, p, q);                                                      \
  }                                                                                                        \
  void name##Grad(Stream& s, const Out& dx, const In& x, const In& dy, const double& p, const double& q) { \
    runGradWith<op::Struct>(s, #name "Grad", dx, x, dy, p, q);                                             \
  }

}  // namespace WG_ISA
}  // namespace wg::cpu
