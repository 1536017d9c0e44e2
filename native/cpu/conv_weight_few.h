// The weight gradient of few pixels, where the gradient itself is most of the memory that moves: one product
// dW[filter, line] = dy[filter, pixel] * im2col[pixel, line], a line being a channel's tap, written once and
// where it belongs. im2col exists for a block of lines at a time.
#pragma once
#include "conv_window.h"

namespace wg::cpu {
inline namespace WG_ISA {

// bench/native/conv_bench.cc, 3x3 512-512 7x7 batch 1.
inline constexpr int64_t kFewPixels = 128;
inline constexpr int64_t kLeastFewFilters = 64;  // to pay for im2col
inline constexpr int64_t kFewLines = 256;        // of a block
inline constexpr int64_t kFewPitch = kFewLines + 16;

// A thread's scratch: the packing of gemmBlock, then a block of im2col.
inline constexpr int64_t kFewPackBytes = int64_t{256} << 10;
inline constexpr int64_t kFewBlockStart = 2 * (kFewPackBytes + kScratchSlack);
static_assert(kFewBlockStart + kFewPixels * kFewPitch * 8 <= static_cast<int64_t>(kWorkerScratchBytes));

/// Lines [line0, line0 + lines) of one image's pixels: to[pixel * kFewPitch + line - line0].
template <class T>
inline void pixelLines(const Window& w, const T* x, int64_t line0, int64_t lines, T* to) {
  for (int64_t i = 0; i < w.rows * w.cols; ++i) zeroRow(to + i * kFewPitch, kFewLines);
  for (int64_t i = 0; i < lines; ++i) {
    const int64_t line = line0 + i, q = line % w.tapsX, r = line / w.tapsX % w.tapsY,
                  c = line / (w.tapsX * w.tapsY), left = q * w.tapX + w.originX,
                  first = left < 0 ? minOf(ceilDiv(-left, w.stepX), w.cols) : 0,
                  last = left < w.width ? minOf(ceilDiv(w.width - left, w.stepX), w.cols) : 0;
    for (int64_t y = 0; y < w.rows; ++y) {
      const int64_t row = y * w.stepY + r * w.tapY + w.originY;
      if (row < 0 || row >= w.height) continue;
      const T* const from = x + c * w.strideC + row * w.strideY + left * w.strideX;
      for (int64_t p = first; p < last; ++p)
        to[(y * w.cols + p) * kFewPitch + i] = from[p * w.stepX * w.strideX];
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
