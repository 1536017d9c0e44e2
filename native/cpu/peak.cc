// The loops that find a processor's ceilings, once per instruction set.
#include "peak.h"

#include "simd/stream.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using V = simd::Vec<float>;

// Twelve chains hide the latency of a multiply-add, and leave registers for its operands.
constexpr int kChains = 12;

int64_t multiplyAdd(int64_t times, float* sink) {
  V chain[kChains];
  for (int k = 0; k < kChains; k++) chain[k] = V(0.5f + static_cast<float>(k));
  // Read from memory, so that the products are not worked out at compile time.
  const V factor(sink[0]), term(sink[1]);
  for (int64_t i = 0; i < times; i++) {
#pragma GCC unroll 12
    for (int k = 0; k < kChains; k++) chain[k] = chain[k] * factor + term;
  }
  V sum = chain[0];
  for (int k = 1; k < kChains; k++) sum = sum + chain[k];
  simd::storePart(sink + 2, sum, 1);
  return times * kChains * V::kLanes * 2;
}

void read(const float* from, int64_t n, float* sink) {
  V sum[4] = {V(0.0f), V(0.0f), V(0.0f), V(0.0f)};
  for (int64_t i = 0; i < n; i += 4 * V::kLanes) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) sum[k] = sum[k] + simd::load<V>(from + i + k * V::kLanes);
  }
  simd::storePart(sink + 2, (sum[0] + sum[1]) + (sum[2] + sum[3]), 1);
}

void copy(float* to, const float* from, int64_t n) {
  for (int64_t i = 0; i < n; i += 2 * V::kLanes) {
    const V first = simd::load<V>(from + i), second = simd::load<V>(from + i + V::kLanes);
    simd::store(to + i, first);
    simd::store(to + i + V::kLanes, second);
  }
}

void copyStreaming(float* to, const float* from, int64_t n) {
  for (int64_t i = 0; i < n; i += V::kLanes) simd::storeStreaming(to + i, simd::load<V>(from + i));
  simd::endStreaming();
}

constexpr PeakLoops kLoops = {multiplyAdd, read, copy, copyStreaming};

}  // namespace

const PeakLoops* peakLoops() { return &kLoops; }

}  // namespace WG_ISA
}  // namespace wg::cpu
