// The weight gradient of one tap that meets every pixel in turn: products of planes, image after image.
#pragma once
#include "conv_window.h"
#include "gemm.h"

namespace wg::cpu {
inline namespace WG_ISA {

/// sums[channel, filter] += x[channel, pixel] * dy[filter, pixel], of some channels and filters.
template <class T>
struct WeightPlanes {
  const Window& window;
  int64_t channels, filters;
  int64_t dyFilter, dyRow, dyCol;

  /// Longer planes than blocks of pixels of several images would be, and lines.
  bool fits() const {
    constexpr int64_t kLeastPixels = 96;
    return window.meetsEveryPixel() && window.planesAreLines() && dyRow == window.cols * dyCol &&
           window.rows * window.cols >= kLeastPixels;
  }

  /// One image's; `first` replaces what `sums` hold.
  void add(const T* x, const T* dy, T* sums, int64_t sumsRow, bool first, T* scratch) const {
    constexpr int64_t kFewChannels = 16;
    Gemm<T> g{};
    g.m = channels;
    g.n = filters;
    g.k = window.rows * window.cols;
    g.a = x;
    g.aRow = window.strideC;
    g.aCol = window.strideX;
    g.b = dy;
    g.bRow = dyCol;
    g.bCol = dyFilter;
    g.c = sums;
    g.cRow = sumsRow;
    g.cCol = 1;
    g.accumulate = !first;
    // B is turned to be packed: where few rows would share it, x instead of dy.
    gemmBlock(channels <= kFewChannels && channels < filters ? transposed(g) : g, scratch);
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
