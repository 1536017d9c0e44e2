// Convolution and its input gradient, which is the transposed convolution: which kernel does them.
#include "../../ops/rows/conv.h"

#include <type_traits>

#include "../gemm/matrix.cuh"
#include "../prototype.h"
#include "direct.cuh"
#include "window.cuh"

WG_CUDA_PROTOTYPES(WG_CONV_ROWS)

namespace wg::cuda {
namespace conv {
namespace {

enum class Way { matrices, direct, wide, tiles };

int64_t linesOf(const Geometry& g, bool backward) { return backward ? g.channels : g.filters; }
int64_t depthOf(const Geometry& g, bool backward) { return (backward ? g.filters : g.channels) * g.taps(); }

/// The space of `v` as one axis with this stride; false: it has gaps.
bool asLine(const View& v, int64_t* stride) {
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

/// Whether a place sees one place only, of the same coordinates.
bool pointwise(const Geometry& g) {
  for (int i = 0; i < 3; i++)
    if (g.kernel[i] != 1 || g.stride[i] != 1 || g.pad[i] != 0 || g.in[i] != g.out[i]) return false;
  return true;
}

// A function of shapes and strides.
Way wayOf(const Geometry& g, const Operands& o) {
  const int64_t places = o.backward ? g.inPlaces() : g.outPlaces();
  const int64_t lines = linesOf(g, o.backward), depth = depthOf(g, o.backward);
  int64_t stride = 0;
  // Planes smaller than a tile are better joined.
  if (pointwise(g) && (places >= 64 || g.images == 1) && asLine(o.source, &stride) &&
      asLine(o.out, &stride) && lines > 1 && depth > 1)
    return Way::matrices;
  const int64_t threads = g.images * g.groups * places * ::wg::ceilDiv(lines, kDirectLines);
  const bool small = coordinatesFit(g);
  const bool few = lines <= 2 * kDirectLines && (depth <= 512 || threads >= 1 << 16);
  bool phases = true;
  for (int i = 0; i < 3; i++)
    phases = phases && (!o.backward || g.stride[i] <= kMostPhases || g.in[i] <= kMostPhases);
  const bool tiles = small && phases && gemm::tileable(lines, places, depth);
  if (tiles && !few) return Way::tiles;
  return small && threads <= INT32_MAX ? Way::direct : Way::wide;
}

int64_t greatestDivisor(int64_t a, int64_t b) { return b == 0 ? a : greatestDivisor(b, a % b); }

/// Residue `phase` of an axis going back: its taps r are those with phase + pad - r * dilation divisible by
/// the stride.
AxisPhase phaseOf(const Geometry& g, int axis, int64_t phase) {
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

template <class T>
WindowProblem<T> problemOf(const Geometry& g, const Operands& o) {
  WindowProblem<T> p{};
  const Strides w = stridesOf(o.weight);
  const int64_t* const size = o.backward ? g.out : g.in;
  p.source = static_cast<const T*>(o.source.data);
  p.weight = static_cast<const T*>(o.weight.data);
  p.bias = static_cast<const T*>(o.bias.data);
  p.out = static_cast<T*>(o.out.data);
  p.from = stridesOf(o.source);
  p.to = stridesOf(o.out);
  p.line = o.backward ? w.channel : w.image;
  p.channel = o.backward ? w.image : w.channel;
  p.lines = static_cast<int32_t>(linesOf(g, o.backward));
  p.channels = static_cast<int32_t>(o.backward ? g.filters : g.channels);
  p.fromGroup = p.channels * p.from.channel;
  p.weightGroup = g.filters * w.image;
  p.biasStride = o.bias.data ? o.bias.stride[0] : 0;
  for (int i = 0; i < 3; i++) {
    p.tap[i] = w.space[i];
    p.size[i] = static_cast<int32_t>(size[i]);
    p.step[i] = o.backward ? 1 : static_cast<int32_t>(g.stride[i]);
    p.phases[i] = o.backward ? static_cast<int32_t>(minOf(g.stride[i], g.in[i])) : 1;
    for (int64_t phase = 0; phase < p.phases[i]; phase++)
      p.phase[i][phase] = o.backward ? phaseOf(g, i, phase)
                                     : AxisPhase{Divider<uint32_t>(static_cast<uint32_t>(g.kernel[i])),
                                                 Divider<uint32_t>(static_cast<uint32_t>(g.out[i])),
                                                 static_cast<int32_t>(g.kernel[i]),
                                                 static_cast<int32_t>(g.out[i]),
                                                 0,
                                                 1,
                                                 static_cast<int32_t>(-g.pad[i]),
                                                 static_cast<int32_t>(g.dilation[i])};
  }
  int64_t line = 0;
  const bool dense = p.phases[0] * p.phases[1] * p.phases[2] == 1 && asLine(o.out, &line) && line == 1;
  const int64_t places =
      p.phase[0][0].placeCount * int64_t{p.phase[1][0].placeCount} * p.phase[2][0].placeCount;
  p.aligned = dense && places % 4 == 0 && (g.images == 1 || p.to.image % 4 == 0) &&
              (p.lines * g.groups == 1 || p.to.channel % 4 == 0) && aligned16(o.out.data);
  return p;
}

/// Images that one launch can count.
int64_t imagesAtOnce(const Geometry& g, int64_t places) {
  return minOf(g.images, maxOf((INT32_MAX - 1024) / maxOf(places, 1), 1));
}

/// Places of the first phase, channels times taps of the one that has most, and all phases.
struct Extent {
  int64_t places = 1, depth, phases = 1;
};
Extent extentOf(const Geometry& g, bool backward) {
  Extent e;
  e.depth = backward ? g.filters : g.channels;
  for (int i = 0; i < 3; i++) {
    const int64_t phases = backward ? minOf(g.stride[i], g.in[i]) : 1;
    const int64_t apart = backward ? g.stride[i] / greatestDivisor(g.stride[i], g.dilation[i]) : 1;
    e.places *= backward ? ::wg::ceilDiv(g.in[i], g.stride[i]) : g.out[i];
    e.depth *= ::wg::ceilDiv(g.kernel[i], apart);
    e.phases *= phases;
  }
  return e;
}

gemm::Plan planOf(const Geometry& g, bool backward, DType dtype) {
  const Extent e = extentOf(g, backward);
  const int64_t images = imagesAtOnce(g, e.places);
  return gemm::planOf(linesOf(g, backward), images * e.places, e.depth, g.groups * e.phases, dtype);
}

template <class T>
void runTiles(Stream& s, const Geometry& g, const Operands& o) {
  const Extent e = extentOf(g, o.backward);
  const gemm::Plan plan = planOf(g, o.backward, o.out.dtype);
  if (!require(s, gemm::hasRoom(s, plan), "conv2d: the workspace is too small")) return;
  WindowProblem<T> p = problemOf<T>(g, o);
  const int64_t atOnce = imagesAtOnce(g, e.places);
  for (int64_t image = 0; image < g.images; image += atOnce) {
    p.images = static_cast<int32_t>(minOf(atOnce, g.images - image));
    p.m = p.lines;
    p.n = p.images * e.places;
    p.k = e.depth;
    gemm::runProduct(s, p, g.groups * e.phases, plan);
    p.source += atOnce * p.from.image;
    p.out += atOnce * p.to.image;
  }
}

/// A pointwise convolution as products of matrices: for each image and group, out [lines, places] = weight
/// [lines, channels] source [channels, places].
struct Matrices {
  View out, weight, source, bias;
};
Matrices matricesOf(const Geometry& g, const Operands& o) {
  const Strides w = stridesOf(o.weight), from = stridesOf(o.source), to = stridesOf(o.out);
  const int64_t lines = linesOf(g, o.backward), channels = o.backward ? g.filters : g.channels;
  const int64_t places = g.outPlaces(), biasStride = o.bias.data ? o.bias.stride[0] : 0;
  const auto view = [&](const View& v, int64_t rows, int64_t cols, int64_t image, int64_t group, int64_t row,
                        int64_t col) {
    return View{v.data, o.out.dtype, 4, {g.images, g.groups, rows, cols}, {image, group, row, col}};
  };
  int64_t fromPlace = 0, toPlace = 0;
  asLine(o.source, &fromPlace);
  asLine(o.out, &toPlace);
  return {view(o.out, lines, places, to.image, lines * to.channel, to.channel, toPlace),
          view(o.weight, lines, channels, 0, g.filters * w.image, o.backward ? w.channel : w.image,
               o.backward ? w.image : w.channel),
          view(o.source, channels, places, from.image, channels * from.channel, from.channel, fromPlace),
          view(o.bias, lines, places, 0, lines * biasStride, biasStride, 0)};
}

template <class T>
void run(Stream& s, const Geometry& g, const Operands& o) {
  switch (wayOf(g, o)) {
    case Way::matrices: {
      const Matrices m = matricesOf(g, o);
      require(s, gemm::runMatrices(s, m.out, m.weight, m.source, m.bias, 0),
              "conv2d: the workspace is too small");
      return;
    }
    case Way::direct:
      return runDirect<T, int32_t>(s, g, o);
    case Way::wide:
      return runDirect<T, int64_t>(s, g, o);
    case Way::tiles:
      return runTiles<T>(s, g, o);
  }
}

template <class Params>
void run(Stream& s, const char* name, bool backward, const View& small, const View& large, const View& weight,
         const View& bias, const Params& params) {
  if (!convFits(s, name, small, large, weight, params) || !convBiasFits(s, backward ? large : small, bias))
    return;
  const Operands o{backward ? small : large, backward ? large : small, weight, bias, backward};
  if (numel(o.out) == 0) return;
  const Geometry g = geometryOf(small, large, weight, params);
  withFloat(s, o.out.dtype, name, [&]<class T>() { run<T>(s, g, o); });
}

template <class Params>
size_t workspace(bool backward, const View& small, const View& large, const View& weight, const View& bias,
                 const Params& params) {
  Status status{};
  Stream s{&status, nullptr, nullptr, 0, nullptr, 0};
  const Operands o{backward ? small : large, backward ? large : small, weight, bias, backward};
  if (!convFits(s, "", small, large, weight, params) || numel(o.out) == 0) return 0;
  const Geometry g = geometryOf(small, large, weight, params);
  switch (wayOf(g, o)) {
    case Way::matrices: {
      const Matrices m = matricesOf(g, o);
      return gemm::matricesBytes(m.out, m.weight, m.source, 0);
    }
    case Way::tiles:
      return planOf(g, backward, o.out.dtype).bytes;
    default:
      return 0;
  }
}

}  // namespace
}  // namespace conv

#define WG_CONVOLUTION(name, Params)                                                                  \
  size_t name##Workspace(const Out& out, const In& x, const In& weight, const MaybeIn& bias,          \
                         const Params& params) {                                                      \
    return conv::workspace(false, out, x, weight, bias, params);                                      \
  }                                                                                                   \
  void name(Stream& s, const Out& out, const In& x, const In& weight, const MaybeIn& bias,            \
            const Params& params) {                                                                   \
    conv::run(s, #name, false, out, x, weight, bias, params);                                         \
  }                                                                                                   \
  size_t name##GradInputWorkspace(const Out& dx, const In& dy, const In& weight, const MaybeIn& bias, \
                                  const Params& params) {                                             \
    return conv::workspace(true, dy, dx, weight, bias, params);                                       \
  }                                                                                                   \
  void name##GradInput(Stream& s, const Out& dx, const In& dy, const In& weight, const MaybeIn& bias, \
                       const Params& params) {                                                        \
    conv::run(s, #name "GradInput", true, dy, dx, weight, bias, params);                              \
  }

WG_CONVOLUTION(conv2d, Conv2dParams)
WG_CONVOLUTION(conv3d, Conv3dParams)

}  // namespace wg::cuda
