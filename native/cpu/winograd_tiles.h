// Tiles of a tensor on their way into Winograd's products: rows of L channels are transposed until lanes are
// channels, and transformed along both axes.
#pragma once
#include "conv_window.h"
#include "winograd.h"

namespace wg::cpu {
inline namespace WG_ISA {

inline constexpr int kLanes = Lanes<float>::kCount;
/// Tiles of one row transformed at once: their pixels fit the first-level cache.
inline constexpr int64_t kRunTiles = 16;

/// Elements of the strip that tiles are transformed in, on their way in and out.
inline int64_t stripElements(const WinogradSizes& w) {
  return maxOf(w.in, w.side) * (kRunTiles * maxOf(w.step, w.tile) + w.in + kLanes) * kLanes;
}

/// A tensor [images, channels, height, width] as tiles beginning at an origin; zero outside.
struct TileGrid {
  const float* data;
  const View& view;  ///< the last stride is 1
  int64_t channels, originY, originX, tilesY, tilesX;
  bool asksBelow = false;  ///< for the pixels of the next row of tiles, where it is long until they are read
};

/// A run of tiles next to each other in one row of them.
struct TileRun {
  int64_t image, y, x, count;  ///< y and x count tiles
};
inline TileRun runAt(const TileGrid& grid, int64_t tile, int64_t end) {
  const int64_t x = tile % grid.tilesX, y = tile / grid.tilesX;
  return {y / grid.tilesY, y % grid.tilesY, x, minOf(minOf(end - tile, grid.tilesX - x), kRunTiles)};
}

/// A transform along one axis of vectors a step apart: in place, or from one place to another.
template <auto transform, int From, int To>
WG_INLINE void along(const float* from, int64_t fromStep, float* to, int64_t toStep) {
  Lanes<float>::Vec in[From], out[To];
#pragma GCC unroll 8
  for (int i = 0; i < From; ++i) in[i] = loadVec(from + i * fromStep);
  transform(in, out);
#pragma GCC unroll 8
  for (int i = 0; i < To; ++i) storeVec(to + i * toStep, out[i]);
}

/// L channels from c0 of tiles [tile, end), Step pixels apart and Size on a side, become Side elements on a
/// side: to[element * elementStep + (tile - first) * tileStep + lane].
template <int Step, int Size, int Side, auto transform>
inline void transformTiles(const TileGrid& grid, int64_t tile, int64_t end, int64_t c0, float* to,
                           int64_t tileStep, int64_t elementStep, float* strip) {
  using Vec = Lanes<float>::Vec;
  constexpr int L = kLanes;
  const View& v = grid.view;
  const int lines = static_cast<int>(minOf(L, grid.channels - c0));
  const int64_t height = v.shape[2], width = v.shape[3];
  for (int64_t done = 0; tile < end; tile += done) {
    const TileRun run = runAt(grid, tile, end);
    done = run.count;
    const int64_t columns = run.count * Step + Size - Step, pitch = (columns + L) * L;
    const int64_t left = run.x * Step + grid.originX;
    const int64_t first = minOf(maxOf(-left, 0), columns), last = maxOf(minOf(width - left, columns), first);
    for (int64_t i = 0; i < Size; ++i) {
      float* const row = strip + i * pitch;
      const int64_t y = run.y * Step + grid.originY + i;
      const bool outside = y < 0 || y >= height;
      for (int64_t x = 0; x < (outside ? columns : first); ++x) storeVec(row + x * L, Vec{});
      if (outside) continue;
      const float* const from =
          grid.data + run.image * v.stride[0] + c0 * v.stride[1] + y * v.stride[2] + left;
      for (int64_t x = first; x < last; x += L) {
        const int count = static_cast<int>(minOf(L, last - x));
        if (lines == L && count == L) transposeSquare(row + x * L, L, from + x, v.stride[1]);
        else transposeEdge(row + x * L, L, from + x, v.stride[1], lines, count);
      }
      for (int64_t x = last; x < columns; ++x) storeVec(row + x * L, Vec{});
      if (grid.asksBelow && i >= Size - Step && y + Step < height)
        askLines<false>(from + Step * v.stride[2] + first, v.stride[1], lines, last - first);
    }
    for (int64_t x = 0; x < columns; ++x)
      along<transform, Size, Side>(strip + x * L, pitch, strip + x * L, pitch);
    for (int64_t t = 0; t < run.count; ++t, to += tileStep)
      for (int64_t i = 0; i < Side; ++i)
        along<transform, Size, Side>(strip + i * pitch + t * Step * L, L, to + i * Side * elementStep,
                                     elementStep);
  }
}

/// `count` vectors to one row for each of the first `lines` lanes.
inline void unfold(float* to, int64_t toRow, const float* from, int lines, int count) {
  constexpr int L = kLanes;
  Lanes<float>::Vec rows[L];
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) rows[i] = loadVec(from + i * L);
  transposeStage<float, L / 2>(rows);
  if (lines == L && count == L) {
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) storeVec(to + i * toRow, rows[i]);
    return;
  }
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i)
    if (i < lines) {
      if (count == L) storeVec(to + i * toRow, rows[i]);
      else storePart(to + i * toRow, rows[i], count);
    }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
