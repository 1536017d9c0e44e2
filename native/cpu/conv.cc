// Convolution and its input gradient (which is the transposed convolution): one engine (conv_gemm.h), two
// windows. With stride s the input gradient falls apart into s * s dense ones, a phase for each residue of
// the input's coordinates; no zeros are ever multiplied in. Three dimensions are a sum of two over the
// kernel's depth.
#include "../ops/rows/conv.h"

#include "../ops/conv_shape.h"
#include "conv_gemm.h"

WG_PROTOTYPES(WG_CONV_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// Taps first, first + step, … of one axis: those that reach a phase.
struct Taps {
  int64_t first, step, count;
  int64_t before, phasesBefore;  ///< taps of earlier phases, and how many phases have them
};

int64_t greatestDivisor(int64_t a, int64_t b) {
  while (b != 0) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

int64_t remainder(int64_t a, int64_t b) { return ((a % b) + b) % b; }

/// Taps r with (phase + pad - r * dilation) divisible by the stride.
Taps tapsOf(int64_t phase, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation) {
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

  int64_t m() const { return backward ? shape.channels : shape.filters; }
  int64_t sourceChannels() const { return backward ? shape.filters : shape.channels; }
  int64_t phasesY() const { return backward ? minOf(shape.strideH, shape.height) : 1; }
  int64_t phasesX() const { return backward ? minOf(shape.strideW, shape.width) : 1; }
  int64_t phases() const { return phasesY() * phasesX(); }
  int64_t tiles() const { return ceilDiv(m(), tileRows(m())); }

  Phase phase(int64_t index) const {
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

  /// Panel `tile` of a phase's weights: element (k, line) with k = (source channel, r, q).
  void pack(T* panels, const Phase& p, int64_t group, int64_t tile) const {
    const View& v = *weightView;
    const int64_t rows = tileRows(m()), line0 = tile * rows, lines = minOf(rows, m() - line0);
    const int64_t lineStride = v.stride[backward ? 1 : 0], channelStride = v.stride[backward ? 0 : 1];
    const T* const from = weight + group * shape.filters * v.stride[0] + line0 * lineStride;
    T* to = panels + tile * weightPanel<T>(m(), p.window.depth());
    if (!backward && v.stride[3] == 1 && v.stride[2] == shape.kernelW &&
        v.stride[1] == shape.kernelH * shape.kernelW) {
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

template <class T>
size_t bytesFor(const Lowered<T>& op) {
  return static_cast<size_t>(op.shape.groups * op.groupElements()) * sizeof(T);
}

template <class T>
void run(Stream& s, const char* name, const Lowered<T>& op) {
  const ConvShape& shape = op.shape;
  const View &in = *op.sourceView, &to = *op.outView;
  if (numel(to) == 0) return;
  if (!require(s, s.scratch != nullptr && s.scratchBytes >= bytesFor(op),
               "conv2d: the workspace is too small"))
    return;
  T* const packed = static_cast<T*>(s.scratch);
  const double total = static_cast<double>(op.outer * shape.images * shape.groups * shape.filters) *
                       static_cast<double>(shape.outHeight * shape.outWidth) *
                       static_cast<double>(shape.channels * shape.kernelH * shape.kernelW);
  const bool small = total < 1 << 18;
  const int64_t phases = op.phases(), tiles = op.tiles();
  const auto each = [&](int64_t count, auto&& body) {
    if (!small) return parallelFor(s, count, body);
    for (int64_t i = 0; i < count; ++i) body(i);
  };

  each(shape.groups * phases * tiles, [&](int64_t piece) {
    const int64_t tile = piece % tiles, index = piece / tiles % phases, group = piece / tiles / phases;
    const Phase p = op.phase(index);
    if (p.window.depth() == 0) return;
    op.pack(packed + group * op.groupElements() + op.phaseOffset(p), p, group, tile);
  });

  // Phase 0 has the largest grid; one with fewer rows or columns leaves some blocks empty.
  const Window first = op.phase(0).window;
  const PixelBlock block = blockShape<T>(first, op.m(), shape.images, total);
  const int64_t imageBlocks = ceilDiv(shape.images, block.images),
                rowBlocks = ceilDiv(first.rows, block.rows), colBlocks = ceilDiv(first.cols, block.cols);
  each(op.outer * phases * shape.groups * imageBlocks * rowBlocks * colBlocks, [&](int64_t piece) {
    PixelBlock mine;
    mine.col0 = piece % colBlocks * block.cols;
    piece /= colBlocks;
    mine.row0 = piece % rowBlocks * block.rows;
    piece /= rowBlocks;
    mine.image0 = piece % imageBlocks * block.images;
    piece /= imageBlocks;
    const int64_t group = piece % shape.groups, index = piece / shape.groups % phases,
                  volume = piece / shape.groups / phases;
    const Phase p = op.phase(index);
    if (op.accumulate && p.window.depth() == 0) return;
    mine.images = minOf(block.images, shape.images - mine.image0);
    mine.rows = minOf(block.rows, p.window.rows - mine.row0);
    mine.cols = minOf(block.cols, p.window.cols - mine.col0);
    if (mine.rows <= 0 || mine.cols <= 0) return;
    T* const scratch = static_cast<T*>(workerScratch());
    if (!scratch) return fail(s, Code::outOfMemory, "%s: no memory for a packing buffer", name);
    windowGemm<T>(
        {p.window, op.m(), packed + group * op.groupElements() + op.phaseOffset(p),
         op.source + volume * op.sourceOuter + group * op.sourceChannels() * in.stride[1], in.stride[0],
         op.out + volume * op.outOuter + group * op.m() * to.stride[1] + p.row0 * to.stride[2] +
             p.col0 * to.stride[3],
         to.stride[0], to.stride[1], to.stride[2] * p.rowStep, to.stride[3] * p.colStep,
         op.bias ? op.bias + group * op.m() * op.biasStride : nullptr, op.biasStride, op.accumulate},
        mine, scratch);
  });
}

/// `small` and `large` are the output and input of the convolution, or their gradients.
template <class T>
Lowered<T> lowered(bool backward, const View& small, const View& large, const View& weight, const View* bias,
                   const Conv2dParams& params) {
  const View &source = backward ? small : large, &out = backward ? large : small;
  const bool biased = bias && bias->data;
  return {convShape(small, large, weight, params),
          backward,
          static_cast<const T*>(source.data),
          static_cast<const T*>(weight.data),
          biased ? static_cast<const T*>(bias->data) : nullptr,
          static_cast<T*>(out.data),
          &source,
          &out,
          &weight,
          biased ? bias->stride[0] : 0,
          1,
          0,
          0,
          false};
}

/// out[:, o] = bias[o], or zero.
template <class T>
void fillBias(Stream& s, const View& out, const View& bias) {
  const int64_t channels = out.shape[1], width = out.shape[4];
  parallelFor(s, out.shape[0] * channels, [&](int64_t plane) {
    const int64_t n = plane / channels, o = plane % channels;
    const T value = bias.data ? static_cast<const T*>(bias.data)[o * bias.stride[0]] : T(0);
    T* const to = static_cast<T*>(out.data) + n * out.stride[0] + o * out.stride[1];
    for (int64_t d = 0; d < out.shape[2]; ++d)
      for (int64_t y = 0; y < out.shape[3]; ++y) {
        T* const row = to + d * out.stride[2] + y * out.stride[3];
        for (int64_t x = 0; x < width; ++x) row[x * out.stride[4]] = value;
      }
  });
}

template <class T>
void run3d(Stream& s, const char* name, bool backward, const View& small, const View& large,
           const View& weight, const View& bias, const Conv3dParams& params) {
  const View& out = backward ? large : small;
  if (numel(out) == 0) return;
  fillBias<T>(s, out, bias);
  if (numel(weight) == 0) return;
  for (int64_t tap = 0; tap < weight.shape[2] && !failed(s); ++tap) {
    const DepthTap depth = depthTap(tap, small.shape[2], large.shape[2], params);
    if (depth.count == 0) continue;
    const View smallPlanes = planes(small, depth.from, depth.count),
               largePlanes =
                   planes(large, depth.from * params.strideD + depth.shift, depth.count, params.strideD),
               tapWeight = planes(weight, tap, 0);
    Lowered<T> op = lowered<T>(backward, smallPlanes, largePlanes, tapWeight, nullptr, planesOf(params));
    op.outer = small.shape[0];
    op.sourceOuter = (backward ? small : large).stride[0];
    op.outOuter = out.stride[0];
    op.accumulate = true;
    run(s, name, op);
  }
}

size_t workspace(bool backward, const View& small, const View& large, const View& weight,
                 const Conv2dParams& params) {
  if (!convPlausible(small, large, weight, params)) return 0;
  return small.dtype == DType::f64
             ? bytesFor(lowered<double>(backward, small, large, weight, nullptr, params))
             : bytesFor(lowered<float>(backward, small, large, weight, nullptr, params));
}

void run2d(Stream& s, const char* name, bool backward, const View& small, const View& large,
           const View& weight, const View& bias, const Conv2dParams& params) {
  if (!convFits(s, name, small, large, weight, params) || !convBiasFits(s, backward ? large : small, bias))
    return;
  if (small.dtype == DType::f64) run(s, name, lowered<double>(backward, small, large, weight, &bias, params));
  else run(s, name, lowered<float>(backward, small, large, weight, &bias, params));
}

void run3d(Stream& s, const char* name, bool backward, const View& small, const View& large,
           const View& weight, const View& bias, const Conv3dParams& params) {
  if (!convFits(s, name, small, large, weight, params) || !convBiasFits(s, backward ? large : small, bias))
    return;
  if (small.dtype == DType::f64) run3d<double>(s, name, backward, small, large, weight, bias, params);
  else run3d<float>(s, name, backward, small, large, weight, bias, params);
}

size_t workspace(bool backward, const View& small, const View& large, const View& weight,
                 const Conv3dParams& params) {
  if (small.rank != 5 || large.rank != 5 || weight.rank != 5) return 0;
  const View s = planes(small, 0, 0), l = planes(large, 0, 0), w = planes(weight, 0, 0);
  return workspace(backward, s, l, w, planesOf(params));
}

}  // namespace

#define WG_CONVOLUTION(name, run, Params)                                                             \
  size_t name##Workspace(const Out& out, const In& x, const In& weight, const MaybeIn&,               \
                         const Params& params) {                                                      \
    return workspace(false, out, x, weight, params);                                                  \
  }                                                                                                   \
  void name(Stream& s, const Out& out, const In& x, const In& weight, const MaybeIn& bias,            \
            const Params& params) {                                                                   \
    run(s, #name, false, out, x, weight, bias, params);                                               \
  }                                                                                                   \
  size_t name##GradInputWorkspace(const Out& dx, const In& dy, const In& weight, const MaybeIn&,      \
                                  const Params& params) {                                             \
    return workspace(true, dy, dx, weight, params);                                                   \
  }                                                                                                   \
  void name##GradInput(Stream& s, const Out& dx, const In& dy, const In& weight, const MaybeIn& bias, \
                       const Params& params) {                                                        \
    run(s, #name "GradInput", true, dy, dx, weight, bias, params);                                    \
  }

WG_CONVOLUTION(conv2d, run2d, Conv2dParams)
WG_CONVOLUTION(conv3d, run3d, Conv3dParams)

}  // namespace WG_ISA
}  // namespace wg::cpu
