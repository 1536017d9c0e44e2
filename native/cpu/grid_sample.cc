// Sampling [N, C, D, H, W] at points whose coordinates run from -1 to 1. Each axis gives a point a few taps
// with weights; the sample is the sum over their product. Planes are volumes of depth 1 sampled on two axes.
#include "../ops/grid_sample.h"

#include "kernel.h"

WG_PROTOTYPES(WG_IMAGE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// The taps of one point: offsets into a volume and, up to `kMost` of them, their weights.
constexpr int64_t kMost = 64;
struct PointTaps {
  int64_t count;
  int64_t offset[kMost];
  double weight[kMost];
  double slope[3][kMost];  ///< by x, y, z; filled when asked for
};

/// `axes` coordinates, x first, belong to the volume's last axes.
template <bool kSlopes, class T>
void pointTaps(PointTaps& out, const View& volume, const T* point, int64_t step, int axes,
               const GridSampleParams& params) {
  grid::AxisTaps taps[3] = {};
  for (int j = 0; j < 3; ++j) {
    if (j < axes) taps[j] = grid::tapsOf(static_cast<double>(point[j * step]), volume.shape[4 - j], params);
    else taps[j] = {1, {0}, {1}, {0}};
  }
  out.count = 0;
  for (int64_t z = 0; z < taps[2].count; ++z)
    for (int64_t y = 0; y < taps[1].count; ++y)
      for (int64_t x = 0; x < taps[0].count; ++x) {
        if (taps[0].index[x] < 0 || taps[1].index[y] < 0 || taps[2].index[z] < 0) continue;
        const int64_t k = out.count++;
        out.offset[k] = taps[2].index[z] * volume.stride[2] + taps[1].index[y] * volume.stride[3] +
                        taps[0].index[x] * volume.stride[4];
        const double wx = taps[0].weight[x], wy = taps[1].weight[y], wz = taps[2].weight[z];
        out.weight[k] = wx * wy * wz;
        if constexpr (kSlopes) {
          out.slope[0][k] = taps[0].slope[x] * wy * wz;
          out.slope[1][k] = wx * taps[1].slope[y] * wz;
          out.slope[2][k] = wx * wy * taps[2].slope[z];
        }
      }
}

/// Offsets of output point `i` of an image in [.., OD, OH, OW, ..] axes from `first` on.
int64_t pointOffset(const View& v, int first, int64_t i) {
  const int64_t w = v.shape[first + 2], h = v.shape[first + 1];
  return i / w / h * v.stride[first] + i / w % h * v.stride[first + 1] + i % w * v.stride[first + 2];
}

struct Cut {
  int64_t points, block, blocks;  ///< points of an image, and how many a chunk takes
};
Cut cutOf(const View& y, int64_t work) {
  const int64_t points = y.shape[2] * y.shape[3] * y.shape[4];
  const int64_t block = maxOf(minOf(points, 65536 / maxOf(work, 1)), 1);
  return {points, block, ceilDiv(points, block)};
}

void each(Stream& s, int64_t chunks, const auto& chunk) {
  if (chunks == 1) chunk(0);
  else parallelFor(s, chunks, chunk);
}

}  // namespace

void gridSample(Stream& s, const Out& out, const In& x, const In& grid, const GridSampleParams& params) {
  if (!gridSampleFits(s, "gridSample", x, grid, out, params) || numel(out) == 0) return;
  const int axes = static_cast<int>(grid.shape[4]);
  const Cut cut = cutOf(out, 8 * x.shape[1] + 32);
  withFloat(s, x.dtype, "gridSample", [&]<class T>() {
    each(s, x.shape[0] * cut.blocks, [&](int64_t piece) {
      const int64_t n = piece / cut.blocks, begin = piece % cut.blocks * cut.block;
      const T* const from = static_cast<const T*>(x.data) + n * x.stride[0];
      PointTaps taps;
      for (int64_t i = begin; i < minOf(begin + cut.block, cut.points); ++i) {
        const T* const point =
            static_cast<const T*>(grid.data) + n * grid.stride[0] + pointOffset(grid, 1, i);
        pointTaps<false>(taps, x, point, grid.stride[4], axes, params);
        T* const to = static_cast<T*>(out.data) + n * out.stride[0] + pointOffset(out, 2, i);
        for (int64_t c = 0; c < x.shape[1]; ++c) {
          T sum = 0;
          for (int64_t k = 0; k < taps.count; ++k)
            sum += static_cast<T>(taps.weight[k]) * from[c * x.stride[1] + taps.offset[k]];
          to[c * out.stride[1]] = sum;
        }
      }
    });
  });
}

void gridSampleGradInput(Stream& s, const Out& dx, const In& dy, const In& grid,
                         const GridSampleParams& params) {
  if (!gridSampleFits(s, "gridSampleGradInput", dx, grid, dy, params) || numel(dx) == 0) return;
  const int axes = static_cast<int>(grid.shape[4]);
  // A chunk owns channels of an image, so that points add up in their order; 4 share the taps of a point.
  constexpr int64_t kChannels = 4;
  const int64_t groups = ceilDiv(dx.shape[1], kChannels), points = cutOf(dy, 1).points;
  withFloat(s, dx.dtype, "gridSampleGradInput", [&]<class T>() {
    each(s, dx.shape[0] * groups, [&](int64_t piece) {
      const int64_t n = piece / groups, c0 = piece % groups * kChannels;
      const int64_t channels = minOf(kChannels, dx.shape[1] - c0);
      T* const to = static_cast<T*>(dx.data) + n * dx.stride[0] + c0 * dx.stride[1];
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t i = 0; i < dx.shape[2] * dx.shape[3] * dx.shape[4]; ++i)
          to[c * dx.stride[1] + pointOffset(dx, 2, i)] = T(0);
      PointTaps taps;
      for (int64_t i = 0; i < points; ++i) {
        const T* const point =
            static_cast<const T*>(grid.data) + n * grid.stride[0] + pointOffset(grid, 1, i);
        pointTaps<false>(taps, dx, point, grid.stride[4], axes, params);
        const T* const from =
            static_cast<const T*>(dy.data) + n * dy.stride[0] + c0 * dy.stride[1] + pointOffset(dy, 2, i);
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t k = 0; k < taps.count; ++k)
            to[c * dx.stride[1] + taps.offset[k]] += static_cast<T>(taps.weight[k]) * from[c * dy.stride[1]];
      }
    });
  });
}

void gridSampleGradGrid(Stream& s, const Out& dGrid, const In& dy, const In& x, const In& grid,
                        const GridSampleParams& params) {
  if (!gridSampleFits(s, "gridSampleGradGrid", x, grid, dy, params) || numel(dGrid) == 0) return;
  if (!require(s, sameShape(dGrid, grid) && dGrid.dtype == grid.dtype, "gridSampleGradGrid: grids differ"))
    return;
  const int axes = static_cast<int>(grid.shape[4]);
  const Cut cut = cutOf(dy, 16 * x.shape[1] + 64);
  withFloat(s, x.dtype, "gridSampleGradGrid", [&]<class T>() {
    each(s, x.shape[0] * cut.blocks, [&](int64_t piece) {
      const int64_t n = piece / cut.blocks, begin = piece % cut.blocks * cut.block;
      const T* const from = static_cast<const T*>(x.data) + n * x.stride[0];
      PointTaps taps;
      for (int64_t i = begin; i < minOf(begin + cut.block, cut.points); ++i) {
        const T* const point =
            static_cast<const T*>(grid.data) + n * grid.stride[0] + pointOffset(grid, 1, i);
        pointTaps<true>(taps, x, point, grid.stride[4], axes, params);
        const T* const d = static_cast<const T*>(dy.data) + n * dy.stride[0] + pointOffset(dy, 2, i);
        double sums[3] = {0, 0, 0};
        for (int64_t c = 0; c < x.shape[1]; ++c)
          for (int64_t k = 0; k < taps.count; ++k) {
            const double value = static_cast<double>(from[c * x.stride[1] + taps.offset[k]]) *
                                 static_cast<double>(d[c * dy.stride[1]]);
            for (int j = 0; j < axes; ++j) sums[j] += taps.slope[j][k] * value;
          }
        T* const to = static_cast<T*>(dGrid.data) + n * dGrid.stride[0] + pointOffset(dGrid, 1, i);
        for (int j = 0; j < axes; ++j) to[j * dGrid.stride[4]] = static_cast<T>(sums[j]);
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
