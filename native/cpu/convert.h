// Blocks of one dtype as another. Arithmetic knows float32, float64, int32, int64 and uint8 only; the other
// dtypes are ways to store those, converted where a block is loaded or stored. A pair of dtypes is a chain of
// at most three steps through a compute type, so ten dtypes need some forty small loops, not ninety.
#pragma once
#include "kernel.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// out[i] = f(a[i], b[i], c[i]) for i < n, all contiguous; unused inputs are null. `out` may be the same
/// memory as an input, element for element.
using Body = void (*)(void* out, const void* a, const void* b, const void* c, int64_t n);

/// Steps to be taken one after the other; none when the elements are the same bits.
struct Conversion {
  int32_t count;
  DType first;  ///< what the first step gives
  Body step[3];
};

/// Integers wrap; fractions saturate into integers and are cut off, NaN gives 0; float16 and bfloat16 are
/// rounded once, to nearest even; anything but zero is true.
Conversion conversionOf(DType from, DType to);

/// Elements one call of `convert` takes: what lies between two steps stays in the first-level cache.
inline constexpr int64_t kConvertBlock = 512;

/// n ≤ kConvertBlock contiguous elements; the two sides do not overlap. With one step any n.
void convert(const Conversion& c, void* to, const void* from, int64_t n);

}  // namespace WG_ISA
}  // namespace wg::cpu
