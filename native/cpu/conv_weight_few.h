// The weight gradient of few pixels: one product dW[filter, line] = dy[filter, pixel] * im2col[pixel, line],
// written once and where it belongs. im2col exists for a block of lines at a time.
#pragma once
#include "conv_few.h"

namespace wg::cpu {
inline namespace WG_ISA {

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
                  c = line / (w.tapsX * w.tapsY), left = q * w.tapX + w.originX;
    const Reach reach = reachOf(left, w.width, w.stepX, w.cols);
    for (int64_t y = 0; y < w.rows; ++y) {
      const int64_t row = y * w.stepY + r * w.tapY + w.originY;
      if (row < 0 || row >= w.height) continue;
      const T* const from = x + c * w.strideC + row * w.strideY + left * w.strideX;
      for (int64_t p = reach.first; p < reach.last; ++p)
        to[(y * w.cols + p) * kFewPitch + i] = from[p * w.stepX * w.strideX];
    }
  }
}

/// Of s.scratch: dy as [group][filter][pixel].
template <class T>
inline size_t fewWeightBytes(const ConvShape& c) {
  return static_cast<size_t>(c.groups * c.filters * c.images * c.outHeight * c.outWidth) * sizeof(T);
}

template <class T>
inline void fewWeight(Stream& s, const View& dWeight, const View& x, const View& dy, const ConvShape& c,
                      const Window& window, const Images& at) {
  const int64_t plane = c.outHeight * c.outWidth, pixels = c.images * plane,
                lines = c.channels * c.kernelH * c.kernelW, blocks = ceilDiv(lines, kFewLines);
  T* const slopes = static_cast<T*>(s.scratch);
  parallelFor(s, c.groups, [&](int64_t group) {
    for (int64_t f = group * c.filters; f < (group + 1) * c.filters; ++f)
      gatherPixels(
          c, dy, static_cast<const T*>(dy.data) + f * dy.stride[1],
          [&at](int64_t image) { return at.ofDy(image); }, slopes + f * pixels);
  });
  parallelFor(s, c.groups * blocks, [&](int64_t piece) {
    char* const scratch = static_cast<char*>(workerScratch());
    if (!scratch) return fail(s, Code::outOfMemory, "conv2dGradWeight: no memory for a packing buffer");
    const int64_t group = piece / blocks, line0 = piece % blocks * kFewLines,
                  here = minOf(kFewLines, lines - line0);
    T* const block = reinterpret_cast<T*>(scratch + kFewBlockStart);
    const T* const source = static_cast<const T*>(x.data) + group * c.channels * x.stride[1];
    for (int64_t image = 0; image < c.images; ++image)
      pixelLines(window, source + at.ofX(image), line0, here, block + image * plane * kFewPitch);
    Gemm<T> g{};
    g.m = c.filters;
    g.n = here;
    g.k = pixels;
    g.a = slopes + group * c.filters * pixels;
    g.aRow = pixels;
    g.aCol = 1;
    g.b = block;
    g.bRow = kFewPitch;
    g.bCol = 1;
    g.c = static_cast<T*>(dWeight.data) + group * c.filters * dWeight.stride[0] + line0;
    g.cRow = dWeight.stride[0];
    g.cCol = 1;
    gemmBlock(g, reinterpret_cast<T*>(scratch), kFewPackBytes);
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
