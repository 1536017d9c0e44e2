// The one loop behind every elementwise kernel. A kernel supplies a body over contiguous blocks; strides,
// broadcasting, numbers, merging of axes and chunks are settled here, once, so a body is instantiated per op
// and dtype and nothing else.
#pragma once
#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// An input: a view of the output's shape, or a number to be repeated in `dtype`.
struct Source {
  const View* view;
  DType dtype;
  double number;
};
inline Source sourceOf(const View& v) { return {&v, v.dtype, 0}; }
inline Source sourceOf(const Operand& o, DType dtype) {
  return {o.isNumber ? nullptr : &o.view, o.isNumber ? dtype : o.view.dtype, o.number};
}

/// out[i] = f(a[i], b[i], c[i]) for i < n, all contiguous; unused inputs are null. `out` may be the same
/// memory as an input, element for element.
using Body = void (*)(void* out, const void* a, const void* b, const void* c, int64_t n);

/// The same with numbers that are alike for all elements: a step size, a slope.
using BodyWith = void (*)(void* out, const void* a, const void* b, const void* c, int64_t n,
                          const double* numbers);

/// Runs `body` over `out`. False, with the op failed, when an input's shape differs from out's.
bool runElementwise(Stream& s, const View& out, const Source* inputs, int count, Body body);
bool runElementwise(Stream& s, const View& out, const Source* inputs, int count, BodyWith body,
                    const double* numbers);

}  // namespace WG_ISA
}  // namespace wg::cpu
