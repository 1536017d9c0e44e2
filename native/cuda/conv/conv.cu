// Convolution and its input gradient, which is the transposed convolution: which kernel does them.
#include "../../ops/rows/conv.h"

#include <type_traits>

#include "../gemm/tensor.cuh"
#include "../prototype.h"
#include "cores.h"
#include "direct.cuh"
#include "widened.h"
#include "windows.h"

WG_CUDA_PROTOTYPES(WG_CONV_ROWS)

namespace wg::cuda {
namespace conv {
namespace {

enum class Way { matrices, direct, wide, tiles };

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
  // Eight times the depth: tensor cores take channels in whole pieces of 16 bytes.
  const bool tiles = small && phases && gemm::tileable(lines, places, 8 * depth);
  if (tiles && !few && depth > 0) return Way::tiles;
  return small && threads <= INT32_MAX ? Way::direct : Way::wide;
}

template <class T>
WindowProblem<T> problemOf(const Geometry& g, const Operands& o) {
  WindowProblem<T> p{};
  const Strides w = stridesOf(o.weight);
  p.source = static_cast<const T*>(o.source.data);
  p.weight = static_cast<const T*>(o.weight.data);
  p.bias = static_cast<const T*>(o.bias.data);
  p.out = static_cast<T*>(o.out.data);
  p.from = stridesOf(o.source);
  p.to = stridesOf(o.out);
  p.line = o.backward ? w.channel : w.image;
  p.channel = o.backward ? w.image : w.channel;
  p.fromGroup = channelsOf(g, o.backward) * p.from.channel;
  p.weightGroup = g.filters * w.image;
  p.biasStride = o.bias.data ? o.bias.stride[0] : 0;
  for (int i = 0; i < 3; i++) p.tap[i] = w.space[i];
  windowOf(p, g, o.backward);
  p.aligned = alignedPlaces(p, g, o);
  return p;
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

/// In plain arithmetic.
template <class T>
void runPlain(Stream& s, const Geometry& g, const Operands& o, Way way) {
  if (way == Way::tiles) return runTiles<T>(s, g, o);
  if (way == Way::direct) return runDirect<T, int32_t>(s, g, o);
  runDirect<T, int64_t>(s, g, o);
}

void run(Stream& s, const Geometry& g, const Operands& o, int32_t precision) {
  const Way way = wayOf(g, o);
  const char* const small = "conv2d: the workspace is too small";
  if (way == Way::matrices) {
    const Matrices m = matricesOf(g, o);
    require(s, gemm::runMatrices(s, m.out, m.weight, m.source, m.bias, precision), small);
    return;
  }
  if (way == Way::tiles && gemm::onCores(o.out.dtype, precision)) {
    require(s, runCores(s, g, o, gemm::coreOf(o.out.dtype, precision)), small);
    return;
  }
  if (itemBytes(o.out.dtype) > 2) {
    withFloat(s, o.out.dtype, "conv2d", [&]<class T>() { runPlain<T>(s, g, o, way); });
    return;
  }
  // Where a group has few filters or channels tensor cores would be idle.
  Widened w({&o.source, &o.out, &o.weight, &o.bias});
  if (!require(s, w.place(s), small)) return;
  for (const int i : {0, 2, 3}) w.fetch(s, i);
  runPlain<float>(s, g, {w.view(0), w.view(1), w.view(2), w.view(3), o.backward}, way);
  w.put(s, 1);
}

template <class Params>
void run(Stream& s, const char* name, bool backward, const View& small, const View& large, const View& weight,
         const View& bias, const Params& params) {
  if (!convFits(s, name, small, large, weight, params, true) ||
      !convBiasFits(s, backward ? large : small, bias))
    return;
  const Operands o{backward ? small : large, backward ? large : small, weight, bias, backward};
  if (numel(o.out) > 0) run(s, geometryOf(small, large, weight, params), o, params.precision);
}

template <class Params>
size_t workspace(bool backward, const View& small, const View& large, const View& weight, const View& bias,
                 const Params& params) {
  Status status{};
  Stream s{&status, nullptr, nullptr, 0, nullptr, 0};
  const Operands o{backward ? small : large, backward ? large : small, weight, bias, backward};
  if (!convFits(s, "", small, large, weight, params, true) || numel(o.out) == 0) return 0;
  const Geometry g = geometryOf(small, large, weight, params);
  const Way way = wayOf(g, o);
  if (way == Way::matrices) {
    const Matrices m = matricesOf(g, o);
    return gemm::matricesBytes(m.out, m.weight, m.source, params.precision);
  }
  if (way == Way::tiles && gemm::onCores(o.out.dtype, params.precision))
    return coreBytes(g, o, gemm::coreOf(o.out.dtype, params.precision));
  if (itemBytes(o.out.dtype) == 2) return Widened({&o.source, &o.out, &o.weight, &o.bias}).bytes();
  return way == Way::tiles ? planOf(g, backward, o.out.dtype).bytes : 0;
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
