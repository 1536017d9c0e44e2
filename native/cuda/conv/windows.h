// What a window over images sees and how many places it takes: of all convolutions that are matrix products.
// Host code only.
#pragma once
#include "window.cuh"

namespace wg::cuda::conv {

inline int64_t linesOf(const Geometry& g, bool backward) { return backward ? g.channels : g.filters; }
inline int64_t channelsOf(const Geometry& g, bool backward) { return backward ? g.filters : g.channels; }
inline int64_t depthOf(const Geometry& g, bool backward) { return channelsOf(g, backward) * g.taps(); }

/// The space of `v` as one axis with this stride; false: it has gaps.
inline bool asLine(const View& v, int64_t* stride) {
  *stride = 1;
  int64_t expected = 0;
  for (int axis = v.rank - 1; axis >= 2; axis--) {
    if (v.shape[axis] == 1) continue;
    if (expected == 0) *stride = expected = v.stride[axis];
    if (v.stride[axis] != expected) return false;
    expected *= v.shape[axis];
  }
  return true;
}

inline int64_t greatestDivisor(int64_t a, int64_t b) { return b == 0 ? a : greatestDivisor(b, a % b); }

/// Residue `phase` of an axis going back: its taps r are those with phase + pad - r * dilation divisible by
/// the stride.
inline AxisPhase phaseOf(const Geometry& g, int axis, int64_t phase) {
  const int64_t stride = g.stride[axis], dilation = g.dilation[axis], pad = g.pad[axis];
  const int64_t apart = stride / greatestDivisor(stride, dilation);
  int64_t first = 0, count = 0;
  for (int64_t r = 0; r < minOf(g.kernel[axis], apart); r++)
    if ((phase + pad - r * dilation) % stride == 0) {
      first = r;
      count = ::wg::ceilDiv(g.kernel[axis] - r, apart);
    }
  const int64_t places = ::wg::ceilDiv(g.in[axis] - phase, stride);
  return {Divider<uint32_t>(static_cast<uint32_t>(maxOf(count, 1))),
          Divider<uint32_t>(static_cast<uint32_t>(places)),
          static_cast<int32_t>(count),
          static_cast<int32_t>(places),
          static_cast<int32_t>(first),
          static_cast<int32_t>(apart),
          static_cast<int32_t>((phase + pad - first * dilation) / stride),
          static_cast<int32_t>(-(dilation * apart / stride))};
}

/// Fills in what depends on the geometry alone.
inline void windowOf(WindowShape& w, const Geometry& g, bool backward) {
  const int64_t* const size = backward ? g.out : g.in;
  w.lines = static_cast<int32_t>(linesOf(g, backward));
  w.channels = static_cast<int32_t>(channelsOf(g, backward));
  for (int i = 0; i < 3; i++) {
    w.size[i] = static_cast<int32_t>(size[i]);
    w.step[i] = backward ? 1 : static_cast<int32_t>(g.stride[i]);
    w.phases[i] = backward ? static_cast<int32_t>(minOf(g.stride[i], g.in[i])) : 1;
    for (int64_t phase = 0; phase < w.phases[i]; phase++)
      w.phase[i][phase] = backward ? phaseOf(g, i, phase)
                                   : AxisPhase{Divider<uint32_t>(static_cast<uint32_t>(g.kernel[i])),
                                               Divider<uint32_t>(static_cast<uint32_t>(g.out[i])),
                                               static_cast<int32_t>(g.kernel[i]),
                                               static_cast<int32_t>(g.out[i]),
                                               0,
                                               1,
                                               static_cast<int32_t>(-g.pad[i]),
                                               static_cast<int32_t>(g.dilation[i])};
  }
}

/// Whether four places from a multiple of four on lie together in out, at 16 aligned bytes of floats.
inline bool alignedPlaces(const WindowShape& w, const Geometry& g, const Operands& o) {
  const Strides to = stridesOf(o.out);
  int64_t line = 0;
  const bool dense = w.phases[0] * w.phases[1] * w.phases[2] == 1 && asLine(o.out, &line) && line == 1;
  const int64_t places =
      w.phase[0][0].placeCount * int64_t{w.phase[1][0].placeCount} * w.phase[2][0].placeCount;
  return dense && places % 4 == 0 && (g.images == 1 || to.image % 4 == 0) &&
         (w.lines * g.groups == 1 || to.channel % 4 == 0) && aligned16(o.out.data);
}

/// Images that one launch can count.
inline int64_t imagesAtOnce(const Geometry& g, int64_t places) {
  return minOf(g.images, maxOf((INT32_MAX - 1024) / maxOf(places, 1), 1));
}

/// Places of the first phase, channels times taps of the one that has most, and all phases.
struct Extent {
  int64_t places = 1, depth, phases = 1;
};
inline Extent extentOf(const Geometry& g, bool backward) {
  Extent e;
  e.depth = channelsOf(g, backward);
  for (int i = 0; i < 3; i++) {
    const int64_t phases = backward ? minOf(g.stride[i], g.in[i]) : 1;
    const int64_t apart = backward ? g.stride[i] / greatestDivisor(g.stride[i], g.dilation[i]) : 1;
    e.places *= backward ? ::wg::ceilDiv(g.in[i], g.stride[i]) : g.out[i];
    e.depth *= ::wg::ceilDiv(g.kernel[i], apart);
    e.phases *= phases;
  }
  return e;
}

}  // namespace wg::cuda::conv
