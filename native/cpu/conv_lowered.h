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

inline int64_t floorDiv(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

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

/// Phases of x of an input gradient with few channels, which share each pixel that is read: one alone would
/// leave most of a tile's registers empty. Their taps are those of all of them, with zeros between.
inline constexpr int64_t kChannelsBeside = 3;

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
  int64_t phasesX() const { return backward && beside() == 1 ? minOf(shape.strideW, shape.width) : 1; }
  int64_t phases() const { return phasesY() * phasesX(); }
  /// Phases of x that one window computes: all of them, or one.
  int64_t beside() const {
    const int64_t stride = shape.strideW;
    const bool few = backward && stride > 1 && shape.channels <= kChannelsBeside &&
                     shape.channels * stride <= kLinesBeside;
    if (!few || shape.dilationW != 1 || shape.kernelW == 1 || shape.width < stride) return 1;
    return stride * columnsBeside().count <= 2 * shape.kernelW ? stride : 1;
  }
  /// What a window has for each channel: its phases of x.
  int64_t lines() const { return m() * beside(); }
  int64_t tiles() const { return ceilDiv(lines(), tileRows(lines())); }

  struct Columns {
    int64_t first, count;  ///< of the source, downwards
  };
  /// The columns of the source that any phase of x reads for its first pixel.
  Columns columnsBeside() const {
    const int64_t stride = shape.strideW,
                  last = floorDiv(shape.padW - shape.kernelW + 1 + stride - 1, stride),
                  first = floorDiv(stride - 1 + shape.padW, stride);
    return {first, first - last + 1};
  }
  int64_t tapColumns() const { return beside() > 1 ? columnsBeside().count : shape.kernelW; }

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
    if (beside() > 1) p.x = {0, shape.strideW, columnsBeside().count, 0, 0};
    else p.x = tapsOf(p.col0, shape.kernelW, shape.strideW, shape.padW, shape.dilationW);
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
                beside() > 1 ? columnsBeside().first
                             : (p.col0 + shape.padW - p.x.first * shape.dilationW) / shape.strideW,
                ceilDiv(shape.height - p.row0, shape.strideH),
                ceilDiv(shape.width - p.col0, shape.strideW)};
    return p;
  }

  /// One tap that meets every pixel in turn leaves planes as lines.
  Phase phase(int64_t index) const {
    Phase p = spread(index);
    Window& w = p.window;
    const bool outLines = outView->stride[2] == w.width * outView->stride[3];
    if (phases() == 1 && beside() == 1 && w.meetsEveryPixel() && w.planesAreLines() && outLines) {
      w.width = w.cols = w.rows * w.cols;
      w.height = w.rows = 1;
    }
    return p;
  }

  /// Elements of packed weights of one group, and of the phases before p within it. Each phase that has taps,
  /// of which there are at most as many as taps, rounds its panels up twice.
  int64_t groupElements() const {
    constexpr int64_t L = Lanes<T>::kCount;
    const int64_t taps = shape.kernelH * tapColumns();
    return tiles() * (tileRows(lines()) * sourceChannels() * taps + 3 * L * (backward ? taps : 1));
  }
  int64_t phaseOffset(const Phase& p) const {
    constexpr int64_t L = Lanes<T>::kCount;
    if (p.y.count == 0 || p.x.count == 0) return 0;
    const int64_t taps = p.y.before * tapColumns() + p.y.count * p.x.before;
    const int64_t across = beside() > 1 ? 1 : minOf(shape.kernelW, p.x.step);
    const int64_t earlier = p.y.phasesBefore * across + p.x.phasesBefore;
    return tiles() * (ceilDiv(tileRows(lines()) * sourceChannels() * taps, L) * L + 3 * L * earlier);
  }

  /// Panel `tile` of a phase's weights: element (k, line) with k = (source channel, r, q).
  void pack(T* panels, const Phase& p, int64_t group, int64_t tile) const {
    const View& v = *weightView;
    const int64_t all = this->lines(), rows = tileRows(all), line0 = tile * rows,
                  lines = minOf(rows, all - line0);
    const int64_t lineStride = v.stride[backward ? 1 : 0], channelStride = v.stride[backward ? 0 : 1];
    T* to = panels + tile * weightPanel<T>(all, p.window.depth());
    if (beside() > 1) return packBeside(to, p, group, line0, lines);
    const T* const from = weight + group * shape.filters * v.stride[0] + line0 * lineStride;
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
  /// Line (channel, phase of x): the phase's taps where it reads a column, else 0.
  void packBeside(T* to, const Phase& p, int64_t group, int64_t line0, int64_t lines) const {
    const View& v = *weightView;
    const int64_t side = beside();
    const Columns columns = columnsBeside();
    for (int64_t c = 0; c < sourceChannels(); ++c)
      for (int64_t r = 0; r < p.y.count; ++r)
        for (int64_t q = 0; q < columns.count; ++q)
          for (int64_t i = line0; i < line0 + lines; ++i) {
            const int64_t tap = i % side + shape.padW - (columns.first - q) * shape.strideW;
            const bool reads = tap >= 0 && tap < shape.kernelW;
            *to++ = reads ? weight[(group * shape.filters + c) * v.stride[0] + i / side * v.stride[1] +
                                   (p.y.first + r * p.y.step) * v.stride[2] + tap * v.stride[3]]
                          : T(0);
          }
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
