// The input gradient of few pixels: packing the weights would take longer than the products. Dy times the
// weights, read once and as they lie, is what each line, a channel's tap, adds to the pixels it reaches; a
// chunk has the lines of some channels and adds them up where they belong.
#pragma once
#include "conv_few.h"

namespace wg::cpu {
inline namespace WG_ISA {

// A thread's scratch: the packing of gemmBlock, and sums of lines.
inline constexpr int64_t kInputPackBytes = int64_t{128} << 10,
                         kInputSumsStart = 2 * (kInputPackBytes + kScratchSlack);
static_assert(kInputSumsStart + kFewPixels * kFewPitch * 8 <= static_cast<int64_t>(kWorkerScratchBytes));

template <class T>
struct FewInput {
  const Lowered<T>& op;
  const ConvShape& c = op.shape;
  int64_t taps = c.kernelH * c.kernelW, plane = c.outHeight * c.outWidth, pixels = c.images * plane;
  int64_t channels = taps > 0 ? kFewLines / taps : 0;  ///< of a chunk

  bool fits() const {
    return op.backward && op.outer == 1 && !op.accumulate && channels > 0 && hasFewPixels(*op.weightView, c);
  }
  /// sums[pixel][line] of the weights' lines from `channel` on; dy is [filter][pixel].
  Gemm<T> product(const T* dy, int64_t group, int64_t channel, T* sums) const {
    const int64_t row = op.weightView->stride[0];
    Gemm<T> g{};
    g.m = pixels;
    g.n = minOf(channels, c.channels - channel) * taps;
    g.k = c.filters;
    g.a = dy + group * c.filters * pixels;
    g.aRow = 1;
    g.aCol = pixels;
    g.b = op.weight + group * c.filters * row + channel * taps;
    g.bRow = row;
    g.bCol = 1;
    g.c = sums;
    g.cRow = kFewPitch;
    g.cCol = 1;
    return g;
  }
  /// Before them: dy by filters.
  PackedStrips<T> strips(T* scratch) const {
    return packedStrips<T>(product(scratch, 0, 0, nullptr), scratch + c.groups * c.filters * pixels);
  }
  size_t bytes() const {
    return static_cast<size_t>(c.groups * (c.filters * pixels + strips(nullptr).count())) * sizeof(T);
  }

  /// One channel of dx in all images from the sums of its taps.
  void spread(int64_t channel, const T* sums) const {
    const View& v = *op.outView;
    const T start = op.bias ? op.bias[channel * op.biasStride] : T(0);
    for (int64_t image = 0; image < c.images; ++image) {
      T* const to = op.out + image * v.stride[0] + channel * v.stride[1];
      for (int64_t y = 0; y < c.height; ++y)
        for (int64_t x = 0; x < c.width; ++x) to[y * v.stride[2] + x * v.stride[3]] = start;
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t left = tap % c.kernelW * c.dilationW - c.padW;
        const Reach reach = reachOf(left, c.width, c.strideW, c.outWidth);
        for (int64_t y = 0; y < c.outHeight; ++y) {
          const int64_t row = y * c.strideH + tap / c.kernelW * c.dilationH - c.padH;
          if (row < 0 || row >= c.height) continue;
          const T* const from = sums + (image * plane + y * c.outWidth) * kFewPitch + tap;
          T* const line = to + row * v.stride[2] + left * v.stride[3];
          for (int64_t x = reach.first; x < reach.last; ++x)
            line[x * c.strideW * v.stride[3]] += from[x * kFewPitch];
        }
      }
    }
  }

  void run(Stream& s, const char* name) const {
    constexpr int64_t kTogether = 64;
    T* const dy = static_cast<T*>(s.scratch);
    const int64_t all = c.groups * c.filters, blocks = ceilDiv(c.channels, channels);
    parallelFor(s, ceilDiv(all, kTogether), [&](int64_t piece) {
      const View& v = *op.sourceView;
      for (int64_t f = piece * kTogether; f < minOf(all, (piece + 1) * kTogether); ++f)
        gatherPixels(
            c, v, op.source + f * v.stride[1], [&v](int64_t image) { return image * v.stride[0]; },
            dy + f * pixels);
    });
    const PackedStrips<T> first = strips(dy);
    const auto stripsOf = [&](int64_t group) {
      PackedStrips<T> own = first;
      own.data += group * first.count();
      return own;
    };
    parallelFor(s, c.groups * first.strips, [&](int64_t piece) {
      const int64_t group = piece / first.strips, strip = piece % first.strips;
      stripsOf(group).pack(product(dy, group, 0, nullptr), strip, strip + 1);
    });
    parallelFor(s, c.groups * blocks, [&](int64_t piece) {
      char* const scratch = static_cast<char*>(workerScratch());
      if (!scratch) return fail(s, Code::outOfMemory, "%s: no memory for a packing buffer", name);
      const int64_t group = piece / blocks, c0 = piece % blocks * channels,
                    count = minOf(channels, c.channels - c0);
      T* const sums = reinterpret_cast<T*>(scratch + kInputSumsStart);
      const PackedStrips<T> own = stripsOf(group);
      gemmBlock(product(dy, group, c0, sums), reinterpret_cast<T*>(scratch), kInputPackBytes, &own);
      for (int64_t i = 0; i < count; ++i) spread(group * c.channels + c0 + i, sums + i * taps);
    });
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
