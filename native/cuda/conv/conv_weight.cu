// A convolution's weight gradient. Where a group has few filters and channels, as in depthwise convolutions,
// a block has a few taps of one pair of them instead of a tile; and in 64 bits what others cannot count.
#include "../../ops/rows/conv.h"

#include <type_traits>

#include "../gemm/tensor.cuh"
#include "../prototype.h"
#include "cores.h"
#include "weight.cuh"
#include "widened.h"

WG_CUDA_PROTOTYPES(WG_CONV_ROWS)

namespace wg::cuda {
namespace conv {
namespace {

constexpr int kThreads = 256, kTaps = 8;
const View kNone{};

enum class Way { pairs, wide, tiles };

Way wayOf(const Geometry& g) {
  const int64_t places = g.images * g.outPlaces(), cols = g.channels * g.taps();
  if (!coordinatesFit(g) || !gemm::tileable(g.filters, 8 * cols, places)) return Way::wide;
  return g.filters * g.channels <= 4 ? Way::pairs : Way::tiles;
}

/// Parts of the places that have blocks of their own, for `pairs`.
int64_t splitsOf(const Geometry& g) {
  const int64_t blocks = g.groups * g.filters * g.channels * ::wg::ceilDiv(g.taps(), kTaps);
  return maxOf(minOf(minOf(::wg::ceilDiv(512, blocks), g.images * g.outPlaces() / 4096), 64), 1);
}

template <class T, class I>
struct PairProblem {
  using Index = Divider<std::conditional_t<sizeof(I) == 4, uint32_t, uint64_t>>;
  const T *x, *dy;
  T* partial;  ///< [split, group, filter, channel, tap]
  Strides ofX, ofDy;
  int64_t places, each, weights;  ///< places in all, and of a split
  int64_t filters, channels, taps, tapBlocks, pairs;
  I kernel[3], size[3], stride[3], pad[3], dilation[3];
  Index index[3];  ///< of the places of dy
};

// One block kTaps taps of a pair of filter and channel, and a split of the places.
template <class T, class I>
WG_KERNEL(kThreads)
pairSums(const WG_GRID_CONSTANT PairProblem<T, I> p) {
  const int64_t block = blockIdx.x;
  const int64_t tap0 = block % p.tapBlocks * kTaps, pair = block / p.tapBlocks % p.pairs,
                split = block / p.tapBlocks / p.pairs;
  const int64_t channel = pair % p.channels, filter = pair / p.channels;  // the filter among all groups
  const T* const dy = p.dy + filter * p.ofDy.channel;
  const T* const x = p.x + (filter / p.filters * p.channels + channel) * p.ofX.channel;
  I tap[kTaps][3];
  WG_UNROLL
  for (int t = 0; t < kTaps; t++) {
    const I n = static_cast<I>(tap0) + t, row = n / p.kernel[2];
    tap[t][2] = n % p.kernel[2] * p.dilation[2] - p.pad[2];
    tap[t][1] = row % p.kernel[1] * p.dilation[1] - p.pad[1];
    tap[t][0] = row / p.kernel[1] * p.dilation[0] - p.pad[0];
  }
  T sums[kTaps] = {};
  const int64_t end = (split + 1) * p.each < p.places ? (split + 1) * p.each : p.places;
  for (int64_t i = split * p.each + threadIdx.x; i < end; i += kThreads) {
    const auto dx = p.index[2].both(static_cast<std::make_unsigned_t<I>>(i));
    const auto dh = p.index[1].both(dx.quotient);
    const auto dz = p.index[0].both(dh.quotient);
    const I at[3] = {static_cast<I>(dz.remainder), static_cast<I>(dh.remainder),
                     static_cast<I>(dx.remainder)};
    const int64_t image = static_cast<int64_t>(dz.quotient);
    const T slope = dy[image * p.ofDy.image + at[0] * p.ofDy.space[0] + at[1] * p.ofDy.space[1] +
                       at[2] * p.ofDy.space[2]];
    const T* const source = x + image * p.ofX.image;
    WG_UNROLL
    for (int t = 0; t < kTaps; t++) {
      const I z = at[0] * p.stride[0] + tap[t][0], y = at[1] * p.stride[1] + tap[t][1],
              c = at[2] * p.stride[2] + tap[t][2];
      if (z >= 0 && z < p.size[0] && y >= 0 && y < p.size[1] && c >= 0 && c < p.size[2])
        sums[t] += slope * source[z * p.ofX.space[0] + y * p.ofX.space[1] + c * p.ofX.space[2]];
    }
  }
  WG_UNROLL
  for (int t = 0; t < kTaps; t++) {
    const T sum = blockSum(sums[t]);
    if (threadIdx.x == 0 && tap0 + t < p.taps) p.partial[split * p.weights + pair * p.taps + tap0 + t] = sum;
  }
}

// One thread a weight: its splits in their order.
template <class T>
WG_KERNEL(kThreads)
putWeights(T* dWeight, const WG_GRID_CONSTANT Offsets<1, uint64_t> to, const T* partial, int64_t splits) {
  const int64_t total = static_cast<int64_t>(to.total);
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < total;
       i += int64_t{gridDim.x} * kThreads) {
    T sum = 0;
    for (int64_t split = 0; split < splits; split++) sum += partial[split * total + i];
    dWeight[to(static_cast<uint64_t>(i))[0]] = sum;
  }
}

template <class T, class I>
void runPairs(Stream& s, const Geometry& g, const View& dWeight, const View& x, const View& dy) {
  PairProblem<T, I> p{};
  const int64_t splits = splitsOf(g);
  p.x = static_cast<const T*>(x.data);
  p.dy = static_cast<const T*>(dy.data);
  p.partial = static_cast<T*>(s.scratch);
  p.ofX = stridesOf(x);
  p.ofDy = stridesOf(dy);
  p.places = g.images * g.outPlaces();
  p.each = ::wg::ceilDiv(p.places, splits);
  p.weights = numel(dWeight);
  p.filters = g.filters;
  p.channels = g.channels;
  p.taps = g.taps();
  p.tapBlocks = ::wg::ceilDiv(p.taps, kTaps);
  p.pairs = g.groups * g.filters * g.channels;
  using Index = typename PairProblem<T, I>::Index;
  for (int i = 0; i < 3; i++) {
    p.kernel[i] = static_cast<I>(g.kernel[i]);
    p.size[i] = static_cast<I>(g.in[i]);
    p.stride[i] = static_cast<I>(g.stride[i]);
    p.pad[i] = static_cast<I>(g.pad[i]);
    p.dilation[i] = static_cast<I>(g.dilation[i]);
    p.index[i] = Index(static_cast<std::make_unsigned_t<I>>(maxOf(g.out[i], 1)));
  }
  launch(s, pairSums<T, I>, dim3(static_cast<uint32_t>(p.tapBlocks * p.pairs * splits)), dim3(kThreads), 0,
         p);
  const int64_t blocks = minOf(::wg::ceilDiv(p.weights, kThreads), 1 << 16);
  launch(s, putWeights<T>, dim3(static_cast<uint32_t>(blocks)), dim3(kThreads), 0,
         static_cast<T*>(dWeight.data), axesOf<1>({&dWeight}).template offsets<uint64_t>(), p.partial,
         splits);
}

gemm::Plan planOf(const Geometry& g, DType dtype) {
  return gemm::planOf(g.filters, g.channels * g.taps(), g.images * g.outPlaces(), g.groups, dtype, false);
}

template <class T>
void runTiles(Stream& s, const Geometry& g, const View& dWeight, const View& x, const View& dy) {
  WeightProblem<T> p(g, stridesOf(x));
  p.m = g.filters;
  p.n = g.channels * g.taps();
  p.k = g.images * g.outPlaces();
  p.x = static_cast<const T*>(x.data);
  p.dy = static_cast<const T*>(dy.data);
  p.dWeight = static_cast<T*>(dWeight.data);
  p.ofDy = stridesOf(dy);
  p.ofWeight = stridesOf(dWeight);
  p.xGroup = g.channels * p.ofX.channel;
  p.dyGroup = g.filters * p.ofDy.channel;
  p.weightGroup = g.filters * p.ofWeight.image;
  gemm::runProduct(s, p, g.groups, planOf(g, dWeight.dtype));
}

/// Scratch that runPlain() wants.
size_t bytesOf(const Geometry& g, const View& dWeight) {
  if (wayOf(g) == Way::tiles) return planOf(g, dWeight.dtype).bytes;
  return static_cast<size_t>(splitsOf(g) * numel(dWeight) * maxOf(itemBytes(dWeight.dtype), 4));
}

/// In plain arithmetic.
void runPlain(Stream& s, const Geometry& g, const View& dWeight, const View& x, const View& dy) {
  withFloat(s, dWeight.dtype, "conv2dGradWeight", [&]<class T>() {
    switch (wayOf(g)) {
      case Way::tiles:
        return runTiles<T>(s, g, dWeight, x, dy);
      case Way::pairs:
        return runPairs<T, int32_t>(s, g, dWeight, x, dy);
      case Way::wide:
        return runPairs<T, int64_t>(s, g, dWeight, x, dy);
    }
  });
}

bool onCores(const Geometry& g, DType dtype, int32_t precision) {
  return wayOf(g) == Way::tiles && gemm::onCores(dtype, precision);
}

size_t workspaceOf(const Geometry& g, const View& dWeight, const View& x, const View& dy, int32_t precision) {
  if (onCores(g, dWeight.dtype, precision))
    return coreWeightBytes(g, dWeight, x, dy, gemm::coreOf(dWeight.dtype, precision));
  const size_t plain = bytesOf(g, dWeight);
  return itemBytes(dWeight.dtype) > 2 ? plain : plain + Widened({&dWeight, &x, &dy, &kNone}).bytes();
}

template <class Params>
void run(Stream& s, const char* name, const View& dWeight, const View& x, const View& dy,
         const Params& params) {
  if (!convFits(s, name, dy, x, dWeight, params, true) || numel(dWeight) == 0) return;
  const Geometry g = geometryOf(dy, x, dWeight, params);
  const size_t bytes = workspaceOf(g, dWeight, x, dy, params.precision);
  if (!require(s, bytes == 0 || (s.scratch != nullptr && s.scratchBytes >= bytes),
               "conv2dGradWeight: the workspace is too small"))
    return;
  if (onCores(g, dWeight.dtype, params.precision)) {
    runCoreWeights(s, g, dWeight, x, dy, gemm::coreOf(dWeight.dtype, params.precision));
    return;
  }
  if (itemBytes(dWeight.dtype) > 2) return runPlain(s, g, dWeight, x, dy);
  Widened w({&dWeight, &x, &dy, &kNone});
  w.place(s);
  w.fetch(s, 1);
  w.fetch(s, 2);
  Stream rest = s;
  rest.scratch = static_cast<char*>(s.scratch) + w.bytes();
  rest.scratchBytes = s.scratchBytes - w.bytes();
  runPlain(rest, g, w.view(0), w.view(1), w.view(2));
  w.put(s, 0);
}

template <class Params>
size_t workspace(const View& dWeight, const View& x, const View& dy, const Params& params) {
  Status status{};
  Stream s{&status, nullptr, nullptr, 0, nullptr, 0};
  if (!convFits(s, "", dy, x, dWeight, params, true) || numel(dWeight) == 0) return 0;
  return workspaceOf(geometryOf(dy, x, dWeight, params), dWeight, x, dy, params.precision);
}

}  // namespace
}  // namespace conv

size_t conv2dGradWeightWorkspace(const Out& dWeight, const In& x, const In& dy, const Conv2dParams& params) {
  return conv::workspace(dWeight, x, dy, params);
}
void conv2dGradWeight(Stream& s, const Out& dWeight, const In& x, const In& dy, const Conv2dParams& params) {
  conv::run(s, "conv2dGradWeight", dWeight, x, dy, params);
}
size_t conv3dGradWeightWorkspace(const Out& dWeight, const In& x, const In& dy, const Conv3dParams& params) {
  return conv::workspace(dWeight, x, dy, params);
}
void conv3dGradWeight(Stream& s, const Out& dWeight, const In& x, const In& dy, const Conv3dParams& params) {
  conv::run(s, "conv3dGradWeight", dWeight, x, dy, params);
}

}  // namespace wg::cuda
