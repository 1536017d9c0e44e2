// Where resampling reads: the neighbours of each place on an axis and their weights.
#pragma once
#include "checks.h"
#include "rows/image.h"
#include "scalar.h"

namespace wg {
inline namespace WG_ISA {
namespace resample {

enum Mode : int32_t { nearest, nearestExact, linear, cubic, area, smoothLinear, smoothCubic };

/// Elements first … first + count - 1 of the axis, those outside standing for the ones at the ends.
struct Taps {
  int64_t first;
  int64_t count;
  double weight[4];  ///< of area the first is that of all
};

/// Keys' cubic convolution with a = -0.75, as PyTorch and OpenCV have it; f in [0, 1].
WG_HD void cubicWeights(double f, double* weight) {
  constexpr double a = -0.75;
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  weight[0] = far(f + 1);
  weight[1] = near(f);
  weight[2] = near(1 - f);
  weight[3] = far(2 - f);
}

/// A place on the axis as PyTorch computes it: the cast keeps a product that should be whole from falling
/// short of it.
WG_HD int64_t floorPlace(double place, int64_t in) {
  const double snapped = place < 8388608 ? static_cast<double>(static_cast<float>(place)) : place;
  const int64_t i = static_cast<int64_t>(snapped);
  return i < in - 1 ? i : in - 1;
}

WG_HD Taps tapsOf(const ResampleParams& p, int64_t o, int64_t out, int64_t in) {
  Taps t{0, 1, {1, 0, 0, 0}};
  const double at = static_cast<double>(o);
  switch (p.mode) {
    case nearest:
      t.first = floorPlace(at * p.ratio, in);
      return t;
    case nearestExact:
      t.first = floorPlace((at + 0.5) * p.ratio, in);
      return t;
    case area:
      t.first = o * in / out;
      t.count = ((o + 1) * in + out - 1) / out - t.first;
      t.weight[0] = 1.0 / static_cast<double>(t.count);
      return t;
    default:
      break;
  }
  double place = p.alignCorners ? at * p.ratio : (at + 0.5) * p.ratio - 0.5;
  if (p.mode == linear && !(place > 0)) place = 0;
  t.first = static_cast<int64_t>(floor(place));
  t.first = t.first < in - 1 ? t.first : in - 1;
  double f = place - static_cast<double>(t.first);
  f = f < 0 ? 0 : f > 1 ? 1 : f;
  if (p.mode == linear) {
    t.count = 2;
    t.weight[0] = 1 - f;
    t.weight[1] = f;
  } else {
    t.count = 4;
    t.first -= 1;
    cubicWeights(f, t.weight);
  }
  return t;
}

WG_HD int64_t clamped(int64_t i, int64_t in) { return i < 0 ? 0 : i < in ? i : in - 1; }

WG_HD bool isSmooth(const ResampleParams& p) { return p.mode == smoothLinear || p.mode == smoothCubic; }

/// What an output of the smooth modes reads: where the axis shrinks, the filter is stretched over all that
/// the output covers (antialiasing), and its weights are brought to the sum 1.
struct Filter {
  int64_t first, count;
  double centre, stretch;  ///< of the distance to an element, in filter units
  double total;
  bool isCubic;

  /// The triangle, or Keys' cubic convolution with a = -0.5, as PyTorch and Pillow have it here.
  WG_HD double raw(int64_t k) const {
    const double d = (static_cast<double>(first + k) - centre + 0.5) * stretch, x = d < 0 ? -d : d;
    if (!isCubic) return x < 1 ? 1 - x : 0;
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
  }
  WG_HD double weight(int64_t k) const { return total == 0 ? 0 : raw(k) / total; }
};

/// Without the total.
WG_HD Filter spanOf(const ResampleParams& p, int64_t o, int64_t in) {
  const bool isCubic = p.mode == smoothCubic, shrinks = p.ratio >= 1;
  const double reach = (isCubic ? 2.0 : 1.0) * (shrinks ? p.ratio : 1.0);
  const double centre = p.ratio * (static_cast<double>(o) + 0.5), end = static_cast<double>(in);
  // Cut to the axis before the cast: places may lie far beyond what an integer holds.
  const auto place = [end](double x) { return static_cast<int64_t>(x < 0 ? 0 : x < end ? x : end); };
  Filter f{place(centre - reach + 0.5), 0, centre, shrinks ? 1 / p.ratio : 1.0, 0, isCubic};
  f.count = place(centre + reach + 0.5) - f.first;
  f.count = f.count > 0 ? f.count : 0;
  return f;
}

WG_HD Filter filterOf(const ResampleParams& p, int64_t o, int64_t in) {
  Filter f = spanOf(p, o, in);
  for (int64_t k = 0; k < f.count; ++k) f.total += f.raw(k);
  return f;
}

}  // namespace resample

inline bool resampleFits(Stream& s, const char* name, const View& large, const View& small,
                         const ResampleParams& p) {
  const bool sound = large.rank == 3 && small.rank == 3 && large.shape[0] == small.shape[0] &&
                     large.shape[2] == small.shape[2] && large.dtype == small.dtype &&
                     p.mode >= resample::nearest && p.mode <= resample::smoothCubic && p.ratio >= 0 &&
                     p.ratio <= 9e15;
  if (!sound) fail(s, Code::bounds, "%s: shapes and parameters do not fit together", name);
  return sound;
}

}  // namespace WG_ISA
}  // namespace wg
