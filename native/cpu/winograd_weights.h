// Weights on their way into Winograd's products: they are transposed until lanes are filters, and transformed
// along both axes.
#pragma once
#include "conv_lowered.h"
#include "winograd.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// Filters multiplied at once.
inline constexpr int kPanelLanes = kTileVectors * Lanes<float>::kCount;

/// Of a convolution, or of its input gradient, whose filters are the convolution's channels.
template <class W>
struct WinogradWeights {
  using Vec = Lanes<float>::Vec;
  static constexpr int L = Lanes<float>::kCount, kSide = W::kSide, kTaps = W::kTaps, kAll = kTaps * kTaps;
  static constexpr int64_t kMostTogether = kTaps == 3 ? L : 4;  ///< channels that are packed at once
  const Lowered<float>& op;
  const View& view = *op.weightView;
  int64_t lineStride = view.stride[op.backward ? 1 : 0], channelStride = view.stride[op.backward ? 0 : 1];
  bool dense = view.stride[3] == 1 && view.stride[2] == kTaps && lineStride != 1;
  int64_t most = dense && channelStride == kAll ? kMostTogether : 1;

  /// Channels [c0, c1) of panel `panel`, lanes are filters: to[element * elementStep + (c - c0) *
  /// kPanelLanes].
  WG_SINGLE void transform(int64_t panel, int64_t c0, int64_t c1, float* to, int64_t elementStep) const {
    alignas(64) float packed[(kMostTogether * kAll + L) * L];
    for (int64_t c = c0; c < c1; c += most) {
      const int64_t together = minOf(most, c1 - c);
      for (int j = 0; j < kPanelLanes; j += L) {
        const int64_t line = panel * kPanelLanes + j;
        pack(line, c, together, packed);
        // What is packed next is asked for a share with each channel: its lines lie so far apart that all at
        // once would not find room in the few sets of the first-level cache that they fall into.
        const bool last = j + L >= kPanelLanes;
        const int64_t nextLine = last ? panel * kPanelLanes : line + L, nextChannel = last ? c + together : c;
        for (int64_t k = 0; k < together; ++k) {
          askShare(nextLine, nextChannel, minOf(most, c1 - nextChannel), k, together);
          transformKernels(packed + k * kAll * L, to + (c - c0 + k) * kPanelLanes + j, elementStep);
        }
      }
    }
  }

  /// Asks the second-level cache for part `part` of `parts` of what transform() reads.
  WG_SINGLE void ask(int64_t panel, int64_t c0, int64_t c1, int64_t part, int64_t parts) const {
    const int64_t line0 = panel * kPanelLanes, lines = minOf(kPanelLanes, op.m() - line0);
    const int64_t rows = op.backward ? c1 - c0 : lines, step = op.backward ? channelStride : lineStride;
    const int64_t first = rows * part / parts, end = rows * (part + 1) / parts;
    askLines<false>(from(line0, c0) + first * step, step, end - first,
                    (op.backward ? lines : c1 - c0) * kAll);
  }

 private:
  const float* from(int64_t line, int64_t channel) const {
    return op.weight + line * lineStride + channel * channelStride;
  }
  /// Filters from `line` on that a vector has.
  int64_t linesAt(int64_t line) const { return maxOf(minOf(L, op.m() - line), 0); }

  /// to[(channel * kAll + tap) * L + filter], zero for filters that do not exist.
  WG_INLINE void pack(int64_t line, int64_t channel, int64_t together, float* to) const {
    const int lines = static_cast<int>(linesAt(line));
    const float* const first = from(line, channel);
    if (dense) return packPanel(to, L, lines, together * kAll, first, lineStride, 1);
    for (int tap = 0; tap < kAll; ++tap)
      for (int i = 0; i < L; ++i)
        to[tap * L + i] =
            i < lines ? first[i * lineStride + tap / kTaps * view.stride[2] + tap % kTaps * view.stride[3]]
                      : 0.0f;
  }

  /// Asks the first-level cache for part `part` of `parts` of what pack() reads.
  WG_INLINE void askShare(int64_t line, int64_t channel, int64_t together, int64_t part,
                          int64_t parts) const {
    const int64_t lines = dense ? linesAt(line) : 0, depth = together * kAll;
    const float* const first = from(line, channel);
    for (int64_t i = lines * part / parts; i < lines * (part + 1) / parts; ++i)
      for (int64_t x = 0; x < depth; x += kLine<float>) __builtin_prefetch(first + i * lineStride + x, 0, 3);
  }

  /// One channel's kernels, a vector of filters: to[element * elementStep].
  WG_INLINE void transformKernels(const float* taps, float* to, int64_t elementStep) const {
    Vec columns[kTaps][kSide];  // transformed along y
#pragma GCC unroll 5
    for (int q = 0; q < kTaps; ++q) {
      Vec g[kTaps];
#pragma GCC unroll 5
      for (int r = 0; r < kTaps; ++r) {
        const int tap = r * kTaps + q;  // the input gradient's kernel is the kernel turned around
        g[r] = loadVec(taps + (op.backward ? kAll - 1 - tap : tap) * L);
      }
      W::weight(g, columns[q]);
    }
#pragma GCC unroll 7
    for (int i = 0; i < kSide; ++i) {
      Vec row[kTaps], done[kSide];
#pragma GCC unroll 5
      for (int q = 0; q < kTaps; ++q) row[q] = columns[q][i];
      W::weight(row, done);
#pragma GCC unroll 7
      for (int k = 0; k < kSide; ++k) storeVec(to + (i * kSide + k) * elementStep, done[k]);
    }
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
