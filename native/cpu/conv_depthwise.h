// Convolution of one plane with one small kernel, and the gradient by the kernel: what conv_depthwise.cc
// offers.
#pragma once
#include "conv_lowered.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Rows [row0, row1) of out[y, x] (+)= bias + sum over r, q of weights[r * K + q] * source[y * S + originY +
/// r, x * S + originX + q], for a kernel of K x K and stride S; or, for the weights' gradient, `out` is dy,
/// which is read.
template <class T>
struct DepthPlane {
  const T* source;
  int64_t strideY, height, width;
  int64_t originY, originX;
  T* out;
  const T* dy;
  int64_t outY, row0, row1, cols;  ///< outY of out or dy
  const T* weights;
  T bias;
  bool accumulate;
  bool asks = false;  ///< for rows of `out` before they are written
  /// From this plane to the one after it, which is asked for meanwhile; 0 where there is none. For the
  /// weights' gradient.
  int64_t nextSource = 0, nextDy = 0;
};

using DepthWeightKernel = void (*)(const DepthPlane<float>&, float* sums);

/// sums[r * K + q][lane] += dy[y, x] * source[y * S + originY + r, x * S + originX + q]; foldLanes adds the
/// lanes up.
DepthWeightKernel depthWeightKernel(int64_t taps, int64_t stride);
inline constexpr int64_t kMostDepthTaps = 25;

/// sums[i][0] becomes the sum of its lanes, halves on halves.
inline void foldLanes(float* sums, int64_t count) {
  constexpr int L = Lanes<float>::kCount;
#pragma GCC unroll 4
  for (int half = L / 2; half > 0; half /= 2)
    for (float* p = sums; p < sums + count * L; p += L)
#pragma GCC unroll 8
      for (int lane = 0; lane < half; ++lane) p[lane] += p[lane + half];
}

/// Whether the convolution runs plane by plane, and doing it. Doubles take the general way.
bool isDepthwise(const Lowered<float>& op);
inline bool isDepthwise(const Lowered<double>&) { return false; }
void depthwise(Stream& s, const Lowered<float>& op);
inline void depthwise(Stream&, const Lowered<double>&) {}

}  // namespace WG_ISA
}  // namespace wg::cpu
