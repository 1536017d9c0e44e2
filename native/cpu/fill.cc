// Kernels that make values from nothing, and the one that looks for NaN and Inf.
#include "../ops/rows/memory.h"

#include "elementwise.h"
#include "simd/vec.h"

WG_PROTOTYPES(WG_MEMORY_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <int kItem>
void copyBody(void* out, const void* a, const void*, const void*, int64_t n) {
  __builtin_memcpy(out, a, static_cast<size_t>(n) * kItem);
}

/// True when any of n contiguous values is NaN or infinite.
template <class T>
bool hasNonFinite(const T* p, int64_t n) {
  using V = simd::Vec<T>;
  const V zero(T(0));
  // x - x is 0 for finite x and NaN otherwise, and NaN stays in a sum.
  V poison = zero;
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    const V x = simd::load<V>(p + i);
    poison = poison + (x - x);
  }
  if (i < n) {
    const V x = simd::loadPart<V>(p + i, n - i);
    poison = poison + (x - x);
  }
  return anyOf(poison != zero);
}

}  // namespace

void fill(Stream& s, const Out& out, const double& value) {
  const int64_t item = itemBytes(out.dtype);
  const Source inputs[] = {{nullptr, out.dtype, value}};
  runElementwise(s, out, inputs, 1,
                 item == 4   ? copyBody<4>
                 : item == 8 ? copyBody<8>
                 : item == 2 ? copyBody<2>
                             : copyBody<1>);
}

void arange(Stream& s, const Out& out, const double& start, const double& step) {
  if (out.dtype == DType::boolean) return unsupported(s, "arange", out.dtype);
  const Walk to = walkOf(out);
  const Conversion c = conversionOf(DType::f64, out.dtype);
  const auto run = [&](int64_t chunk) {
    alignas(64) double numbers[kConvertBlock];
    alignas(64) char stage[kConvertBlock * 8];
    const int64_t begin = chunk * kChunk, end = minOf(begin + kChunk, to.total);
    for (int64_t i = begin; i < end; i += kConvertBlock) {
      const int64_t n = minOf(kConvertBlock, end - i);
      for (int64_t k = 0; k < n; k++) numbers[k] = start + static_cast<double>(i + k) * step;
      if (c.count > 0) convert(c, stage, numbers, n);
      scatter(to, c.count > 0 ? static_cast<const void*>(stage) : numbers, i, n);
    }
  };
  parallelSweep(s, ceilDiv(to.total, kChunk), run);
}

void anyNonFinite(Stream& s, const Out& out, const In& x) {
  if (!require(s, out.dtype == DType::boolean && numel(out) == 1, "anyNonFinite: the output is not one bool"))
    return;
  uint8_t found = 0;
  const Walk from = walkOf(x);
  const DType dtype = computeOf(x.dtype);
  const Conversion c = conversionOf(x.dtype, dtype);
  if (dtype == DType::f32 || dtype == DType::f64) {
    withFloat(s, dtype, "anyNonFinite", [&]<class T>() {
      const auto run = [&](int64_t chunk) {
        if (__atomic_load_n(&found, __ATOMIC_RELAXED) != 0) return;
        const int64_t begin = chunk * kChunk, end = minOf(begin + kChunk, from.total);
        bool bad = false;
        if (from.direct && c.count == 0) {
          bad = hasNonFinite(reinterpret_cast<const T*>(from.data) + begin, end - begin);
        } else {
          alignas(64) char raw[kConvertBlock * 8];
          alignas(64) T stage[kConvertBlock];
          for (int64_t i = begin; i < end && !bad; i += kConvertBlock) {
            const int64_t n = minOf(kConvertBlock, end - i);
            gather(c.count > 0 ? static_cast<void*>(raw) : stage, from, i, n);
            if (c.count > 0) convert(c, stage, raw, n);
            bad = hasNonFinite(stage, n);
          }
        }
        if (bad) __atomic_store_n(&found, uint8_t{1}, __ATOMIC_RELAXED);
      };
      parallelFor(s, ceilDiv(from.total, kChunk), run);
    });
  }
  *static_cast<uint8_t*>(out.data) = found;
}

}  // namespace WG_ISA
}  // namespace wg::cpu
