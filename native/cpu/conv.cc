// Convolution and its input gradient (which is the transposed convolution): one engine (conv_gemm.h), two
// windows. With stride s the input gradient falls apart into s * s dense ones, a phase for each residue of
// the input's coordinates; no zeros are ever multiplied in. Three dimensions are a sum of two over the
// kernel's depth.
#include "../ops/rows/conv.h"

#include "../ops/precision.h"
#include "conv_depthwise.h"
#include "conv_input_few.h"
#include "conv_output_few.h"
#include "conv_pixelwise.h"
#include "conv_winograd.h"

WG_PROTOTYPES(WG_CONV_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

template <class T>
size_t bytesFor(const Lowered<T>& op) {
  if (const int64_t method = winogradMethod(op)) return winogradBytes(op, method);
  if (const FewInput<T> few{op}; few.fits()) return few.bytes();
  if constexpr (sizeof(T) == sizeof(float))
    if (const FewOutput<T> few{op}; few.fits()) return few.bytes();
  if (const Pixelwise<T> pixelwise{op}; pixelwise.fits()) return pixelwise.bytes();
  return static_cast<size_t>(op.shape.groups * op.groupElements()) * sizeof(T);
}

/// The input gradient of one tap and a stride leaves all pixels of dx but those of the first phase empty.
template <class T>
bool leavesGaps(const Lowered<T>& op) {
  const ConvShape& c = op.shape;
  return op.phases() > 1 && c.kernelH == 1 && c.kernelW == 1 && c.padH == 0 && c.padW == 0 && !op.accumulate;
}

/// Every pixel that a block of the first phase spreads over becomes what empty ones hold: they are written
/// while their lines are near.
template <class T>
void fillGaps(const Lowered<T>& op, const PixelBlock& block, T* out, int64_t channel0) {
  constexpr int64_t L = Lanes<T>::kCount;
  const View& to = *op.outView;
  const int64_t strideH = op.shape.strideH, strideW = op.shape.strideW, row0 = block.row0 * strideH,
                col0 = block.col0 * strideW, rows = minOf(block.rows * strideH, to.shape[2] - row0),
                cols = minOf(block.cols * strideW, to.shape[3] - col0);
  for (int64_t image = block.image0; image < block.image0 + block.images; ++image)
    for (int64_t i = 0; i < op.m(); ++i) {
      const T value = op.bias ? op.bias[(channel0 + i) * op.biasStride] : T(0);
      const auto values = typename Lanes<T>::Vec{} + value;
      for (int64_t y = row0; y < row0 + rows; ++y) {
        T* const row = out + image * to.stride[0] + i * to.stride[1] + y * to.stride[2] + col0 * to.stride[3];
        int64_t x = 0;
        if (to.stride[3] == 1)
          for (; x + L <= cols; x += L) storeVec(row + x, values);
        for (; x < cols; ++x) row[x * to.stride[3]] = value;
      }
    }
}

template <class T>
void run(Stream& s, const char* name, const Lowered<T>& op) {
  const ConvShape& shape = op.shape;
  const View &in = *op.sourceView, &to = *op.outView;
  if (numel(to) == 0) return;
  if (isDepthwise(op)) return depthwise(s, op);
  if (!require(s, s.scratch != nullptr && s.scratchBytes >= bytesFor(op),
               "conv2d: the workspace is too small"))
    return;
  if (const int64_t method = winogradMethod(op)) return winograd(s, op, method);
  if (const FewInput<T> few{op}; few.fits()) return few.run(s, name);
  if constexpr (sizeof(T) == sizeof(float))
    if (const FewOutput<T> few{op}; few.fits()) return few.run(s, name);
  if (const Pixelwise<T> pixelwise{op}; pixelwise.fits()) return pixelwise.run(s, name);
  T* const packed = static_cast<T*>(s.scratch);
  const double total = static_cast<double>(op.outer * shape.images * shape.groups * shape.filters) *
                       static_cast<double>(shape.outHeight * shape.outWidth) *
                       static_cast<double>(shape.channels * shape.kernelH * shape.kernelW);
  const int64_t phases = op.phases(), tiles = op.tiles();

  forChunks(s, shape.groups * phases * tiles, total, [&](int64_t piece) {
    const int64_t tile = piece % tiles, index = piece / tiles % phases, group = piece / tiles / phases;
    const Phase p = op.phase(index);
    if (p.window.depth() == 0) return;
    op.pack(packed + group * op.groupElements() + op.phaseOffset(p), p, group, tile);
  });

  // Phase 0 has the largest grid; one with fewer rows or columns leaves some blocks empty.
  const Window first = op.phase(0).window;
  const PixelBlock block = blockShape<T>(first, op.lines(), shape.images, total);
  const int64_t imageBlocks = ceilDiv(shape.images, block.images),
                rowBlocks = ceilDiv(first.rows, block.rows), colBlocks = ceilDiv(first.cols, block.cols);
  const bool gaps = leavesGaps(op);
  const int64_t filled = gaps ? 1 : phases,
                pieces = op.outer * filled * shape.groups * imageBlocks * rowBlocks * colBlocks;
  forChunks(s, pieces, total, [&](int64_t piece) {
    PixelBlock mine;
    mine.col0 = piece % colBlocks * block.cols;
    piece /= colBlocks;
    mine.row0 = piece % rowBlocks * block.rows;
    piece /= rowBlocks;
    mine.image0 = piece % imageBlocks * block.images;
    piece /= imageBlocks;
    const int64_t group = piece % shape.groups, index = piece / shape.groups % filled,
                  volume = piece / shape.groups / filled;
    const Phase p = op.phase(index);
    if (op.accumulate && p.window.depth() == 0) return;
    mine.images = minOf(block.images, shape.images - mine.image0);
    mine.rows = minOf(block.rows, p.window.rows - mine.row0);
    mine.cols = minOf(block.cols, p.window.cols - mine.col0);
    if (mine.rows <= 0 || mine.cols <= 0) return;
    T* const scratch = static_cast<T*>(workerScratch());
    if (!scratch) return fail(s, Code::outOfMemory, "%s: no memory for a packing buffer", name);
    T* const out = op.out + volume * op.outOuter + group * op.m() * to.stride[1];
    if (gaps) fillGaps(op, mine, out, group * op.m());
    const int64_t beside = op.beside();
    T lineBias[kLinesBeside];
    const T* bias = op.bias ? op.bias + group * op.m() * op.biasStride : nullptr;
    for (int64_t i = 0; bias && beside > 1 && i < op.lines(); ++i)
      lineBias[i] = bias[i / beside * op.biasStride];
    windowGemm<T>(
        {p.window, op.lines(), packed + group * op.groupElements() + op.phaseOffset(p),
         op.source + volume * op.sourceOuter + group * op.sourceChannels() * in.stride[1], in.stride[0],
         out + p.row0 * to.stride[2] + p.col0 * to.stride[3], to.stride[0], to.stride[1],
         to.stride[2] * p.rowStep, to.stride[3] * p.colStep, bias && beside > 1 ? lineBias : bias,
         beside > 1 ? 1 : op.biasStride, op.accumulate, beside, to.stride[3], to.shape[3]},
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
          false,
          params.precision};
}

/// out[:, o] = bias[o], or zero.
template <class T>
void fillBias(Stream& s, const View& out, const View& bias) {
  const int64_t channels = out.shape[1], width = out.shape[4];
  parallelSweep(s, out.shape[0] * channels, [&](int64_t plane) {
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

/// The planes of a 3-d convolution add to each other, which only the plain sum does.
Conv2dParams plainPlanes(const Conv3dParams& params) {
  Conv2dParams planes = planesOf(params);
  planes.precision = static_cast<int32_t>(Precision::strict);
  return planes;
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
    Lowered<T> op = lowered<T>(backward, smallPlanes, largePlanes, tapWeight, nullptr, plainPlanes(params));
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
  return workspace(backward, s, l, w, plainPlanes(params));
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
