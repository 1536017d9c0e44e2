// The weight gradient of few taps and filters, as a first layer has: lanes run along the pixels of both
// factors, so dy is read where it lies and nothing is transposed but the sums, whose lanes are added at the
// end. For every column of the kernel the source is copied once, moved by that column, in lines as long as
// dy's: then the pixels of all lines are neighbours, whatever the padding and the stride.
#pragma once
#include "conv_window.h"

namespace wg::cpu {
inline namespace WG_ISA {

inline constexpr int kNarrowFilters = 4;

/// sums[tap][filter][lane] += source[tap][pixel] * dy[filter][pixel] over `images` runs of `pixels`.
struct NarrowTile {
  const float *const *source, *const *dy;
  int64_t images, sourceImage, dyImage, pixels;
  float* sums;
  int64_t sumsTap;
  const float* ask[2];  ///< lines of dy that are read next, too short for hardware to look ahead
};

template <int MR, class Load>
WG_INLINE void narrowStep(typename Lanes<float>::Vec (&acc)[MR][kNarrowFilters], const float* const* source,
                          const float* const* dy, int64_t p, Load load) {
  typename Lanes<float>::Vec slope[kNarrowFilters];
#pragma GCC unroll 8
  for (int j = 0; j < kNarrowFilters; ++j) slope[j] = load(dy[j] + p);
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
    const auto value = load(source[i] + p);
#pragma GCC unroll 8
    for (int j = 0; j < kNarrowFilters; ++j) acc[i][j] += value * slope[j];
  }
}

template <int MR>
void narrowTile(const NarrowTile& t) {
  constexpr int L = Lanes<float>::kCount, NF = kNarrowFilters;
  typename Lanes<float>::Vec acc[MR][NF];
  const float *source[MR], *dy[NF], *ask[2] = {t.ask[0], t.ask[1]};
#pragma GCC unroll 8
  for (int j = 0; j < NF; ++j) dy[j] = t.dy[j];
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
    source[i] = t.source[i];
#pragma GCC unroll 8
    for (int j = 0; j < NF; ++j) acc[i][j] = loadVec(t.sums + i * t.sumsTap + j * L);
  }
  for (int64_t image = 0; image < t.images; ++image) {
    int64_t p = 0;
    for (; p + L <= t.pixels; p += L) {
      __builtin_prefetch(ask[0] + p, 0, 2);
      __builtin_prefetch(ask[1] + p, 0, 2);
      narrowStep<MR>(acc, source, dy, p, [](const float* from) { return loadVec(from); });
    }
    const int rest = static_cast<int>(t.pixels - p);
    if (rest > 0)
      narrowStep<MR>(acc, source, dy, p, [rest](const float* from) { return loadPart(from, rest); });
#pragma GCC unroll 8
    for (int j = 0; j < NF; ++j) dy[j] += t.dyImage;
    ask[0] += t.dyImage, ask[1] += t.dyImage;
#pragma GCC unroll 8
    for (int i = 0; i < MR; ++i) source[i] += t.sourceImage;
  }
#pragma GCC unroll 8
  for (int i = 0; i < MR; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < NF; ++j) storeVec(t.sums + i * t.sumsTap + j * L, acc[i][j]);
  }
}

template <int... R>
struct NarrowTable {
  static constexpr void (*kTaps[])(const NarrowTile&) = {&narrowTile<R>...};
};

inline constexpr int64_t kNarrowPixels = 1024;    // of four filters and six lines, in the first-level cache
inline constexpr int64_t kNarrowSums = 640 << 8;  // floats of a chunk's lanes
inline constexpr int64_t kNarrowLines = 192;      // from there on transposing dy costs less
inline constexpr int64_t kNarrowSlab =
    static_cast<int64_t>(kWorkerScratchBytes / sizeof(float)) - kNarrowSums - 2 * kLine<float>;

/// A chunk's part of the gradient: some channels of one group by some of its filters.
struct Narrow {
  const Window& window;              ///< dy's lines are dense and as long as the window's
  int64_t channels, filters, lines;  ///< lines: channels * taps
  int64_t dyFilter;
  int64_t images, rows;  ///< of a block
  int64_t residues, shifts, plane, slab;
  int64_t offsets[kNarrowLines];  ///< of each line in a slab

  /// Not `fits`: there is no kernel for the shape.
  bool fits() const { return images > 0; }
  int64_t lanes() const { return ceilDiv(filters, Lanes<float>::kCount) * Lanes<float>::kCount; }

  Narrow(const Window& w, int64_t channels_, int64_t filters_, int64_t dyFilter_, int64_t mostImages)
      : window(w),
        channels(channels_),
        filters(filters_),
        lines(channels_ * w.tapsY * w.tapsX),
        dyFilter(dyFilter_),
        images(0),
        rows(0) {
    const int64_t span = (w.tapsY - 1) * w.tapY;
    residues = minOf(w.stepY, span + 1);
    shifts = span / w.stepY;
    if (lines > kNarrowLines || lines * lanes() * Lanes<float>::kCount > kNarrowSums || w.cols < 1) return;
    rows = evenSplit(w.rows, maxOf(kNarrowPixels / w.cols, 1), 1);
    plane = (ceilDiv((rows + shifts) * w.cols, kLine<float>) | 1) * kLine<float>;
    slab = channels * w.tapsX * residues * plane;
    const int64_t fit = minOf(kNarrowSlab / slab, rows < w.rows ? 1 : mostImages);
    images = minOf(fit, maxOf(kNarrowPixels / (rows * w.cols), 1));
    for (int64_t i = 0; i < lines; ++i) {
      const int64_t q = i % w.tapsX, r = i / w.tapsX % w.tapsY, c = i / (w.tapsX * w.tapsY),
                    down = r * w.tapY;
      offsets[i] = ((c * w.tapsX + q) * residues + down % w.stepY) * plane + down / w.stepY * w.cols;
    }
  }

  /// The source of `count` lines from row0 of one image: [channel][kernel's column][residue][line].
  void copy(const float* x, int64_t row0, int64_t count, float* to) const {
    const Window& w = window;
    SlabShape shape{};
    shape.left = w.originX;
    shape.split = w.stepX;
    shape.phaseCols = w.cols;
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t q = 0; q < w.tapsX; ++q) {
        const SlabColumns part = slabColumns(w, shape, q * w.tapX);
        for (int64_t residue = 0; residue < residues; ++residue, to += plane) {
          float* line = to;
          int64_t row = row0 * w.stepY + residue + w.originY;
          for (int64_t y = 0; y < count + shifts; ++y, row += w.stepY, line += w.cols) {
            if (row < 0 || row >= w.height) {
              zeroRow(line, w.cols);
              continue;
            }
            zeroRow(line, part.before);
            copyRow(line + part.before, x + c * w.strideC + row * w.strideY + part.first, w.strideX * w.stepX,
                    part.count);
            zeroRow(line + part.before + part.count, part.after);
          }
        }
      }
  }

  /// sums[line][filter][lane] += those of `count` lines from row0 of some images, `dy` at the first of them.
  void accumulate(const float* slabs, int64_t blockImages, const float* dy, int64_t dyImage, int64_t count,
                  float* sums) const {
    constexpr int L = Lanes<float>::kCount;
    const Window& w = window;
    const int64_t rowsOfTile = ceilDiv(lines, ceilDiv(lines, kWideRows));
    const float *source[kWideRows], *slope[kNarrowFilters];
    for (int64_t f = 0; f < filters; f += kNarrowFilters) {
      // Filters that are not there repeat the last; nobody reads their sums.
      for (int64_t j = 0; j < kNarrowFilters; ++j) slope[j] = dy + minOf(f + j, filters - 1) * dyFilter;
      for (int64_t i = 0; i < lines; i += rowsOfTile) {
        const int64_t here = minOf(rowsOfTile, lines - i);
        for (int64_t j = 0; j < here; ++j) source[j] = slabs + offsets[i + j];
        const float* const next = dy + (f + kNarrowFilters + 2 * (i / rowsOfTile % 2)) * dyFilter;
        NarrowTable<WG_WIDE_ROWS>::kTaps[here - 1]({source,
                                                    slope,
                                                    blockImages,
                                                    slab,
                                                    dyImage,
                                                    count * w.cols,
                                                    sums + (i * lanes() + f) * L,
                                                    lanes() * L,
                                                    {next, next + dyFilter}});
      }
    }
  }

  /// to[line * toRow + filter] = the sum of its lanes.
  void fold(const float* sums, float* to, int64_t toRow) const {
    constexpr int L = Lanes<float>::kCount;
    for (int64_t line = 0; line < lines; ++line)
      for (int64_t f = 0; f < filters; f += L) {
        Lanes<float>::Vec lanesOf[L];
        const float* const from = sums + (line * lanes() + f) * L;
#pragma GCC unroll 16
        for (int i = 0; i < L; ++i) lanesOf[i] = loadVec(from + i * L);
        transposeStage<float, L / 2>(lanesOf);
#pragma GCC unroll 4
        for (int half = L / 2; half > 0; half /= 2)
#pragma GCC unroll 8
          for (int i = 0; i < half; ++i) lanesOf[i] += lanesOf[i + half];
        storeVec(to + line * toRow + f, lanesOf[0]);
      }
  }
};

}  // namespace WG_ISA
}  // namespace wg::cpu
