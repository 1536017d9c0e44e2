// The points of a grid and the elements of a volume that each of them sees.
#pragma once
#include "../../ops/grid_sample.h"
#include "../wg/index.h"

namespace wg::cuda {

/// The taps of a point by x, y, z. Each thread keeps them in shared memory, where it may index them: in
/// registers they would be too many. An odd number of words, so that threads meet different banks.
struct PointTaps {
  int64_t count[3];
  int64_t index[3][4];
  double weight[3][4], slope[3][4];
};

inline constexpr int kPointThreads = 64;

/// Volumes [N, C, D, H, W], points [N, OD, OH, OW, 2 or 3], samples [N, C, OD, OH, OW]; strides in elements.
template <class T>
struct Points {
  const T* grid;
  int64_t volumeStride[5], gridStride[5], sampleStride[5];
  int64_t size[3];  ///< D, H, W
  int64_t channels, axes;
  uint64_t perImage;
  Divider<uint64_t> width, height, count;  ///< of an image's points
  GridSampleParams params;

  struct At {
    int64_t image, place, grid, sample;  ///< place: the point's number in its image; offsets within it
  };
  WG_DEV At at(uint64_t index) const {
    const Divided<uint64_t> byImage = count.both(index);
    const Divided<uint64_t> byRow = width.both(byImage.remainder);
    const Divided<uint64_t> byPlane = height.both(byRow.quotient);
    const int64_t z = static_cast<int64_t>(byPlane.quotient), y = static_cast<int64_t>(byPlane.remainder),
                  x = static_cast<int64_t>(byRow.remainder);
    const int64_t image = static_cast<int64_t>(byImage.quotient);
    return {image, static_cast<int64_t>(byImage.remainder),
            image * gridStride[0] + z * gridStride[1] + y * gridStride[2] + x * gridStride[3],
            z * sampleStride[2] + y * sampleStride[3] + x * sampleStride[4]};
  }

  /// Looks up the point's taps.
  WG_DEV void find(const At& at, PointTaps& t) const {
    WG_UNROLL
    for (int j = 0; j < 3; j++) {
      const grid::AxisTaps axis =
          j < axes ? grid::tapsOf(static_cast<double>(grid[at.grid + j * gridStride[4]]), size[2 - j], params)
                   : grid::AxisTaps{1, {0}, {1}, {0}};
      t.count[j] = axis.count;
      WG_UNROLL
      for (int i = 0; i < 4; i++) {
        t.index[j][i] = axis.index[i];
        t.weight[j][i] = axis.weight[i];
        t.slope[j][i] = axis.slope[i];
      }
    }
  }
};

template <class T>
Points<T> pointsOf(const View& volume, const View& grid, const View& sample, const GridSampleParams& params) {
  Points<T> p{};
  p.grid = static_cast<const T*>(grid.data);
  for (int i = 0; i < 5; i++) {
    p.volumeStride[i] = volume.stride[i];
    p.gridStride[i] = grid.stride[i];
    p.sampleStride[i] = sample.stride[i];
  }
  for (int i = 0; i < 3; i++) p.size[i] = volume.shape[i + 2];
  p.channels = volume.shape[1];
  p.axes = grid.shape[4];
  p.perImage = static_cast<uint64_t>(grid.shape[1] * grid.shape[2] * grid.shape[3]);
  const auto divider = [](int64_t n) { return Divider<uint64_t>(static_cast<uint64_t>(n > 0 ? n : 1)); };
  p.width = divider(grid.shape[3]);
  p.height = divider(grid.shape[2]);
  p.count = divider(static_cast<int64_t>(p.perImage));
  p.params = params;
  return p;
}

/// f(z, y, x) for every tap that lies inside.
template <class F>
WG_DEV void eachTap(const PointTaps& t, F f) {
  for (int z = 0; z < t.count[2]; z++) {
    if (t.index[2][z] < 0) continue;
    for (int y = 0; y < t.count[1]; y++) {
      if (t.index[1][y] < 0) continue;
      for (int x = 0; x < t.count[0]; x++)
        if (t.index[0][x] >= 0) f(z, y, x);
    }
  }
}

}  // namespace wg::cuda
