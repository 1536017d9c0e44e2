// The points of a grid and the elements of a volume that each of them sees.
#pragma once
#include "../../ops/grid_sample.h"
#include "../wg/index.h"

namespace wg::cuda {

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

  /// Taps by x, y, z.
  struct Taps {
    grid::AxisTaps axis[3];
  };
  WG_DEV Taps tapsOf(const At& at) const {
    Taps t;
    WG_UNROLL
    for (int j = 0; j < 3; j++)
      t.axis[j] = j < axes ? grid::tapsOf(static_cast<double>(grid[at.grid + j * gridStride[4]]), size[2 - j], params)
                           : grid::AxisTaps{1, {0}, {1}, {0}};
    return t;
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

/// f(number, z, y, x) for every tap that lies inside, numbers as of the full kernel; unrolled, so that the taps stay in
/// registers.
template <class Taps, class F>
WG_DEV void eachTap(const Taps& t, F f) {
  WG_UNROLL
  for (int z = 0; z < 4; z++) {
    if (z >= t.axis[2].count || t.axis[2].index[z] < 0) continue;
    WG_UNROLL
    for (int y = 0; y < 4; y++) {
      if (y >= t.axis[1].count || t.axis[1].index[y] < 0) continue;
      WG_UNROLL
      for (int x = 0; x < 4; x++)
        if (x < t.axis[0].count && t.axis[0].index[x] >= 0) f(z, y, x);
    }
  }
}

}  // namespace wg::cuda
