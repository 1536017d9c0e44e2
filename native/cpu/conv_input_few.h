// The input gradient of few pixels: packing the weights would take longer than the products. The weights,
// read once and as they lie, times dy are what each line, a channel's tap, adds to the pixels it reaches; a
// chunk has the lines of some channels and adds them up where they belong.
#pragma once
#include "conv_few.h"

namespace wg::cpu {
inline namespace WG_ISA {

template <class T>
inline constexpr int64_t kInputFilters = kDepthBytes / static_cast<int64_t>(sizeof(T));  // multiplied at once

// A thread's scratch: the packing of gemmBlock, weights, and sums of lines.
inline constexpr int64_t kInputPackBytes = int64_t{64} << 10;
inline constexpr int64_t kInputWeightsStart = 2 * (kInputPackBytes + kScratchSlack);
inline constexpr int64_t kInputSumsStart = kInputWeightsStart + kDepthBytes * kFewPitch;
static_assert(kInputSumsStart + kFewLines * kFewPixels * 8 <= static_cast<int64_t>(kWorkerScratchBytes));

template <class T>
struct FewInput {
  const Lowered<T>& op;
  const ConvShape& c = op.shape;
  int64_t taps = c.kernelH * c.kernelW, plane = c.outHeight * c.outWidth, pixels = c.images * plane;
  int64_t pitch = pitchOf(pixels);                     ///< dy is [filter][pitch], zero behind the last pixel
  int64_t channels = taps > 0 ? kFewLines / taps : 0;  ///< of a chunk

  /// Whole vectors, so many as a tile has.
  static int64_t pitchOf(int64_t pixels) {
    constexpr int64_t L = Lanes<T>::kCount;
    const int64_t vectors = ceilDiv(pixels, L);
    return (vectors <= 2 ? vectors : ceilDiv(vectors, kWideVectors) * kWideVectors) * L;
  }
  bool fits() const {
    return op.backward && op.outer == 1 && !op.accumulate && channels > 0 && hasFewPixels(*op.weightView, c);
  }
  size_t bytes() const { return static_cast<size_t>(c.groups * c.filters * pitch) * sizeof(T); }

  /// sums[line][pitch] of `lines` lines, whose weights of one filter lie at `weight`.
  void multiply(const T* weight, int64_t lines, const T* slopes, char* scratch, T* sums) const {
    constexpr int64_t kAhead = 8;
    T* const copy = reinterpret_cast<T*>(scratch + kInputWeightsStart);
    const int64_t step = op.weightView->stride[0];
    for (int64_t f0 = 0; f0 < c.filters; f0 += kInputFilters<T>) {
      const int64_t filters = minOf(kInputFilters<T>, c.filters - f0);
      for (int64_t f = 0; f < filters; ++f) {
        const T* const from = weight + (f0 + f) * step;
        askLines<false>(from + kAhead * step, 0, 1, lines);
        copyRow(copy + f * kFewPitch, from, 1, lines);
      }
      Gemm<T> g{};
      g.m = lines;
      g.n = pitch;
      g.k = filters;
      g.a = copy;
      g.aRow = 1;
      g.aCol = kFewPitch;
      g.b = slopes + f0 * pitch;
      g.bRow = pitch;
      g.bCol = 1;
      g.c = sums;
      g.cRow = pitch;
      g.cCol = 1;
      g.accumulate = f0 > 0;
      gemmBlock(g, reinterpret_cast<T*>(scratch), kInputPackBytes);
    }
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
          const T* const from = sums + tap * pitch + image * plane + y * c.outWidth;
          T* const line = to + row * v.stride[2] + left * v.stride[3];
          for (int64_t x = reach.first; x < reach.last; ++x) line[x * c.strideW * v.stride[3]] += from[x];
        }
      }
    }
  }

  void run(Stream& s, const char* name) const {
    T* const slopes = static_cast<T*>(s.scratch);
    constexpr int64_t kTogether = 64;
    const int64_t all = c.groups * c.filters, blocks = ceilDiv(c.channels, channels);
    parallelFor(s, ceilDiv(all, kTogether), [&](int64_t piece) {
      for (int64_t f = piece * kTogether; f < minOf(all, (piece + 1) * kTogether); ++f) {
        const View& v = *op.sourceView;
        zeroRow(slopes + f * pitch, pitch);
        gatherPixels(
            c, v, op.source + f * v.stride[1], [&v](int64_t image) { return image * v.stride[0]; },
            slopes + f * pitch);
      }
    });
    parallelFor(s, c.groups * blocks, [&](int64_t piece) {
      char* const scratch = static_cast<char*>(workerScratch());
      if (!scratch) return fail(s, Code::outOfMemory, "%s: no memory for a packing buffer", name);
      const int64_t group = piece / blocks, c0 = piece % blocks * channels,
                    count = minOf(channels, c.channels - c0);
      T* const sums = reinterpret_cast<T*>(scratch + kInputSumsStart);
      multiply(op.weight + group * c.filters * op.weightView->stride[0] + c0 * taps, count * taps,
               slopes + group * c.filters * pitch, scratch, sums);
      for (int64_t i = 0; i < count; ++i) spread(group * c.channels + c0 + i, sums + i * taps * pitch);
    });
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
