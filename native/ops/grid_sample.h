// Where sampling at points reads: each axis gives a coordinate between -1 and 1 a few taps with weights.
#pragma once
#include "checks.h"
#include "rows/image.h"
#include "scalar.h"

namespace wg {
inline namespace WG_ISA {
namespace grid {

enum Mode : int32_t { linear, nearest, cubic };
enum Padding : int32_t { zeros, border, reflection };

/// A place, and its derivative by the coordinate it came from.
struct Place {
  double at, slope;
};

WG_HD Place clipped(Place p, int64_t n) {
  const double last = static_cast<double>(n - 1);
  // NaN goes to the first element.
  if (!(p.at > 0)) return {0, 0};
  return p.at >= last ? Place{last, 0} : p;
}

/// Reflected at the outer elements' centres (corners aligned) or at their outer edges until inside.
WG_HD Place reflected(Place p, int64_t n, bool alignCorners) {
  const double low = alignCorners ? 0 : -0.5;
  const double span = static_cast<double>(alignCorners ? n - 1 : n);
  if (span == 0) return {0, 0};
  const double sign = p.at < low ? -1 : 1;
  const double distance = p.at < low ? low - p.at : p.at - low;
  const double flips = floor(distance / span), rest = distance - flips * span;
  const bool even = flips - 2 * floor(flips / 2) == 0;
  return even ? Place{rest + low, p.slope * sign} : Place{span - rest + low, -p.slope * sign};
}

WG_HD Place padded(Place p, int64_t n, const GridSampleParams& params) {
  // Far outside, where conversions to integers would overflow, everything is the same place.
  if (!(p.at > -1e15 && p.at < 1e15)) p = {params.padding == zeros ? -1e6 - static_cast<double>(n) : -1, 0};
  if (params.padding == zeros) return p;
  return clipped(params.padding == reflection ? reflected(p, n, params.alignCorners != 0) : p, n);
}

struct AxisTaps {
  int64_t count;
  int64_t index[4];  ///< -1 outside
  double weight[4], slope[4];
};

WG_HD AxisTaps tapsOf(double coordinate, int64_t n, const GridSampleParams& params) {
  const double size = static_cast<double>(n);
  Place p = params.alignCorners ? Place{(coordinate + 1) / 2 * (size - 1), (size - 1) / 2}
                                : Place{((coordinate + 1) * size - 1) / 2, size / 2};
  AxisTaps t{};
  const auto inside = [n](double at) {
    return at >= 0 && at < static_cast<double>(n) ? static_cast<int64_t>(at) : -1;
  };
  if (params.mode == cubic) {
    if (!(p.at > -1e15 && p.at < 1e15)) p = {-1e6 - size, 0};
    const double first = floor(p.at), f = p.at - first;
    // Keys' cubic convolution, a = -0.75, and its derivative.
    constexpr double a = -0.75;
    const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
    const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
    const auto nearSlope = [](double x) { return (3 * (a + 2) * x - 2 * (a + 3)) * x; };
    const auto farSlope = [](double x) { return (3 * a * x - 10 * a) * x + 8 * a; };
    t = {4,
         {},
         {far(f + 1), near(f), near(1 - f), far(2 - f)},
         {farSlope(f + 1) * p.slope, nearSlope(f) * p.slope, -nearSlope(1 - f) * p.slope,
          -farSlope(2 - f) * p.slope}};
    for (int i = 0; i < 4; ++i) t.index[i] = inside(padded({first - 1 + i, 0}, n, params).at);
    return t;
  }
  p = padded(p, n, params);
  if (params.mode == nearest) return {1, {inside(__builtin_rint(p.at))}, {1}, {0}};
  const double first = floor(p.at), f = p.at - first;
  return {2, {inside(first), inside(first + 1)}, {1 - f, f}, {-p.slope, p.slope}};
}

}  // namespace grid

/// x [N, C, D, H, W], grid [N, OD, OH, OW, 2 or 3], y [N, C, OD, OH, OW].
inline bool gridSampleFits(Stream& s, const char* name, const View& x, const View& grid, const View& y,
                           const GridSampleParams& p) {
  bool sound = x.rank == 5 && grid.rank == 5 && y.rank == 5 && x.shape[0] == grid.shape[0] &&
               x.shape[0] == y.shape[0] && x.shape[1] == y.shape[1] && x.dtype == grid.dtype &&
               x.dtype == y.dtype && p.mode >= grid::linear && p.mode <= grid::cubic &&
               p.padding >= grid::zeros && p.padding <= grid::reflection && p.alignCorners >= 0 &&
               p.alignCorners <= 1;
  for (int i = 0; i < 3 && sound; ++i)
    sound = grid.shape[i + 1] == y.shape[i + 2] && (x.shape[i + 2] > 0 || numel(y) == 0);
  sound = sound && (grid.shape[4] == 3 || (grid.shape[4] == 2 && x.shape[2] == 1));
  if (!sound) fail(s, Code::bounds, "%s: shapes and parameters do not fit together", name);
  return sound;
}

}  // namespace WG_ISA
}  // namespace wg
