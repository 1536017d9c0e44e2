// What the benches of kernels alone share: a clock, and views of fresh memory.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>

#include "../../native/cpu/kernels.h"

namespace wg::bench {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A view of float32, contiguous unless strides are given.
template <class V>
V view(float* data, std::initializer_list<int64_t> shape, std::initializer_list<int64_t> stride = {}) {
  V v{};
  v.data = data;
  v.dtype = DType::f32;
  v.rank = static_cast<int32_t>(shape.size());
  std::copy(shape.begin(), shape.end(), v.shape);
  int64_t step = 1;
  for (int i = v.rank - 1; i >= 0; i--) {
    v.stride[i] = step;
    step *= v.shape[i];
  }
  std::copy(stride.begin(), stride.end(), v.stride);
  return v;
}

/// Normally distributed, roughly: a sum of four uniform numbers. Whole pages, never freed.
inline float* randoms(int64_t count) {
  auto* p =
      static_cast<float*>(std::aligned_alloc(4096, static_cast<size_t>(count * 4 + 4095) / 4096 * 4096));
  uint32_t state = 1;
  for (int64_t i = 0; i < count; i++) {
    float sum = 0;
    for (int k = 0; k < 4; k++) {
      state = state * 1664525u + 1013904223u;
      sum += static_cast<float>(state >> 8) * 0x1p-24f;
    }
    p[i] = (sum - 2.0f) * 1.7f;
  }
  return p;
}

}  // namespace wg::bench
