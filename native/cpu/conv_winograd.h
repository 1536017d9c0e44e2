// Convolutions by Winograd's method: see conv_winograd.cc, and conv_winograd_weight.cc for the weight
// gradient.
#pragma once
#include "../ops/precision.h"
#include "conv_lowered.h"
#include "winograd.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// kTwo and kFour: 3 x 3 taps; kFive: 5 x 5; kStride: 3 x 3 with stride 2.
enum : int64_t { kPlainSum, kTwo, kFour, kFive, kStride };

inline WinogradSizes sizesOf(int64_t method, bool backward) {
  if (method == kTwo) return Winograd2::kSizes;
  if (method == kFour) return Winograd4::kSizes;
  if (method == kFive) return WinogradFive::kSizes;
  return backward ? WinogradSpread::kSizes : WinogradStride::kSizes;
}

/// The method for a shape and a Precision.
inline int64_t winogradMethod(const ConvShape& c, int32_t precision) {
  const int64_t taps = c.kernelH, stride = c.strideH;
  if (precision == static_cast<int32_t>(Precision::strict) || c.kernelW != taps || c.strideW != stride ||
      c.dilationH != 1 || c.dilationW != 1 || c.groups != 1)
    return kPlainSum;
  if (taps == 5 && stride == 1) return kFive;
  if (taps != 3 || stride > 2) return kPlainSum;
  if (stride == 2) return kStride;
  return precision == static_cast<int32_t>(Precision::highest) ? kTwo : kFour;
}

/// Multiply-adds of the plain sum against those of the method and its transforms, weighed by what they were
/// measured to take.
inline bool winogradPays(const WinogradSizes& w, double pixels, int64_t tileCount, int64_t sourceChannels,
                         int64_t m) {
  const double channels = static_cast<double>(sourceChannels), filters = static_cast<double>(m),
               tiles = static_cast<double>(tileCount);
  const double plain = static_cast<double>(w.taps * w.taps) * pixels * channels * filters;
  const double here =
      static_cast<double>(w.side * w.side) *
      (tiles * channels * filters + 10 * tiles * (channels + filters) + 14 * channels * filters);
  return here < plain;
}

/// One of the methods, or kPlainSum when that is faster or was asked for.
int64_t winogradMethod(const Lowered<float>& op);
inline int64_t winogradMethod(const Lowered<double>&) { return kPlainSum; }

size_t winogradBytes(const Lowered<float>& op, int64_t method);
inline size_t winogradBytes(const Lowered<double>&, int64_t) { return 0; }

/// Needs that many bytes of s.scratch.
void winograd(Stream& s, const Lowered<float>& op, int64_t method);
inline void winograd(Stream&, const Lowered<double>&, int64_t) {}

/// The same of the weight gradient.
int64_t winogradWeightMethod(const View& dWeight, const View& x, const View& dy, const Conv2dParams& params);
size_t winogradWeightBytes(const View& dWeight, const View& x, const View& dy, const Conv2dParams& params,
                           int64_t method);
void winogradWeight(Stream& s, const View& dWeight, const View& x, const View& dy, const Conv2dParams& params,
                    int64_t method);

}  // namespace WG_ISA
}  // namespace wg::cpu
