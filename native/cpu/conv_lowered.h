// A convolution or its input gradient as dense windows over a source: what conv.cc runs, and who packs what.
#pragma once
#include "../ops/conv_shape.h"
#include "conv_gemm.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Whether the taps of a channel and the channels of a filter lie one after the other.
inline bool isDense(const View& weight, const ConvShape& c) {
  return weight.stride[3] == 1 && weight.stride[2] == c.kernelW && weight.stride[1] == c.kernelH * c.kernelW;
}

/// Taps first, first + step, … of one axis: those that reach a phase.
struct Taps {
  int64_t first, step, count;
  int64_t before, phasesBefore;  ///< taps of earlier phases, and how many phases have them
};

inline int64_t greatestDivisor(int64_t a, int64_t b) {
  while (b != 0) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

inline int64_t remainder(int64_t a, int64_t b) { return ((a % b) + b) % b; }

/// Taps r with (phase + pad - r * dilation) divisible by the stride.
inline Taps tapsOf(int64_t phase, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation) {
  Taps taps{0, stride / greatestDivisor(stride, dilation), 0, 0, 0};
  for (int64_t r = 0; r < minOf(kernel, taps.step); ++r) {
    const int64_t target = remainder(r * dilation - pad, stride);  // the phase tap r belongs to
    const int64_t count = ceilDiv(kernel - r, taps.step);
    if (target < phase) taps.before += count, ++taps.phasesBefore;
    if (target == phase) taps.first = r, taps.count = count;
  }
  return taps;
}

/// One dense convolution: its window, which weights it uses, where it writes.
struct Phase {
  Window window;
  Taps y, x;
  int64_t row0, col0, rowStep, colStep;  ///< rows and columns of the destination
};

/// conv2d or conv2dGradInput: `source` and `out` are x and out, or dy and dx.
template <class T>
struct Lowered {
  ConvShape shape;
  bool backward;
  const T *source, *weight, *bias;
  T* out;
  const View *sourceView, *outView, *weightView;
  int64_t biasStride;
  // A 3-d convolution is a sum of these over its kernel's depth: the images are the planes of one of `outer`
  // volumes, and each adds to what the others left.
  int64_t outer, sourceOuter, outOuter;
  bool accumulate;
  int32_t precision;  ///< a Precision

  int64_t m() const { return backward ? shape.channels : shape.filters; }
  int64_t sourceChannels() const { return backward ? shape.filters : shape.channels; }
  int64_t phasesY() const { return backward ? minOf(shape.strideH, shape.height) : 1; }
  int64_t phasesX() const { return backward ? minOf(shape.strideW, shape.width) : 1; }
  int64_t phases() const { return phasesY() * phasesX(); }
  int64_t tiles() const { return ceilDiv(m(), tileRows(m())); }

  Phase spread(int64_t index) const {
    const View& v = *sourceView;
    Phase p;
    if (!backward) {
      p.y = {0, 1, shape.kernelH, 0, 0};
      p.x = {0, 1, shape.kernelW, 0, 0};
      p.row0 = p.col0 = 0;
      p.rowStep = p.colStep = 1;
      p.window = {shape.channels, shape.kernelH, shape.kernelW,   shape.height,
                  shape.width,    v.stride[1],   v.stride[2],     v.stride[3],
                  shape.strideH,  shape.strideW, shape.dilationH, shape.dilationW,
                  -shape.padH,    -shape.padW,   shape.outHeight, shape.outWidth};
      return p;
    }
    p.row0 = index / phasesX();
    p.col0 = index % phasesX();
    p.rowStep = shape.strideH;
    p.colStep = shape.strideW;
    p.y = tapsOf(p.row0, shape.kernelH, shape.strideH, shape.padH, shape.dilationH);
    p.x = tapsOf(p.col0, shape.kernelW, shape.strideW, shape.padW, shape.dilationW);
    p.window = {shape.filters,
                p.y.count,
                p.x.count,
                shape.outHeight,
                shape.outWidth,
                v.stride[1],
                v.stride[2],
                v.stride[3],
                1,
                1,
                -(shape.dilationH * p.y.step / shape.strideH),
                -(shape.dilationW * p.x.step / shape.strideW),
                (p.row0 + shape.padH - p.y.first * shape.dilationH) / shape.strideH,
                (p.col0 + shape.padW - p.x.first * shape.dilationW) / shape.strideW,
                ceilDiv(shape.height - p.row0, shape.strideH),
                ceilDiv(shape.width - p.col0, shape.strideW)};
    return p;
  }

  /// One tap that meets every pixel in turn leaves planes as lines.
  Phase phase(int64_t index) const {
    Phase p = spread(index);
    Window& w = p.window;
    const bool outLines = outView->stride[2] == w.width * outView->stride[3];
    if (phases() == 1 && w.meetsEveryPixel() && w.planesAreLines() && outLines) {
      w.width = w.cols = w.rows * w.cols;
      w.height = w.rows = 1;
    }
    return p;
  }

  /// Elements of packed weights of one group, and of the phases before p within it. Each phase that has taps,
  /// of which there are at most as many as taps, rounds its panels up twice.
  int64_t groupElements() const {
    constexpr int64_t L = Lanes<T>::kCount;
    const int64_t taps = shape.kernelH * shape.kernelW;
    return tiles() * (tileRows(m()) * sourceChannels() * taps + 3 * L * (backward ? taps : 1));
  }
  int64_t phaseOffset(const Phase& p) const {
    constexpr int64_t L = Lanes<T>::kCount;
    if (p.y.count == 0 || p.x.count == 0) return 0;
    const int64_t taps = p.y.before * shape.kernelW + p.y.count * p.x.before;
    const int64_t earlier = p.y.phasesBefore * minOf(shape.kernelW, p.x.step) + p.x.phasesBefore;
    return tiles() * (ceilDiv(tileRows(m()) * sourceChannels() * taps, L) * L + 3 * L * earlier);
  }

  /// Where few pixels meet many weights, packing those would take longer than the products: they are read
  /// where they lie, a line of (channel, r, q) after the other.
  bool readsWeights() const {
    const View& v = *weightView;
    return !backward && v.stride[0] != 0 && isDense(v, shape) &&
           shape.images * shape.outHeight * shape.outWidth <= kWideVectors * Lanes<T>::kCount &&
           m() > kTileRows && shape.channels * v.stride[1] >= kDepthBytes / static_cast<int64_t>(sizeof(T));
  }

  /// Panel `tile` of a phase's weights: element (k, line) with k = (source channel, r, q).
  void pack(T* panels, const Phase& p, int64_t group, int64_t tile) const {
    const View& v = *weightView;
    const int64_t rows = tileRows(m()), line0 = tile * rows, lines = minOf(rows, m() - line0);
    const int64_t lineStride = v.stride[backward ? 1 : 0], channelStride = v.stride[backward ? 0 : 1];
    const T* const from = weight + group * shape.filters * v.stride[0] + line0 * lineStride;
    T* to = panels + tile * weightPanel<T>(m(), p.window.depth());
    if (!backward && isDense(v, shape)) {
      packPanel(to, static_cast<int>(lines), static_cast<int>(lines), p.window.depth(), from, lineStride, 1);
      return;
    }
    for (int64_t c = 0; c < sourceChannels(); ++c)
      for (int64_t r = 0; r < p.y.count; ++r)
        for (int64_t q = 0; q < p.x.count; ++q) {
          const T* const tap = from + c * channelStride + (p.y.first + r * p.y.step) * v.stride[2] +
                               (p.x.first + q * p.x.step) * v.stride[3];
          for (int64_t i = 0; i < lines; ++i) *to++ = tap[i * lineStride];
        }
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
