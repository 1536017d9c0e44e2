#include "cores.h"

#include "../../ops/rows/memory.h"
#include "../prototype.h"
#include "cores.cuh"
#include "windows.h"

WG_CUDA_PROTOTYPES(WG_MEMORY_ROWS)

namespace wg::cuda::conv {
namespace {

constexpr int kLast = 5;  // the axis of the channels, of six

int64_t roundedUp(int64_t n, int64_t to) { return ::wg::ceilDiv(n, to) * to; }

void copyView(Stream& s, const View& to, const View& from) {
  Out out;
  In in;
  static_cast<View&>(out) = to;
  static_cast<View&>(in) = from;
  copy(s, out, in);
}

/// Images [image, space, group, channel] or filters [group, line, taps, channel] as the kernels take them.
struct Laid {
  View from, view;  ///< as given; as it will lie, without data when it has to be copied
  size_t bytes;     ///< of the copy, or 0

  void settle(Stream& s, char*& scratch) {
    if (bytes == 0) return;
    view.data = scratch;
    scratch += bytes;
    copyView(s, view, from);
  }
};

/// Dense from axis 0 on, channels rounded up to whole pieces.
View denseOf(const View& like, DType dtype, int64_t padded) {
  View v = like;
  v.data = nullptr;
  v.dtype = dtype;
  int64_t stride = 1;
  for (int axis = kLast; axis >= 0; axis--) {
    v.stride[axis] = stride;
    stride *= axis == kLast ? padded : v.shape[axis];
  }
  return v;
}

int64_t bytesOf(const View& dense, int64_t padded) {
  int64_t count = padded;
  for (int axis = 0; axis < kLast; axis++) count *= dense.shape[axis];
  return roundedUp(count * itemBytes(dense.dtype), 64);
}

/// Elements of a piece.
int64_t pieceOf(DType core) { return 16 / itemBytes(core); }

Laid laidOf(const View& v, DType core) {
  const int64_t piece = pieceOf(core);
  bool lies = v.dtype == core && aligned16(v.data) && (v.shape[kLast] == 1 || v.stride[kLast] == 1);
  for (int axis = 0; axis < kLast; axis++) lies = lies && (v.shape[axis] == 1 || v.stride[axis] % piece == 0);
  if (lies) return {v, v, 0};
  const int64_t padded = roundedUp(v.shape[kLast], piece);
  const View dense = denseOf(v, core, padded);
  return {v, dense, static_cast<size_t>(bytesOf(dense, padded))};
}

/// [images, groups * channels, space] as [image, space, group, channel].
View imagesOf(const View& v, int64_t groups) {
  const Strides s = stridesOf(v);
  const int64_t channels = v.shape[1] / groups;
  const int first = 5 - v.rank;  // of the axes of space
  View r{v.data,
         v.dtype,
         6,
         {v.shape[0], 1, 1, 1, groups, channels},
         {s.image, s.space[0], s.space[1], s.space[2], channels * s.channel, s.channel}};
  for (int i = first; i < 3; i++) r.shape[1 + i] = v.shape[2 + i - first];
  return r;
}

/// [groups * filters, channels, taps] as [group, line, taps, channel]; going back lines are channels.
View filtersOf(const View& v, const Geometry& g, bool backward) {
  const Strides s = stridesOf(v);
  return {v.data,
          v.dtype,
          6,
          {g.groups, linesOf(g, backward), g.kernel[0], g.kernel[1], g.kernel[2], channelsOf(g, backward)},
          {g.filters * s.image, backward ? s.channel : s.image, s.space[0], s.space[1], s.space[2],
           backward ? s.image : s.channel}};
}

Strides spaceOf(const View& images) {
  const int64_t* const s = images.stride;
  return {s[0], 1, {s[1], s[2], s[3]}};
}

gemm::Plan aligned(gemm::Plan plan) {
  plan.bytes = static_cast<size_t>(roundedUp(static_cast<int64_t>(plan.bytes), 64));
  return plan;
}

struct WindowPlan {
  Extent extent;  ///< with rounded-up channels
  int64_t padded;
  gemm::Plan plan;
  Laid source, weight;
  size_t bytes() const { return plan.bytes + source.bytes + weight.bytes; }
};

WindowPlan planWindows(const Geometry& g, const Operands& o, DType core) {
  WindowPlan w{};
  const int64_t channels = channelsOf(g, o.backward);
  w.padded = roundedUp(channels, pieceOf(core));
  w.extent = extentOf(g, o.backward);
  w.extent.depth = w.extent.depth / channels * w.padded;
  w.plan = aligned(gemm::planOf(linesOf(g, o.backward), imagesAtOnce(g, w.extent.places) * w.extent.places,
                                w.extent.depth, g.groups * w.extent.phases, DType::f32));
  w.source = laidOf(imagesOf(o.source, g.groups), core);
  w.weight = laidOf(filtersOf(o.weight, g, o.backward), core);
  return w;
}

template <class T>
void run(Stream& s, const Geometry& g, const Operands& o, const WindowPlan& w) {
  CoreWindowProblem<T> p{};
  const bool wide = o.out.dtype == DType::f32;
  const View &source = w.source.view, &weight = w.weight.view;
  windowOf(p, g, o.backward);
  p.source = static_cast<const T*>(source.data);
  p.weight = static_cast<const T*>(weight.data);
  p.out = {o.out.data, wide};
  p.bias = {o.bias.data, wide};
  p.from = spaceOf(source);
  p.to = stridesOf(o.out);
  p.fromGroup = source.stride[4];
  p.weightGroup = weight.stride[0];
  p.line = weight.stride[1];
  for (int i = 0; i < 3; i++) p.tap[i] = weight.stride[2 + i];
  p.biasStride = o.bias.data ? o.bias.stride[0] : 0;
  p.padded = Divider<uint32_t>(static_cast<uint32_t>(w.padded));
  p.aligned = alignedPlaces(p, g, o);
  const int64_t atOnce = imagesAtOnce(g, w.extent.places);
  for (int64_t image = 0; image < g.images; image += atOnce) {
    p.images = static_cast<int32_t>(minOf(atOnce, g.images - image));
    p.m = p.lines;
    p.n = p.images * w.extent.places;
    p.k = w.extent.depth;
    gemm::runTensorProduct<true, true>(s, p, g.groups * w.extent.phases, w.plan);
    p.source += atOnce * p.from.image;
    p.out.data = static_cast<char*>(p.out.data) + atOnce * p.to.image * itemBytes(o.out.dtype);
  }
}

/// dy is a matrix: its places have to lie at one distance.
bool evenPlaces(const View& images) {
  int64_t expected = 0;
  for (int axis = 3; axis >= 0; axis--) {
    if (images.shape[axis] == 1) continue;
    if (expected == 0) expected = images.stride[axis];
    if (images.stride[axis] != expected) return false;
    expected *= images.shape[axis];
  }
  return true;
}
int64_t betweenPlaces(const View& images) {
  for (int axis = 3; axis >= 0; axis--)
    if (images.shape[axis] != 1) return images.stride[axis];
  return 0;
}

struct WeightPlan {
  int64_t padded;  ///< channels
  gemm::Plan plan;
  Laid x, dy;
  View result;  ///< [group, filter, taps, channel], copied to dWeight at the end
  size_t resultBytes;
  size_t bytes() const { return plan.bytes + resultBytes + x.bytes + dy.bytes; }
};

WeightPlan planWeights(const Geometry& g, const View& dWeight, const View& x, const View& dy, DType core) {
  WeightPlan w{};
  w.padded = roundedUp(g.channels, pieceOf(core));
  w.plan =
      aligned(gemm::planOf(g.filters, g.taps() * w.padded, g.images * g.outPlaces(), g.groups, DType::f32));
  w.x = laidOf(imagesOf(x, g.groups), core);
  w.dy = laidOf(imagesOf(dy, g.groups), core);
  if (w.dy.bytes == 0 && !evenPlaces(w.dy.view)) {
    const int64_t padded = roundedUp(g.filters, pieceOf(core));
    w.dy.view = denseOf(w.dy.from, core, padded);
    w.dy.bytes = static_cast<size_t>(bytesOf(w.dy.view, padded));
  }
  w.result = denseOf(filtersOf(dWeight, g, false), dWeight.dtype, w.padded);
  w.resultBytes = static_cast<size_t>(bytesOf(w.result, w.padded));
  return w;
}

template <class T>
void run(Stream& s, const Geometry& g, const WeightPlan& w) {
  const View &x = w.x.view, &dy = w.dy.view;
  CoreWeightProblem<T> p(g, spaceOf(x));
  p.m = g.filters;
  p.n = g.taps() * w.padded;
  p.k = g.images * g.outPlaces();
  p.x = static_cast<const T*>(x.data);
  p.dy = static_cast<const T*>(dy.data);
  p.dyPlace = betweenPlaces(dy);
  p.xGroup = x.stride[4];
  p.dyGroup = dy.stride[4];
  p.channels = static_cast<int32_t>(g.channels);
  p.padded = Divider<uint32_t>(static_cast<uint32_t>(w.padded));
  const bool wide = w.result.dtype == DType::f32;
  p.out = {{w.result.data, wide}, p.n, 1, {nullptr, wide}, 0, 0, true};
  gemm::runTensorProduct<false, false>(s, p, g.groups, w.plan);
}

bool hasRoom(const Stream& s, size_t bytes) {
  return bytes == 0 || (s.scratch != nullptr && s.scratchBytes >= bytes);
}

}  // namespace

size_t coreBytes(const Geometry& g, const Operands& o, DType core) { return planWindows(g, o, core).bytes(); }

bool runCores(Stream& s, const Geometry& g, const Operands& o, DType core) {
  WindowPlan w = planWindows(g, o, core);
  if (!hasRoom(s, w.bytes())) return false;
  char* scratch = static_cast<char*>(s.scratch) + w.plan.bytes;
  w.source.settle(s, scratch);
  w.weight.settle(s, scratch);
  gemm::withCore(core, [&]<class T>() { run<T>(s, g, o, w); });
  return true;
}

size_t coreWeightBytes(const Geometry& g, const View& dWeight, const View& x, const View& dy, DType core) {
  return planWeights(g, dWeight, x, dy, core).bytes();
}

bool runCoreWeights(Stream& s, const Geometry& g, const View& dWeight, const View& x, const View& dy,
                    DType core) {
  WeightPlan w = planWeights(g, dWeight, x, dy, core);
  if (!hasRoom(s, w.bytes())) return false;
  char* scratch = static_cast<char*>(s.scratch) + w.plan.bytes;
  w.result.data = scratch;
  scratch += w.resultBytes;
  w.x.settle(s, scratch);
  w.dy.settle(s, scratch);
  gemm::withCore(core, [&]<class T>() { run<T>(s, g, w); });
  copyView(s, filtersOf(dWeight, g, false), w.result);
  return true;
}

}  // namespace wg::cuda::conv
