// conv2d and its input gradient: one engine (conv_gemm.h), two windows. With stride s the input gradient
// falls apart into s * s dense ones, a phase for each residue of the input's coordinates; no zeros are ever
// multiplied in.
#include "../ops/rows/conv.h"

#include "conv_gemm.h"
#include "conv_shape.h"

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
  const double total = static_cast<double>(shape.images * shape.groups * shape.filters) *
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
  each(phases * shape.groups * imageBlocks * rowBlocks * colBlocks, [&](int64_t piece) {
    PixelBlock mine;
    mine.col0 = piece % colBlocks * block.cols;
    piece /= colBlocks;
    mine.row0 = piece % rowBlocks * block.rows;
    piece /= rowBlocks;
    mine.image0 = piece % imageBlocks * block.images;
    piece /= imageBlocks;
    const int64_t group = piece % shape.groups, index = piece / shape.groups;
    const Phase p = op.phase(index);
    mine.images = minOf(block.images, shape.images - mine.image0);
    mine.rows = minOf(block.rows, p.window.rows - mine.row0);
    mine.cols = minOf(block.cols, p.window.cols - mine.col0);
    if (mine.rows <= 0 || mine.cols <= 0) return;
    T* const scratch = static_cast<T*>(workerScratch());
    if (!scratch) return fail(s, Code::outOfMemory, "%s: no memory for a packing buffer", name);
    windowGemm<T>({p.window, op.m(), packed + group * op.groupElements() + op.phaseOffset(p),
                   op.source + group * op.sourceChannels() * in.stride[1], in.stride[0],
                   op.out + group * op.m() * to.stride[1] + p.row0 * to.stride[2] + p.col0 * to.stride[3],
                   to.stride[0], to.stride[1], to.stride[2] * p.rowStep, to.stride[3] * p.colStep,
                   op.bias ? op.bias + group * op.m() * op.biasStride : nullptr, op.biasStride},
                  mine, scratch);
  });
}

template <class T>
Lowered<T> forward(const View& out, const View& x, const View& weight, const View* bias,
                   const Conv2dParams& params) {
  return {convShape(out, x, weight, params),
          false,
          static_cast<const T*>(x.data),
          static_cast<const T*>(weight.data),
          bias && bias->data ? static_cast<const T*>(bias->data) : nullptr,
          static_cast<T*>(out.data),
          &x,
          &out,
          &weight,
          bias && bias->data ? bias->stride[0] : 0};
}

template <class T>
Lowered<T> gradInput(const View& dx, const View& dy, const View& weight, const Conv2dParams& params) {
  return {convShape(dy, dx, weight, params),
          true,
          static_cast<const T*>(dy.data),
          static_cast<const T*>(weight.data),
          nullptr,
          static_cast<T*>(dx.data),
          &dy,
          &dx,
          &weight,
          0};
}

}  // namespace

size_t conv2dWorkspace(const Out& out, const In& x, const In& weight, const MaybeIn&,
                       const Conv2dParams& params) {
  if (!convPlausible(out, x, weight, params)) return 0;
  return out.dtype == DType::f64 ? bytesFor(forward<double>(out, x, weight, nullptr, params))
                                 : bytesFor(forward<float>(out, x, weight, nullptr, params));
}

void conv2d(Stream& s, const Out& out, const In& x, const In& weight, const MaybeIn& bias,
            const Conv2dParams& params) {
  if (!convFits(s, "conv2d", out, x, weight, params)) return;
  if (!require(s,
               !bias.data || (bias.rank == 1 && bias.shape[0] == weight.shape[0] && bias.dtype == out.dtype),
               "conv2d: bias must have one element per filter"))
    return;
  if (out.dtype == DType::f64) run(s, "conv2d", forward<double>(out, x, weight, &bias, params));
  else run(s, "conv2d", forward<float>(out, x, weight, &bias, params));
}

size_t conv2dGradInputWorkspace(const Out& dx, const In& dy, const In& weight, const Conv2dParams& params) {
  if (!convPlausible(dy, dx, weight, params)) return 0;
  return dx.dtype == DType::f64 ? bytesFor(gradInput<double>(dx, dy, weight, params))
                                : bytesFor(gradInput<float>(dx, dy, weight, params));
}

void conv2dGradInput(Stream& s, const Out& dx, const In& dy, const In& weight, const Conv2dParams& params) {
  if (!convFits(s, "conv2dGradInput", dy, dx, weight, params)) return;
  if (dx.dtype == DType::f64) run(s, "conv2dGradInput", gradInput<double>(dx, dy, weight, params));
  else run(s, "conv2dGradInput", gradInput<float>(dx, dy, weight, params));
}

}  // namespace WG_ISA
}  // namespace wg::cpu
