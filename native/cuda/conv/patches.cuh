// What the weight gradient reads of x: for each place of dy the pixel under each tap.
#pragma once
#include "geometry.h"
#include "window.cuh"

namespace wg::cuda::conv {

struct PatchShape {
  Strides ofX;
  int32_t size[3], stride[3], pad[3], dilation[3];
  Divider<uint32_t> taps[3], places[3];

  PatchShape() = default;
  PatchShape(const Geometry& g, const Strides& strides) : ofX(strides) {
    for (int i = 0; i < 3; i++) {
      size[i] = static_cast<int32_t>(g.in[i]);
      stride[i] = static_cast<int32_t>(g.stride[i]);
      pad[i] = static_cast<int32_t>(g.pad[i]);
      dilation[i] = static_cast<int32_t>(g.dilation[i]);
      taps[i] = Divider<uint32_t>(static_cast<uint32_t>(g.kernel[i]));
      places[i] = Divider<uint32_t>(static_cast<uint32_t>(maxOf(g.out[i], 1)));
    }
  }

  /// A part of a pixel's coordinates, and of its place in memory.
  struct Spot {
    int64_t offset;
    int32_t at[3];
  };
  /// What a tap adds, `offset` elements from the first channel's.
  WG_DEV Spot tapOf(const Coordinates& tap, int64_t offset) const {
    Spot s{offset, {}};
    WG_UNROLL
    for (int i = 0; i < 3; i++) {
      s.at[i] = tap.at[i] * dilation[i] - pad[i];
      s.offset += s.at[i] * ofX.space[i];
    }
    return s;
  }
  /// What place k of all images adds.
  WG_DEV Spot placeOf(int32_t k) const {
    const auto place = Coordinates::of(places, static_cast<uint32_t>(k));
    Spot s{place.outer * ofX.image, {}};
    WG_UNROLL
    for (int i = 0; i < 3; i++) {
      s.at[i] = place.at[i] * stride[i];
      s.offset += s.at[i] * ofX.space[i];
    }
    return s;
  }
  WG_DEV bool inside(const Spot& tap, const Spot& place) const {
    bool in = true;
    WG_UNROLL
    for (int i = 0; i < 3; i++)
      in = in && static_cast<uint32_t>(tap.at[i] + place.at[i]) < static_cast<uint32_t>(size[i]);
    return in;
  }
};

}  // namespace wg::cuda::conv
