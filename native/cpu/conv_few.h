// What the gradients of few pixels share (conv_input_few.h, conv_weight_few.h): there the weights or their
// gradient are most of the memory that moves, and should move once.
#pragma once
#include "conv_lowered.h"

namespace wg::cpu {
inline namespace WG_ISA {

// bench/native/conv_bench.cc, 3x3 512-512 7x7 batch 1. A line is a channel's tap; fewer filters would not pay
// for im2col.
inline constexpr int64_t kFewPixels = 128, kLeastFewFilters = 64, kFewLines = 256;
/// From one row of a block of lines to the next, off powers of two.
inline constexpr int64_t kFewPitch = kFewLines + 16;

/// Whether dx and dW, of weights or a gradient like `weight`, are those of few pixels.
inline bool hasFewPixels(const View& weight, const ConvShape& c) {
  const int64_t pixels = c.images * c.outHeight * c.outWidth;
  return pixels > 0 && pixels <= kFewPixels && c.filters >= kLeastFewFilters && isDense(weight, c);
}

/// The pixels of one filter of dy in all images; image i lies at ofImage(i).
template <class T, class OfImage>
inline void gatherPixels(const ConvShape& c, const View& dy, const T* filter, OfImage ofImage, T* to) {
  for (int64_t image = 0; image < c.images; ++image)
    for (int64_t y = 0; y < c.outHeight; ++y) {
      const T* const row = filter + ofImage(image) + y * dy.stride[2];
      for (int64_t x = 0; x < c.outWidth; ++x) *to++ = row[x * dy.stride[3]];
    }
}

/// Pixels [first, last) of an output axis whose tap, `left` behind the first pixel's, lies inside the source.
struct Reach {
  int64_t first, last;
};
inline Reach reachOf(int64_t left, int64_t width, int64_t stride, int64_t pixels) {
  return {left < 0 ? minOf(ceilDiv(-left, stride), pixels) : 0,
          left < width ? minOf(ceilDiv(width - left, stride), pixels) : 0};
}

}  // namespace WG_ISA
}  // namespace wg::cpu
