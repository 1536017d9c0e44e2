// Convolutions of one tap that meets every pixel in turn, forward and input gradient: weights times planes, a
// product for each image, whose planes lie as gemm.h wants its right side.
#pragma once
#include "conv_lowered.h"

namespace wg::cpu {
inline namespace WG_ISA {

template <class T>
struct Pixelwise {
  const Lowered<T>& op;
  const Window window = op.phase(0).window;

  /// Images so small that a panel would be filled by several stay with windowGemm.
  bool fits() const {
    constexpr int64_t kLeastPixels = 2 * kWideVectors * Lanes<T>::kCount;
    return op.phases() == 1 && op.shape.kernelH == 1 && op.shape.kernelW == 1 && window.height == 1 &&
           window.rows == 1 && window.cols == window.width && window.originX == 0 && window.strideX == 1 &&
           op.outView->stride[3] == 1 && window.cols >= kLeastPixels && window.channels > 0 && op.m() > 0;
  }

  /// One image's product, at the first of its pixels.
  Gemm<T> product(int64_t volume, int64_t group, int64_t image) const {
    const View &in = *op.sourceView, &to = *op.outView, &weight = *op.weightView;
    const int64_t m = op.m(), k = op.sourceChannels();
    Gemm<T> g{};
    g.m = m;
    g.n = window.cols;
    g.k = k;
    g.a = op.weight + group * op.shape.filters * weight.stride[0];
    g.aRow = weight.stride[op.backward ? 1 : 0];
    g.aCol = weight.stride[op.backward ? 0 : 1];
    g.b = op.source + volume * op.sourceOuter + image * in.stride[0] + group * k * in.stride[1];
    g.bRow = in.stride[1];
    g.bCol = 1;
    g.c = op.out + volume * op.outOuter + image * to.stride[0] + group * m * to.stride[1];
    g.cRow = to.stride[1];
    g.cCol = 1;
    g.rowBias = op.bias ? op.bias + group * m * op.biasStride : nullptr;
    g.rowBiasStride = op.biasStride;
    g.accumulate = op.accumulate;
    g.streams = streamsC(g, numel(to));
    return g;
  }

  size_t bytes() const {
    return static_cast<size_t>(op.shape.groups * packedStrips<T>(product(0, 0, 0), nullptr).count()) *
           sizeof(T);
  }

  void run(Stream& s, const char* name) const {
    constexpr int64_t kStrips = 8;  // of a chunk of packing
    constexpr int64_t kPanel = kWideVectors * Lanes<T>::kCount;
    constexpr double kChunks = 16, kMostWork = 1 << 26;
    const ConvShape& shape = op.shape;
    const int64_t products = op.outer * shape.groups * shape.images;
    const double perPixel = static_cast<double>(op.m()) * static_cast<double>(op.sourceChannels() + 1),
                 total = perPixel * static_cast<double>(products * window.cols), chunk = total / kChunks;
    PackedStrips<T> weights = packedStrips<T>(product(0, 0, 0), static_cast<T*>(s.scratch));
    const int64_t each = weights.count(), packs = ceilDiv(weights.strips, kStrips);
    forChunks(s, shape.groups * packs, total, [&](int64_t piece) {
      const int64_t group = piece / packs, strip = piece % packs * kStrips;
      PackedStrips<T> own = weights;
      own.data += group * each;
      own.pack(product(0, group, 0), strip, minOf(own.strips, strip + kStrips));
    });
    const double wanted = (chunk < kMostWork ? chunk : kMostWork) / perPixel;
    const int64_t cols = evenSplit(window.cols, maxOf(static_cast<int64_t>(wanted), 2 * kPanel), kPanel),
                  blocks = ceilDiv(window.cols, cols);
    forChunks(s, products * blocks, total, [&](int64_t piece) {
      const int64_t col = piece % blocks * cols, image = piece / blocks % shape.images,
                    group = piece / blocks / shape.images % shape.groups,
                    volume = piece / blocks / shape.images / shape.groups;
      T* const scratch = static_cast<T*>(workerScratch());
      if (!scratch) return fail(s, Code::outOfMemory, "%s: no memory for a packing buffer", name);
      Gemm<T> g = product(volume, group, image);
      g.n = minOf(cols, g.n - col);
      g.b += col;
      g.c += col;
      PackedStrips<T> own = weights;
      own.data += group * each;
      gemmBlock(g, scratch, kBlockBytes, &own);
      if (g.streams) simd::endStreaming();
    });
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
