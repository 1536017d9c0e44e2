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
  runElementwise(s, out, inputs, 1, item == 4 ? copyBody<4> : item == 8 ? copyBody<8> : copyBody<1>);
}

void arange(Stream& s, const Out& out, const double& start, const double& step) {
  const Walk to = walkOf(out);
  withNumber(s, out.dtype, "arange", [&]<class T>() {
    const auto run = [&](int64_t chunk) {
      T stage[kStageBytes / sizeof(T)];
      const int64_t block = kStageBytes / static_cast<int64_t>(sizeof(T));
      const int64_t begin = chunk * kChunk, end = minOf(begin + kChunk, to.total);
      for (int64_t i = begin; i < end; i += block) {
        const int64_t n = minOf(block, end - i);
        for (int64_t k = 0; k < n; k++) stage[k] = fromDouble<T>(start + static_cast<double>(i + k) * step);
        scatter(to, stage, i, n);
      }
    };
    parallelFor(s, ceilDiv(to.total, kChunk), run);
  });
}

void anyNonFinite(Stream& s, const Out& out, const In& x) {
  if (!require(s, out.dtype == DType::boolean && numel(out) == 1, "anyNonFinite: the output is not one bool"))
    return;
  uint8_t found = 0;
  const Walk from = walkOf(x);
  if (x.dtype == DType::f32 || x.dtype == DType::f64) {
    withFloat(s, x.dtype, "anyNonFinite", [&]<class T>() {
      const auto run = [&](int64_t chunk) {
        if (__atomic_load_n(&found, __ATOMIC_RELAXED) != 0) return;
        const int64_t begin = chunk * kChunk, end = minOf(begin + kChunk, from.total);
        bool bad = false;
        if (from.direct) {
          bad = hasNonFinite(reinterpret_cast<const T*>(from.data) + begin, end - begin);
        } else {
          T stage[kStageBytes / sizeof(T)];
          const int64_t block = kStageBytes / static_cast<int64_t>(sizeof(T));
          for (int64_t i = begin; i < end && !bad; i += block) {
            gather(stage, from, i, minOf(block, end - i));
            bad = hasNonFinite(stage, minOf(block, end - i));
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
