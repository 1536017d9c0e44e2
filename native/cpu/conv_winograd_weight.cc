// The weight gradient by Winograd's method, which is the forward pass transposed: tiles of x are transformed
// as there, tiles of dy as its results are but backwards, and each of the (M + 2)^2 elements is a matrix
// product [channels, tiles] x [tiles, filters]. The sums, transformed back as weights are but backwards, are
// the gradient: a quarter (M = 4) or four ninths (M = 2) of the multiply-adds of the plain sum.
//
// Where the sums are few, a chunk owns a range of tiles and sums of its own, which are added in the chunks'
// order, and keeps a lot of transformed tiles in its thread's scratch. Where they are many, all chunks share
// the transforms of one lot after the other. Lots and ranges follow from the shape alone, and each element is
// summed over tiles in their order, so that any number of threads gives the same bits.
#include "conv_winograd.h"

#include "gemm.h"
#include "winograd_tiles.h"

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

constexpr int L = kLanes;
constexpr int kPanelLanes = kTileVectors * L;       // filters of a product's tile
constexpr int64_t kMostGroupLanes = 64;             // channels that share a transformed tile's cache lines
constexpr int64_t kLotElements = int64_t{1} << 18;  // of transforms: what the second-level cache holds
constexpr int64_t kDepthTiles = 192;                // a panel of them stays in the first-level cache
constexpr int64_t kTransformTiles = 64;             // of a chunk of transforms
constexpr int64_t kPanelsOfChunk = 4;
// Of chunks with sums of their own: elements of the sums, which stay in the second-level cache beside a lot,
// how many chunks there are, tiles enough to pay for a chunk's sums, and for passing over them once a lot.
constexpr int64_t kOwnSums = int64_t{1} << 17, kOwnChunks = 8, kLeastRange = 256, kLeastLot = 24;

using Vec = Lanes<float>::Vec;

struct Plan {
  ConvShape shape;
  int64_t elements, tilesY, tilesX, tiles;
  int64_t groups, groupLanes, panels;  ///< of channels and of filters
  int64_t lot;                         ///< tiles whose transforms exist at once
  int64_t range;                       ///< tiles of a chunk with sums of its own; 0: sums are shared

  // Between elements of [element][group][tile][groupLanes], [element][panel][tile][kPanelLanes] and
  // [element][panel][channel][kPanelLanes].
  int64_t sourceStep() const { return groups * lot * groupLanes; }
  int64_t slopeStep() const { return panels * lot * kPanelLanes; }
  int64_t sumStep() const { return panels * shape.channels * kPanelLanes; }
  int64_t sums() const { return elements * sumStep(); }
  int64_t transforms() const { return elements * (sourceStep() + slopeStep()); }
  int64_t ranges() const { return range > 0 ? ceilDiv(tiles, range) : 1; }
  int64_t workspace() const { return range > 0 ? ranges() * sums() : sums() + transforms(); }
};

Plan planOf(const ConvShape& c, const WinogradSizes& w) {
  Plan p{};
  p.shape = c;
  p.elements = w.side * w.side;
  p.tilesY = ceilDiv(c.outHeight, w.tile);
  p.tilesX = ceilDiv(c.outWidth, w.tile);
  p.tiles = c.images * p.tilesY * p.tilesX;
  p.groupLanes = minOf(ceilDiv(c.channels, L) * L, kMostGroupLanes);
  p.groups = ceilDiv(c.channels, p.groupLanes);
  p.panels = ceilDiv(c.filters, kPanelLanes);
  const int64_t lanes = p.elements * (p.groups * p.groupLanes + p.panels * kPanelLanes);
  constexpr int64_t kScratch = static_cast<int64_t>(kWorkerScratchBytes / sizeof(float));
  const int64_t own = (kScratch - stripElements(w)) / lanes;  // tiles that a thread's scratch holds
  if (p.sums() <= kOwnSums && own >= kLeastLot) {
    p.range = evenSplit(p.tiles, maxOf(ceilDiv(p.tiles, kOwnChunks), kLeastRange), 1);
    p.lot = evenSplit(p.range, minOf(own, kDepthTiles), 1);
  } else {
    p.lot = evenSplit(p.tiles, maxOf(kLotElements / lanes, kDepthTiles), 1);
  }
  return p;
}

/// Tiles transformed together, and the sums their products go to.
struct Lot {
  int64_t tile0, tiles;
  float *sources, *slopes, *sums;
  bool first;  ///< of those that share the sums
};

template <class W>
struct Engine {
  static constexpr int kSide = W::kSide, kTaps = W::kTaps, kAll = kTaps * kTaps;
  const Plan& p;
  const View& dWeight;
  TileGrid source, slope;
  float* memory;  ///< the sums, one behind another, and shared transforms

  /// Group `group` of channels, then panels of filters, of the lot's tiles [first, end).
  void transform(const Lot& lot, int64_t first, int64_t end, int64_t group, float* strip) const {
    const int64_t tile = lot.tile0 + first, tileEnd = lot.tile0 + end;
    if (group < p.groups) {
      float* const to = lot.sources + (group * p.lot + first) * p.groupLanes;
      const int64_t c0 = group * p.groupLanes, cEnd = minOf(c0 + p.groupLanes, p.shape.channels);
      for (int64_t c = c0; c < cEnd; c += L)
        transformTiles<W::kStep, W::kIn, kSide, &W::template source<Vec>>(
            source, tile, tileEnd, c, to + c - c0, p.groupLanes, p.sourceStep(), strip);
      return;
    }
    const int64_t panel = group - p.groups, f0 = panel * kPanelLanes,
                  fEnd = minOf(f0 + kPanelLanes, p.shape.filters);
    float* const to = lot.slopes + (panel * p.lot + first) * kPanelLanes;
    for (int64_t f = f0; f < fEnd; f += L)
      transformTiles<W::kTile, W::kTile, kSide, &W::template resultGrad<Vec>>(
          slope, tile, tileEnd, f, to + f - f0, kPanelLanes, p.slopeStep(), strip);
  }

  /// One element's sums of a group of channels and some panels of filters over the lot's `tiles`.
  void multiply(const Lot& lot, int64_t element, int64_t group, int64_t panel0) const {
    const int64_t channels = minOf(p.groupLanes, p.shape.channels - group * p.groupLanes),
                  rows = ceilDiv(channels, ceilDiv(channels, kTileRows)),
                  depth = evenSplit(lot.tiles, kDepthTiles, 1);
    Tile<float> t{};
    t.aRow = 1;
    t.aCol = p.groupLanes;
    t.bRow = t.cRow = kPanelLanes;
    for (int64_t k = 0; k < lot.tiles; k += depth) {
      t.k = minOf(depth, lot.tiles - k);
      t.accumulate = !lot.first || k > 0;
      const float* const a = lot.sources + element * p.sourceStep() + (group * p.lot + k) * p.groupLanes;
      for (int64_t panel = panel0; panel < minOf(p.panels, panel0 + kPanelsOfChunk); ++panel) {
        t.b = lot.slopes + element * p.slopeStep() + (panel * p.lot + k) * kPanelLanes;
        float* const c = lot.sums + element * p.sumStep() +
                         (panel * p.shape.channels + group * p.groupLanes) * kPanelLanes;
        const int vectors = p.shape.filters - panel * kPanelLanes <= L ? 1 : kTileVectors;
        t.cols = vectors * L;
        for (int64_t i = 0; i < channels; i += rows) {
          t.a = a + i;
          t.c = c + i * kPanelLanes;
          tileKernel<float>(static_cast<int>(minOf(rows, channels - i)), vectors)(t);
        }
      }
    }
  }

  /// L channels from c0 and one panel of filters, from sums to the gradient.
  void finish(int64_t c0, int64_t panel) const {
    const int64_t channels = minOf(L, p.shape.channels - c0), taps = channels * kAll;
    const bool together = dWeight.stride[3] == 1 && dWeight.stride[2] == kTaps && dWeight.stride[1] == kAll;
    alignas(64) float strip[(kAll * L + L) * L];  // [channel][tap][filter]
    for (int64_t j = 0; j < kPanelLanes; j += L) {
      const int64_t filter = panel * kPanelLanes + j;
      const int filters = static_cast<int>(minOf(L, p.shape.filters - filter));
      if (filters <= 0) return;
      for (int64_t c = 0; c < channels; ++c) {
        const float* const from = memory + (panel * p.shape.channels + c0 + c) * kPanelLanes + j;
        Vec half[kTaps][kSide];
#pragma GCC unroll 7
        for (int k = 0; k < kSide; ++k) {
          Vec in[kSide], out[kTaps];
#pragma GCC unroll 7
          for (int i = 0; i < kSide; ++i) in[i] = loadVec(from + (i * kSide + k) * p.sumStep());
          for (int64_t range = 1; range < p.ranges(); ++range)
#pragma GCC unroll 7
            for (int i = 0; i < kSide; ++i)
              in[i] += loadVec(from + range * p.sums() + (i * kSide + k) * p.sumStep());
          W::weightGrad(in, out);
#pragma GCC unroll 5
          for (int i = 0; i < kTaps; ++i) half[i][k] = out[i];
        }
#pragma GCC unroll 5
        for (int i = 0; i < kTaps; ++i) {
          Vec out[kTaps];
          W::weightGrad(half[i], out);
#pragma GCC unroll 5
          for (int k = 0; k < kTaps; ++k) storeVec(strip + (c * kAll + i * kTaps + k) * L, out[k]);
        }
      }
      float* const to =
          static_cast<float*>(dWeight.data) + filter * dWeight.stride[0] + c0 * dWeight.stride[1];
      if (together) {
        for (int64_t tap = 0; tap < taps; tap += L)
          unfold(to + tap, dWeight.stride[0], strip + tap * L, filters,
                 static_cast<int>(minOf(L, taps - tap)));
        continue;
      }
      for (int64_t i = 0; i < taps; ++i)
        for (int f = 0; f < filters; ++f)
          to[f * dWeight.stride[0] + i / kAll * dWeight.stride[1] + i % kAll / kTaps * dWeight.stride[2] +
             i % kTaps * dWeight.stride[3]] = strip[i * L + f];
    }
  }

  /// A thread's scratch: the strip, then what of it a lot may use.
  static float* scratch(Stream& s) {
    void* const bytes = workerScratch();
    if (!bytes) fail(s, Code::outOfMemory, "conv2dGradWeight: no memory for a packing buffer");
    return static_cast<float*>(bytes);
  }

  void runRanges(Stream& s) const {
    parallelFor(s, p.ranges(), [&](int64_t piece) {
      float* const strip = scratch(s);
      if (!strip) return;
      float* const sources = strip + stripElements(W::kSizes);
      float* const slopes = sources + p.elements * p.sourceStep();
      const int64_t begin = piece * p.range, end = minOf(p.tiles, begin + p.range);
      for (int64_t tile0 = begin; tile0 < end; tile0 += p.lot) {
        const Lot lot{tile0,  minOf(p.lot, end - tile0), sources,
                      slopes, memory + piece * p.sums(), tile0 == begin};
        for (int64_t group = 0; group < p.groups + p.panels; ++group)
          transform(lot, 0, lot.tiles, group, strip);
        for (int64_t element = 0; element < p.elements; ++element)
          for (int64_t group = 0; group < p.groups; ++group)
            for (int64_t panel = 0; panel < p.panels; panel += kPanelsOfChunk)
              multiply(lot, element, group, panel);
      }
    });
  }

  void runShared(Stream& s) const {
    float *const sources = memory + p.sums(), *const slopes = sources + p.elements * p.sourceStep();
    const int64_t panelChunks = ceilDiv(p.panels, kPanelsOfChunk);
    for (int64_t tile0 = 0; tile0 < p.tiles && !failed(s); tile0 += p.lot) {
      const Lot lot{tile0, minOf(p.lot, p.tiles - tile0), sources, slopes, memory, tile0 == 0};
      const int64_t blocks = ceilDiv(lot.tiles, kTransformTiles);
      parallelFor(s, blocks * (p.groups + p.panels), [&](int64_t piece) {
        float* const strip = scratch(s);
        if (!strip) return;
        const int64_t first = piece % blocks * kTransformTiles;
        transform(lot, first, minOf(lot.tiles, first + kTransformTiles), piece / blocks, strip);
      });
      parallelFor(s, p.elements * p.groups * panelChunks, [&](int64_t piece) {
        multiply(lot, piece / (p.groups * panelChunks), piece % p.groups,
                 piece / p.groups % panelChunks * kPanelsOfChunk);
      });
    }
  }

  void run(Stream& s) const {
    if (p.range > 0) runRanges(s);
    else runShared(s);
    const int64_t pieces = ceilDiv(p.shape.channels, L);
    parallelFor(s, pieces * p.panels, [&](int64_t piece) { finish(piece % pieces * L, piece / pieces); });
  }
};

}  // namespace

int64_t winogradWeightMethod(const View& dWeight, const View& x, const View& dy, const Conv2dParams& params) {
  if (dWeight.dtype != DType::f32 || x.stride[3] != 1 || dy.stride[3] != 1) return kPlainSum;
  const ConvShape c = convShape(dy, x, dWeight, params);
  const int64_t method = winogradMethod(c, params.precision);
  if (method == kPlainSum) return kPlainSum;
  const WinogradSizes w = sizesOf(method, false);
  const double pixels = static_cast<double>(c.images * c.outHeight * c.outWidth);
  return winogradPays(w, pixels, planOf(c, w).tiles, c.channels, c.filters) ? method : kPlainSum;
}

size_t winogradWeightBytes(const View& dWeight, const View& x, const View& dy, const Conv2dParams& params,
                           int64_t method) {
  const Plan p = planOf(convShape(dy, x, dWeight, params), sizesOf(method, false));
  return static_cast<size_t>(p.workspace()) * sizeof(float);
}

void winogradWeight(Stream& s, const View& dWeight, const View& x, const View& dy, const Conv2dParams& params,
                    int64_t method) {
  if (!require(s,
               s.scratch != nullptr && s.scratchBytes >= winogradWeightBytes(dWeight, x, dy, params, method),
               "conv2dGradWeight: the workspace is too small"))
    return;
  const Plan p = planOf(convShape(dy, x, dWeight, params), sizesOf(method, false));
  const ConvShape& c = p.shape;
  float* const memory = static_cast<float*>(s.scratch);
  const TileGrid source{
      static_cast<const float*>(x.data), x, c.channels, -c.padH, -c.padW, p.tilesY, p.tilesX},
      slope{static_cast<const float*>(dy.data), dy, c.filters, 0, 0, p.tilesY, p.tilesX};
  if (method == kTwo) Engine<Winograd2>{p, dWeight, source, slope, memory}.run(s);
  else if (method == kFour) Engine<Winograd4>{p, dWeight, source, slope, memory}.run(s);
  else if (method == kFive) Engine<WinogradFive>{p, dWeight, source, slope, memory}.run(s);
  else Engine<WinogradStride>{p, dWeight, source, slope, memory}.run(s);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
