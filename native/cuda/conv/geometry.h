// Convolutions of two and three axes as one: images have three axes of space, the first of size 1 where there
// are two. Host code only.
#pragma once
#include "../../ops/conv_shape.h"

namespace wg::cuda::conv {

struct Geometry {
  int64_t images, groups, channels, filters;  ///< the latter two of one group
  int64_t in[3], out[3], kernel[3];
  int64_t stride[3], pad[3], dilation[3];

  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t inPlaces() const { return in[0] * in[1] * in[2]; }
  int64_t outPlaces() const { return out[0] * out[1] * out[2]; }
};

/// Strides of [images, channels, space] or [filters, channels, space].
struct Strides {
  int64_t image, channel, space[3];
};

inline Strides stridesOf(const View& v) {
  const int64_t* s = v.stride;
  if (v.rank == 4) return {s[0], s[1], {0, s[2], s[3]}};
  return {s[0], s[1], {s[2], s[3], s[4]}};
}

/// Of views that convFits() has seen.
template <class Params>
Geometry geometryOf(const View& out, const View& x, const View& weight, const Params& p) {
  Geometry g{x.shape[0],          p.groups,
             weight.shape[1],     weight.shape[0] / p.groups,
             {1, 0, 0},           {1, 0, 0},
             {1, 0, 0},           {1, p.strideH, p.strideW},
             {0, p.padH, p.padW}, {1, p.dilationH, p.dilationW}};
  if constexpr (requires { p.strideD; })
    g.stride[0] = p.strideD, g.pad[0] = p.padD, g.dilation[0] = p.dilationD;
  const int first = x.rank == 4 ? 1 : 0;
  for (int axis = first; axis < 3; axis++) {
    g.in[axis] = x.shape[axis - first + 2];
    g.out[axis] = out.shape[axis - first + 2];
    g.kernel[axis] = weight.shape[axis - first + 2];
  }
  return g;
}

/// Whether 32 bits hold every coordinate that a tap reaches, with room to mark those outside.
inline bool coordinatesFit(const Geometry& g) {
  for (int axis = 0; axis < 3; axis++) {
    const int64_t sizes = g.in[axis] + g.pad[axis];
    constexpr int64_t kMost = 1 << 29;
    if (sizes >= kMost || g.out[axis] >= kMost / g.stride[axis] || g.kernel[axis] >= kMost / g.dilation[axis])
      return false;
  }
  return true;
}

/// A side of a convolution: its data and where they lie.
struct Operands {
  const View &source, &out, &weight, &bias;
  bool backward;
};

}  // namespace wg::cuda::conv
