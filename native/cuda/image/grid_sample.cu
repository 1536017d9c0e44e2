// Sampling volumes at the points of a grid, and the gradient by the grid: a thread has a point.
#include "../prototype.h"
#include "../wg/launch.h"
#include "points.cuh"

WG_CUDA_PROTOTYPES(WG_IMAGE_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = kPointThreads;
constexpr int64_t kChannels = 16;  // of a thread: enough to pay for the taps

dim3 gridOf(int64_t total) {
  return dim3(static_cast<uint32_t>(minOf(::wg::ceilDiv(total, kThreads), 1 << 20)));
}

// One thread a point and kChannels channels; neighbours have neighbouring points.
template <class T>
WG_KERNEL(kThreads, 8)
sample(T* out, const T* x, const WG_GRID_CONSTANT Points<T> p, int64_t images, int64_t total) {
  WG_SHARED(PointTaps, table, [kThreads]);
  const int64_t all = images * static_cast<int64_t>(p.perImage);
  for (int64_t n = int64_t{blockIdx.x} * kThreads + threadIdx.x; n < total;
       n += int64_t{gridDim.x} * kThreads) {
    const int64_t c0 = n / all * kChannels, end = c0 + kChannels < p.channels ? c0 + kChannels : p.channels;
    const auto at = p.at(static_cast<uint64_t>(n % all));
    PointTaps& taps = table[threadIdx.x];
    p.find(at, taps);
    for (int64_t c = c0; c < end; c++) {
      const T* const from = x + at.image * p.volumeStride[0] + c * p.volumeStride[1];
      T sum = 0;
      eachTap(taps, [&](int i, int j, int k) {
        const double weight = taps.weight[0][k] * taps.weight[1][j] * taps.weight[2][i];
        sum += static_cast<T>(weight) *
               from[taps.index[2][i] * p.volumeStride[2] + taps.index[1][j] * p.volumeStride[3] +
                    taps.index[0][k] * p.volumeStride[4]];
      });
      out[at.image * p.sampleStride[0] + c * p.sampleStride[1] + at.sample] = sum;
    }
  }
}

// One thread a point.
template <class T>
WG_KERNEL(kThreads, 8)
slopes(T* dGrid, const T* dy, const T* x, const WG_GRID_CONSTANT Points<T> p,
       const WG_GRID_CONSTANT Offsets<1, uint64_t> to, int64_t step, int64_t total) {
  WG_SHARED(PointTaps, table, [kThreads]);
  for (int64_t n = int64_t{blockIdx.x} * kThreads + threadIdx.x; n < total;
       n += int64_t{gridDim.x} * kThreads) {
    const auto at = p.at(static_cast<uint64_t>(n));
    PointTaps& taps = table[threadIdx.x];
    p.find(at, taps);
    double sums[3] = {0, 0, 0};
    for (int64_t c = 0; c < p.channels; c++) {
      const T* const from = x + at.image * p.volumeStride[0] + c * p.volumeStride[1];
      const double slope =
          static_cast<double>(dy[at.image * p.sampleStride[0] + c * p.sampleStride[1] + at.sample]);
      eachTap(taps, [&](int i, int j, int k) {
        const double value =
            slope * static_cast<double>(
                        from[taps.index[2][i] * p.volumeStride[2] + taps.index[1][j] * p.volumeStride[3] +
                             taps.index[0][k] * p.volumeStride[4]]);
        sums[0] += taps.slope[0][k] * taps.weight[1][j] * taps.weight[2][i] * value;
        sums[1] += taps.weight[0][k] * taps.slope[1][j] * taps.weight[2][i] * value;
        sums[2] += taps.weight[0][k] * taps.weight[1][j] * taps.slope[2][i] * value;
      });
    }
    T* const result = dGrid + to(static_cast<uint64_t>(n))[0];
    WG_UNROLL
    for (int j = 0; j < 3; j++)
      if (j < p.axes) result[j * step] = static_cast<T>(sums[j]);
  }
}

}  // namespace

void gridSample(Stream& s, const Out& out, const In& x, const In& grid, const GridSampleParams& params) {
  if (!gridSampleFits(s, "gridSample", x, grid, out, params) || numel(out) == 0) return;
  withFloat(s, x.dtype, "gridSample", [&]<class T>() {
    const Points<T> points = pointsOf<T>(x, grid, out, params);
    const int64_t all = x.shape[0] * static_cast<int64_t>(points.perImage);
    const int64_t total = all * ::wg::ceilDiv(x.shape[1], kChannels);
    launch(s, sample<T>, gridOf(total), dim3(kThreads), 0, static_cast<T*>(out.data),
           static_cast<const T*>(x.data), points, x.shape[0], total);
  });
}

void gridSampleGradGrid(Stream& s, const Out& dGrid, const In& dy, const In& x, const In& grid,
                        const GridSampleParams& params) {
  if (!gridSampleFits(s, "gridSampleGradGrid", x, grid, dy, params) || numel(dGrid) == 0) return;
  if (!require(s, sameShape(dGrid, grid) && dGrid.dtype == grid.dtype, "gridSampleGradGrid: grids differ"))
    return;
  withFloat(s, x.dtype, "gridSampleGradGrid", [&]<class T>() {
    const Points<T> points = pointsOf<T>(x, grid, dy, params);
    const int64_t total = x.shape[0] * static_cast<int64_t>(points.perImage);
    View heads = dGrid;  // the first coordinate of each point
    heads.rank = 4;
    launch(s, slopes<T>, gridOf(total), dim3(kThreads), 0, static_cast<T*>(dGrid.data),
           static_cast<const T*>(dy.data), static_cast<const T*>(x.data), points,
           axesOf<1>({&heads}).template offsets<uint64_t>(), dGrid.stride[4], total);
  });
}

}  // namespace wg::cuda
