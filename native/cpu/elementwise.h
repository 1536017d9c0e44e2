// The one loop behind every elementwise kernel. A kernel supplies a body over contiguous blocks; strides,
// broadcasting, numbers, conversion from and to the dtypes of the tensors, merging of axes and chunks are
// settled here, once, so a body is instantiated per op and compute type and nothing else.
#pragma once
#include "convert.h"
#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// An input: a view of the output's shape, or a number to be repeated. The body reads it as `dtype`.
struct Source {
  const View* view;
  DType dtype;
  double number;
};
inline Source sourceOf(const View& v) { return {&v, v.dtype, 0}; }
inline Source sourceOf(const View& v, DType dtype) { return {&v, dtype, 0}; }
inline Source sourceOf(const Operand& o, DType dtype) {
  return {o.isNumber ? nullptr : &o.view, dtype, o.number};
}

inline constexpr int kMaxNumbers = 3;
/// A body with numbers that are alike for all elements: a step size, a slope.
using BodyWith = void (*)(void* out, const void* a, const void* b, const void* c, int64_t n,
                          const double* numbers);

/// Runs `body`, which writes `result`, over `out`. False, with the op failed, when an input's shape differs
/// from out's.
bool runElementwise(Stream& s, const View& out, const Source* inputs, int count, Body body, DType result);
bool runElementwise(Stream& s, const View& out, const Source* inputs, int count, BodyWith body,
                    const double (&numbers)[kMaxNumbers], DType result);
inline bool runElementwise(Stream& s, const View& out, const Source* inputs, int count, Body body) {
  return runElementwise(s, out, inputs, count, body, out.dtype);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
