// Winograd's convolution (winograd.h). Transformed, a tile of the source and a filter meet element by
// element, so that each element is a matrix product [tiles, channels] x [channels, filters]: of 3 x 3 taps a
// quarter or four ninths of the plain sum's multiply-adds, of 5 x 5 half, with stride 2 two thirds.
//
// Source rows are transposed until lanes are channels, transformed, multiplied with lanes for filters,
// transformed back and transposed again. A chunk does all of it for a block of tiles when their transforms
// fit its thread's scratch; else the transforms of many tiles are shared, and chunks multiply a block of
// tiles with a panel of filters, whose weights were transformed before or, where they are many, are on the
// way. The shape alone chooses, and the parts of channels that are added up; blocks of tiles change no sum.
#include "conv_winograd.h"

#include "winograd_tiles.h"
#include "winograd_weights.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using Vec = Lanes<float>::Vec;
constexpr int L = kLanes;
/// Whole rows of tiles: `tiles` or a few more.
constexpr int64_t wholeRows(int64_t tiles) { return (tiles + kTileRows - 1) / kTileRows * kTileRows; }
constexpr int64_t kBlockTiles = wholeRows(28), kSmallBlock = wholeRows(14), kLeastBlocks = 8;
constexpr int64_t kMostTerms = 128;  // of one sum: longer ones would err more than the plain one
constexpr int64_t kSharedElements = int64_t{1}
                                    << 22;  // of shared transforms: what the last-level cache holds
// Of weights that are transformed on the way (runOnTheWay): filters that have them, channels at a time, the
// step between elements, off powers of two, and elements of a block's tiles, which the second-level cache
// holds beside them.
constexpr int64_t kManyFilters = 256, kSomeChannels = 64, kSomeStep = kSomeChannels * kPanelLanes + 2 * L,
                  kBlockElements = 64 * 64;

/// Where things lie, in floats.
struct Layout {
  int64_t elements;  ///< of a transformed tile
  int64_t tilesY, tilesX, tiles;
  int64_t panels;        ///< of filters
  int64_t sourceRow;     ///< channels of a transformed tile, off powers of two
  int64_t block;         ///< tiles of a block
  int64_t weightsPanel;  ///< of one panel: [element][channel][kPanelLanes]
  int64_t strip;         ///< elements that transforms of tiles work in
  int64_t shared;        ///< tiles whose transforms are shared; 0: each block's lie in the thread's scratch
  int64_t together;      ///< panels of a chunk that transforms their weights on the way; 0: that comes first

  int64_t product() const { return elements * block * kPanelLanes; }
  int64_t someWeights() const { return elements * kSomeStep; }
  int64_t workspace() const {
    return (together > 0 ? 0 : panels * weightsPanel) + shared * elements * sourceRow;
  }
};

Layout layoutOf(const Lowered<float>& op, const WinogradSizes& w) {
  const View& out = *op.outView;
  Layout l{};
  l.elements = w.side * w.side;
  l.tilesY = ceilDiv(out.shape[2], w.tile);
  l.tilesX = ceilDiv(out.shape[3], w.tile);
  l.tiles = op.shape.images * l.tilesY * l.tilesX;
  l.panels = ceilDiv(op.m(), kPanelLanes);
  l.sourceRow = ceilDiv(op.sourceChannels(), L) * L + 16;
  l.weightsPanel = l.elements * op.sourceChannels() * kPanelLanes;
  l.strip = stripElements(w);
  constexpr int64_t kScratch = static_cast<int64_t>(kWorkerScratchBytes / sizeof(float));
  const bool manyFilters = op.m() >= kManyFilters;
  const auto mostTiles = [&](int64_t panels) {
    return minOf((kScratch - l.strip - l.someWeights() - L) / (panels * l.elements * kPanelLanes),
                 kBlockElements / l.elements);
  };
  // Blocks with tiles of their own each read all weights again: one block of all tiles is better where these
  // are as many as the last-level cache holds.
  const bool tooManyWeights = manyFilters && l.panels * l.weightsPanel >= kSharedElements;
  const int64_t own = manyFilters || l.tiles >= kLeastBlocks * kBlockTiles ? kBlockTiles : kSmallBlock;
  l.block = evenSplit(l.tiles, own, 1);
  const bool fits = l.strip + l.product() + l.block * l.elements * l.sourceRow + L <= kScratch;
  if (fits && l.tiles >= kLeastBlocks * own && !(tooManyWeights && l.tiles <= mostTiles(1))) return l;

  l.block = evenSplit(l.tiles, kBlockTiles, 1);
  if (manyFilters) {
    // Every block transforms the weights again: two panels, which read the tiles once, only where that makes
    // no more blocks.
    const bool pairs = l.panels >= 2 * kLeastBlocks && mostTiles(2) >= minOf(l.tiles, mostTiles(1));
    l.together = pairs ? 2 : 1;
    l.block = evenSplit(l.tiles, mostTiles(l.together), 1);
    l.sourceRow = ceilDiv(op.sourceChannels(), kSomeChannels) * kSomeChannels;
  }
  l.shared = minOf(l.tiles, maxOf(kSharedElements / (l.elements * l.sourceRow) / l.block, 1) * l.block);
  return l;
}

/// MR tiles times one panel of filters, and meanwhile a line of each of two places that come next for every
/// channel: rows of a few hundred channels end before the hardware has seen that they are read in order.
template <int MR>
void productTile(const Tile<float>& t, const float* nextTiles, const float* next) {
  constexpr int NV = kTileVectors, kLineFloats = kLine<float>;
  Vec acc[MR][NV] = {};
  const float *a = t.a, *b = t.b;
  for (int64_t k = t.k; k > 0; --k, ++a, b += NV * L, nextTiles += kLineFloats, next += kLineFloats) {
    __builtin_prefetch(nextTiles, 0, 3);
    __builtin_prefetch(next, 0, 3);
    Vec column[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) column[j] = loadVec(b + j * L);
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i) {
      const float value = a[i * t.aRow];
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += value * column[j];
    }
  }
  // Sums of some channels each, put together at last, err less than one long sum.
  if (t.accumulate)
#pragma GCC unroll 16
    for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[i][j] += loadVec(t.c + i * t.cRow + j * L);
#pragma GCC unroll 16
  for (int i = 0; i < MR; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) storeVec(t.c + i * t.cRow + j * L, acc[i][j]);
}

template <int... MR>
struct ProductTable {
  static constexpr void (*kRows[])(const Tile<float>&, const float*, const float*) = {&productTile<MR>...};
};

/// Where the first tile of an axis begins.
int64_t originOf(const Lowered<float>& op, int64_t taps, int64_t pad, int64_t stride) {
  if (!op.backward) return -pad;
  return stride == 2 ? (pad - 1) / 2 : pad - (taps - 1);
}

template <class W>
struct Engine {
  static constexpr int kSide = W::kSide, kTile = W::kTile, kTaps = W::kTaps;
  const Lowered<float>& op;
  const Layout& l;
  const TileGrid tileGrid{op.source,
                          *op.sourceView,
                          op.sourceChannels(),
                          originOf(op, kTaps, op.shape.padH, op.shape.strideH),
                          originOf(op, kTaps, op.shape.padW, op.shape.strideW),
                          l.tilesY,
                          l.tilesX,
                          true};
  const WinogradWeights<W> filters{op};

  // ---- source ----

  /// L channels from c0 of tiles [tile, end).
  WG_SINGLE void transform(int64_t tile, int64_t end, int64_t c0, float* to, int64_t tileStep,
                           int64_t elementStep, float* strip) const {
    transformTiles<W::kStep, W::kIn, kSide, &W::template source<Vec>>(tileGrid, tile, end, c0, to, tileStep,
                                                                      elementStep, strip);
  }

  // ---- products ----

  /// `tiles` transformed tiles, one behind the other, times some channels of one panel of filters: element
  /// `e`.
  WG_SINGLE void multiplySome(int64_t e, int64_t tiles, const float* source, const float* weights,
                              int64_t channels, float* product, bool accumulate) const {
    const int64_t rows = ceilDiv(tiles, ceilDiv(tiles, kTileRows));
    Tile<float> t{};
    t.aRow = kSomeChannels;
    t.cRow = kPanelLanes;
    t.k = channels;
    t.accumulate = accumulate;
    t.b = weights + e * kSomeStep;
    for (int64_t i = 0; i < tiles; i += rows) {
      t.a = source + i * kSomeChannels;
      t.c = product + (e * l.block + i) * kPanelLanes;
      ProductTable<WG_TILE_ROWS>::kRows[minOf(rows, tiles - i) - 1](t, t.a + rows * kSomeChannels,
                                                                    t.c + rows * kPanelLanes);
    }
  }

  /// Transformed tiles [tile, end) times one panel of filters.
  void multiply(int64_t tile, int64_t end, int64_t panel, const float* source, int64_t elementStep,
                const float* transformed, float* product) const {
    const float* weights = transformed + panel * l.weightsPanel;
    const int64_t channels = op.sourceChannels(), tiles = end - tile,
                  rows = ceilDiv(tiles, ceilDiv(tiles, kTileRows));
    Tile<float> t{};
    t.aRow = l.sourceRow;
    t.cRow = kPanelLanes;
    const int64_t part = evenSplit(channels, kMostTerms, 1);
    for (int64_t e = 0; e < l.elements; ++e, weights += channels * kPanelLanes) {
      const float* next = weights + channels * kPanelLanes;
      askForResult(tile, end, panel, e);
      for (int64_t i = 0; i < tiles; i += rows)
        for (int64_t c0 = 0; c0 < channels; c0 += part, next += t.k * L) {
          t.k = minOf(part, channels - c0);
          t.a = source + e * elementStep + i * l.sourceRow + c0;
          t.b = weights + c0 * kPanelLanes;
          t.c = product + (e * l.block + i) * kPanelLanes;
          t.accumulate = c0 > 0;
          ProductTable<WG_TILE_ROWS>::kRows[minOf(rows, tiles - i) - 1](t, t.a + elementStep, next);
        }
    }
  }

  // ---- result ----

  /// Asks for the lines that result() is going to write: those of one element's share of the filters, since
  /// more than a few at once would be waited for.
  WG_SINGLE void askForResult(int64_t tile, int64_t end, int64_t panel, int64_t e) const {
    const View& v = *op.outView;
    const int64_t share = ceilDiv(kPanelLanes, l.elements), filter = panel * kPanelLanes + e * share,
                  filters = minOf(op.m() - filter, minOf(share, (panel + 1) * kPanelLanes - filter));
    if (filters <= 0) return;
    for (int64_t done = 0; tile < end; tile += done) {
      const TileRun run = runAt(tileGrid, tile, end);
      done = run.count;
      const int64_t x = run.x * kTile, y = run.y * kTile;
      for (int64_t i = y; i < minOf(y + kTile, v.shape[2]); ++i)
        askLines<true>(op.out + run.image * v.stride[0] + filter * v.stride[1] + i * v.stride[2] + x,
                       v.stride[1], filters, minOf(run.count * kTile, v.shape[3] - x));
    }
  }

  /// Tiles [tile, end) of one panel of filters, from products whose first is that of `tile`.
  WG_SINGLE void result(int64_t tile, int64_t end, int64_t panel, float* product, float* strip) const {
    const View& v = *op.outView;
    const int64_t elementStep = l.block * kPanelLanes, rows = v.shape[2], cols = v.shape[3];
    const int64_t tileStep = kTile * L;
    for (int64_t done = 0; tile < end; tile += done, product += done * kPanelLanes) {
      const TileRun run = runAt(tileGrid, tile, end);
      done = run.count;
      const int64_t pitch = (run.count * kTile + L) * L;
      for (int64_t j = 0; j < kPanelLanes; j += L) {
        const int64_t filter = panel * kPanelLanes + j;
        const int filters = static_cast<int>(minOf(L, op.m() - filter));
        if (filters <= 0) break;
        Vec bias = {};
        if (op.bias)
          for (int i = 0; i < filters; ++i) bias[i] = op.bias[(filter + i) * op.biasStride];
        for (int64_t t = 0; t < run.count; ++t) {
          const float* const from = product + t * kPanelLanes + j;
          Vec half[kTile][kSide];
#pragma GCC unroll 7
          for (int k = 0; k < kSide; ++k) {
            Vec in[kSide], out[kTile];
#pragma GCC unroll 7
            for (int i = 0; i < kSide; ++i) in[i] = loadVec(from + (i * kSide + k) * elementStep);
            W::result(in, out);
#pragma GCC unroll 4
            for (int i = 0; i < kTile; ++i) half[i][k] = out[i];
          }
#pragma GCC unroll 4
          for (int i = 0; i < kTile; ++i) {
            Vec out[kTile];
            W::result(half[i], out);
#pragma GCC unroll 4
            for (int k = 0; k < kTile; ++k) storeVec(strip + i * pitch + t * tileStep + k * L, out[k] + bias);
          }
        }
        float* const to = op.out + run.image * v.stride[0] + filter * v.stride[1] +
                          run.y * kTile * v.stride[2] + run.x * kTile;
        const int64_t columns = minOf(run.count * kTile, cols - run.x * kTile);
        for (int64_t i = 0; i < minOf(kTile, rows - run.y * kTile); ++i)
          for (int64_t x = 0; x < columns; x += L)
            unfold(to + i * v.stride[2] + x, v.stride[1], strip + i * pitch + x * L, filters,
                   static_cast<int>(minOf(L, columns - x)));
      }
    }
  }

  static float* scratch(Stream& s) {
    void* const bytes = workerScratch();
    if (!bytes) fail(s, Code::outOfMemory, "conv2d: no memory for a packing buffer");
    return static_cast<float*>(bytes);
  }

  /// Where tiles are few and weights many, transformed weights would be written and read again only to be
  /// met by few tiles: a chunk has some panels of its own and transforms the weights of some channels at a
  /// time, which stay in the second-level cache until they are multiplied with all tiles of a block.
  void runOnTheWay(Stream& s) const {
    float* const shared = static_cast<float*>(s.scratch);
    const int64_t channels = op.sourceChannels(), elementStep = l.shared * kSomeChannels,
                  partStep = l.elements * elementStep, parts = ceilDiv(channels, kSomeChannels),
                  panelGroups = ceilDiv(l.panels, l.together);
    for (int64_t tile0 = 0; tile0 < l.tiles && !failed(s); tile0 += l.shared) {
      const int64_t tiles = minOf(l.shared, l.tiles - tile0), blocks = ceilDiv(tiles, l.block);
      parallelFor(s, blocks * parts, [&](int64_t piece) {
        float* const strip = scratch(s);
        if (!strip) return;
        const int64_t first = piece % blocks * l.block, end = minOf(tiles, first + l.block),
                      c0 = piece / blocks * kSomeChannels;
        float* const to = shared + piece / blocks * partStep + first * kSomeChannels;
        for (int64_t c = c0; c < minOf(channels, c0 + kSomeChannels); c += L)
          transform(tile0 + first, tile0 + end, c, to + c - c0, kSomeChannels, elementStep, strip);
      });
      parallelFor(s, blocks * panelGroups, [&](int64_t piece) {
        float* const strip = scratch(s);
        if (!strip) return;
        const int64_t first = piece % blocks * l.block, end = minOf(tiles, first + l.block),
                      panel0 = piece / blocks * l.together, panels = minOf(l.together, l.panels - panel0);
        float *const some = strip + l.strip, *const product = some + l.someWeights();
        for (int64_t part = 0; part < parts; ++part) {
          const int64_t c0 = part * kSomeChannels, c1 = minOf(channels, c0 + kSomeChannels);
          for (int64_t i = 0; i < panels; ++i) {
            const bool last = i + 1 == panels;
            const int64_t next = panel0 + (last ? 0 : i + 1), next0 = last ? c1 : c0,
                          next1 = minOf(channels, next0 + kSomeChannels);
            filters.transform(panel0 + i, c0, c1, some, kSomeStep);
            for (int64_t e = 0; e < l.elements; ++e) {
              if (part + 1 == parts) askForResult(tile0 + first, tile0 + end, panel0 + i, e);
              filters.ask(next, next0, next1, e, l.elements);
              multiplySome(e, end - first, shared + part * partStep + e * elementStep + first * kSomeChannels,
                           some, c1 - c0, product + i * l.product(), part > 0);
            }
          }
        }
        for (int64_t i = 0; i < panels; ++i)
          result(tile0 + first, tile0 + end, panel0 + i, product + i * l.product(), strip);
      });
    }
  }

  void run(Stream& s) const {
    if (l.together > 0) return runOnTheWay(s);
    float* const transformed = static_cast<float*>(s.scratch);
    float* const shared = transformed + l.panels * l.weightsPanel;
    const int64_t channels = op.sourceChannels();
    const int64_t pieces = ceilDiv(channels, kSomeChannels);
    parallelFor(s, l.panels * pieces, [&](int64_t piece) {
      const int64_t panel = piece / pieces, c0 = piece % pieces * kSomeChannels;
      filters.transform(panel, c0, minOf(channels, c0 + kSomeChannels),
                        transformed + panel * l.weightsPanel + c0 * kPanelLanes, channels * kPanelLanes);
    });
    if (l.shared == 0) {
      const int64_t elementStep = l.block * l.sourceRow;
      parallelFor(s, ceilDiv(l.tiles, l.block), [&](int64_t piece) {
        float* const strip = scratch(s);
        if (!strip) return;
        float *const product = strip + l.strip, *const own = product + l.product();
        const int64_t tile = piece * l.block, end = minOf(l.tiles, tile + l.block);
        for (int64_t c = 0; c < channels; c += L)
          transform(tile, end, c, own + c, l.sourceRow, elementStep, strip);
        for (int64_t panel = 0; panel < l.panels; ++panel) {
          multiply(tile, end, panel, own, elementStep, transformed, product);
          result(tile, end, panel, product, strip);
        }
      });
      return;
    }
    const int64_t elementStep = l.shared * l.sourceRow, groups = ceilDiv(channels, 4 * L);
    for (int64_t tile0 = 0; tile0 < l.tiles && !failed(s); tile0 += l.shared) {
      const int64_t tiles = minOf(l.shared, l.tiles - tile0), blocks = ceilDiv(tiles, l.block);
      parallelFor(s, blocks * groups, [&](int64_t piece) {
        float* const strip = scratch(s);
        if (!strip) return;
        const int64_t first = piece % blocks * l.block, end = minOf(tiles, first + l.block),
                      c0 = piece / blocks * 4 * L;
        for (int64_t c = c0; c < minOf(channels, c0 + 4 * L); c += L)
          transform(tile0 + first, tile0 + end, c, shared + first * l.sourceRow + c, l.sourceRow, elementStep,
                    strip);
      });
      parallelFor(s, blocks * l.panels, [&](int64_t piece) {
        float* const strip = scratch(s);
        if (!strip) return;
        const int64_t first = piece % blocks * l.block, end = minOf(tiles, first + l.block),
                      panel = piece / blocks;
        float* const product = strip + l.strip;
        multiply(tile0 + first, tile0 + end, panel, shared + first * l.sourceRow, elementStep, transformed,
                 product);
        result(tile0 + first, tile0 + end, panel, product, strip);
      });
    }
  }
};

}  // namespace

int64_t winogradMethod(const Lowered<float>& op) {
  const ConvShape& c = op.shape;
  const int64_t method = winogradMethod(c, op.precision);
  if (method == kPlainSum || op.outer != 1 || op.accumulate || op.sourceView->stride[3] != 1 ||
      op.outView->stride[3] != 1)
    return kPlainSum;
  // The gradient's tiles begin where the first pixel of a phase of odd pixels lies.
  if (method == kStride && op.backward && (c.padH % 2 == 0 || c.padW % 2 == 0)) return kPlainSum;
  const WinogradSizes w = sizesOf(method, op.backward);
  const double phases = op.backward ? static_cast<double>(c.strideH * c.strideW) : 1.0;
  const double pixels = static_cast<double>(c.images * op.outView->shape[2] * op.outView->shape[3]) / phases;
  return winogradPays(w, pixels, layoutOf(op, w).tiles, op.sourceChannels(), op.m()) ? method : kPlainSum;
}

size_t winogradBytes(const Lowered<float>& op, int64_t method) {
  return static_cast<size_t>(layoutOf(op, sizesOf(method, op.backward)).workspace()) * sizeof(float);
}

void winograd(Stream& s, const Lowered<float>& op, int64_t method) {
  const Layout l = layoutOf(op, sizesOf(method, op.backward));
  if (method == kTwo) Engine<Winograd2>{op, l}.run(s);
  else if (method == kFour) Engine<Winograd4>{op, l}.run(s);
  else if (method == kFive) Engine<WinogradFive>{op, l}.run(s);
  else if (op.backward) Engine<WinogradSpread>{op, l}.run(s);
  else Engine<WinogradStride>{op, l}.run(s);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
