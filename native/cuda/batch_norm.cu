// Batch normalisation over [N, C, L], with gradients, in two kernels for each direction: blocks sum up their
// shares of a channel; then every block joins what its channel's blocks found, in a fixed order, and writes
// its share.
#include "../ops/rows/batch_norm.h"

#include "../ops/checks.h"
#include "../ops/scalar.h"
#include "moments.cuh"
#include "prototype.h"
#include "team.cuh"
#include "wg/launch.h"
#include "wg/vector.h"

WG_CUDA_PROTOTYPES(WG_BATCH_NORM_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostShares = kWarp;  // which one warp joins

/// Into how many shares a channel is cut: a function of the shape alone.
int64_t sharesOf(const View& x) {
  constexpr int64_t kEnoughBlocks = 1024, kLeast = 16 * kThreads;
  const int64_t channels = maxOf(1, x.shape[1]), elements = x.shape[0] * x.shape[2];
  const int64_t wanted = minOf(wg::ceilDiv(kEnoughBlocks, channels), elements / kLeast);
  return maxOf(1, minOf(wanted, kMostShares));
}

/// The planes of K tensors, in units of some neighbouring elements, and the units of each block.
template <int K>
struct Planes {
  int64_t image[K], channel[K], unit[K];  ///< strides, in elements
  int64_t length, total;                  ///< units of a plane; of a channel
  int64_t share;                          ///< units of a block
  int64_t planesOn, unitsOn;              ///< from a thread's unit to its next
  int shares, threads;
};

template <int K>
Planes<K> planesOf(const View* const (&views)[K], int pack) {
  const View& x = *views[0];
  Planes<K> p;
  for (int k = 0; k < K; k++) {
    p.image[k] = views[k]->stride[0];
    p.channel[k] = views[k]->stride[1];
    p.unit[k] = pack * views[k]->stride[2];
  }
  p.length = x.shape[2] / pack;
  p.total = x.shape[0] * p.length;
  p.shares = static_cast<int>(sharesOf(x));
  p.share = wg::ceilDiv(p.total, p.shares);
  p.threads = static_cast<int>(maxOf(kWarp, powerOf2(wg::ceilDiv(p.share, 4), kThreads)));
  p.planesOn = p.length == 0 ? 0 : p.threads / p.length;
  p.unitsOn = p.length == 0 ? 0 : p.threads % p.length;
  return p;
}

/// How many neighbours move at once: 16 bytes of them, or one.
template <class T, int K>
bool packs(const View* const (&views)[K]) {
  constexpr int64_t n = kPackCount<T>;
  bool yes = views[0]->shape[2] % n == 0;
  for (const View* v : views)
    yes = yes && v->stride[2] == 1 && v->stride[0] % n == 0 && v->stride[1] % n == 0 && aligned16(v->data);
  return yes;
}

/// f(places) for the units of this thread: share blockIdx.y of channel blockIdx.x.
template <int K, class F>
WG_DEV void eachUnit(const Planes<K>& p, F f) {
  const int64_t begin = p.share * blockIdx.y + threadIdx.x,
                end = p.share * (blockIdx.y + 1) < p.total ? p.share * (blockIdx.y + 1) : p.total;
  if (begin >= end) return;
  int64_t n = begin / p.length, l = begin % p.length;
  for (int64_t u = begin; u < end; u += blockDim.x) {
    int64_t at[K];
    WG_UNROLL
    for (int k = 0; k < K; k++) at[k] = n * p.image[k] + blockIdx.x * p.channel[k] + l * p.unit[k];
    f(at);
    n += p.planesOn;
    l += p.unitsOn;
    if (l >= p.length) {
      l -= p.length;
      n++;
    }
  }
}

/// One number for each channel; null when absent.
template <class T>
struct PerChannel {
  T* data;
  int64_t step;
  WG_DEV T& operator[](int64_t c) const { return data[c * step]; }
  WG_DEV T get(int64_t c, T otherwise) const { return data ? data[c * step] : otherwise; }
};
template <class T>
PerChannel<T> perChannel(const View& v) {
  return {static_cast<T*>(v.data), v.stride[0]};
}

/// What the shares of this block's channel come to; every warp joins them for itself.
template <class S, class F>
WG_DEV S joinShares(const S* shares, int count, S empty, F join) {
  const S own = laneId() < count ? shares[int64_t{blockIdx.x} * count + laneId()] : empty;
  return Team(kWarp, false).reduce(own, join);
}

template <class T>
WG_DEV T scaleOf(T variance, double eps) {
  return static_cast<T>(1.0 / sqrt(static_cast<double>(variance) + eps));
}

/// The first value of the channel: what is taken off the others.
template <class T>
WG_DEV T centerOf(const T* x, const Planes<1>& p) {
  return p.total > 0 ? x[blockIdx.x * p.channel[0]] : T(0);
}

template <class T, int n>
WG_KERNEL(kThreads, 2)
channelMoments(const T* x, Planes<1> p, Moments<T>* shares) {
  const T center = centerOf(x, p);
  Moments<T> own{T(0), T(0), T(0)};
  eachUnit(p, [&](const int64_t(&at)[1]) {
    const auto v = load<Pack<T, n>>(x + at[0]);
    T values[n];
    WG_UNROLL
    for (int i = 0; i < n; i++) values[i] = v[i];
    own.template take<n>(values, center);
  });
  own = Team(static_cast<int>(blockDim.x), false).reduce(own, [](const Moments<T>& a, const Moments<T>& b) {
    return joined(a, b);
  });
  if (threadIdx.x == 0) shares[int64_t{blockIdx.x} * p.shares + blockIdx.y] = own;
}

template <class T>
struct NormArguments {
  const T* x;
  T* out;
  PerChannel<T> mean, variance;
  PerChannel<const T> weight, bias;
  double eps;
  Planes<1> source;  ///< of x
};

template <class T, int n>
WG_KERNEL(kThreads, 2)
normalizeChannels(NormArguments<T> a, Planes<2> p, const Moments<T>* shares) {
  const int64_t c = blockIdx.x;
  const auto all = joinShares(shares, p.shares, Moments<T>{T(0), T(0), T(0)},
                              [](const Moments<T>& x, const Moments<T>& y) { return joined(x, y); });
  const T mean = centerOf(a.x, a.source) + all.mean;
  // What is not finite has no deviations.
  const T variance = all.mean - all.mean == T(0) ? all.square / all.count : Format<T>::kNaN;
  if (blockIdx.y == 0 && threadIdx.x == 0) {
    a.mean[c] = mean;
    a.variance[c] = variance;
  }
  const T times = scaleOf(variance, a.eps) * a.weight.get(c, T(1)), plus = a.bias.get(c, T(0));
  eachUnit(p, [&](const int64_t(&at)[2]) {
    auto v = load<Pack<T, n>>(a.x + at[0]);
    WG_UNROLL
    for (int i = 0; i < n; i++) v[i] = (v[i] - mean) * times + plus;
    store(a.out + at[1], v);
  });
}

/// Σ dy and Σ dy x̂, where x̂ = (x - mean) scale.
struct Slopes {
  double even, tilted;
};
WG_DEV Slopes added(const Slopes& a, const Slopes& b) { return {a.even + b.even, a.tilted + b.tilted}; }

template <class T>
struct GradArguments {
  const T *x, *dy;
  T* dx;
  PerChannel<T> dWeight, dBias;
  PerChannel<const T> mean, variance, weight;
  double eps;
};

template <class T, int n>
WG_KERNEL(kThreads, 2)
channelSlopes(GradArguments<T> a, Planes<2> p, Slopes* shares) {
  constexpr int kGroup = 32;  // units added up before they join the rest: roundings do not pile up
  const T mean = a.mean[blockIdx.x], scale = scaleOf(a.variance[blockIdx.x], a.eps);
  Slopes own{0, 0};
  T even = T(0), tilted = T(0);
  int units = 0;
  const auto close = [&] {
    own = added(own, {static_cast<double>(even), static_cast<double>(tilted)});
    even = tilted = T(0);
    units = 0;
  };
  eachUnit(p, [&](const int64_t(&at)[2]) {
    const auto x = load<Pack<T, n>>(a.x + at[0]), dy = load<Pack<T, n>>(a.dy + at[1]);
    WG_UNROLL
    for (int i = 0; i < n; i++) {
      even += dy[i];
      tilted += (x[i] - mean) * scale * dy[i];
    }
    if (++units == kGroup) close();
  });
  close();
  own = Team(static_cast<int>(blockDim.x), false).reduce(own, added);
  if (threadIdx.x == 0) shares[int64_t{blockIdx.x} * p.shares + blockIdx.y] = own;
}

// dx = scale weight (dy - Σ dy / M - x̂ Σ dy x̂ / M), M elements a channel.
template <class T, int n>
WG_KERNEL(kThreads, 2)
gradChannels(GradArguments<T> a, Planes<3> p, double elements, const Slopes* shares) {
  const int64_t c = blockIdx.x;
  const Slopes all = joinShares(shares, p.shares, Slopes{0, 0}, added);
  if (blockIdx.y == 0 && threadIdx.x == 0) {
    a.dBias[c] = static_cast<T>(all.even);
    a.dWeight[c] = static_cast<T>(all.tilted);
  }
  const T mean = a.mean[c], scale = scaleOf(a.variance[c], a.eps), times = scale * a.weight.get(c, T(1));
  const T even = static_cast<T>(all.even / elements);
  const T tilt = static_cast<T>(all.tilted / elements * static_cast<double>(scale));
  eachUnit(p, [&](const int64_t(&at)[3]) {
    const auto x = load<Pack<T, n>>(a.x + at[0]);
    auto d = load<Pack<T, n>>(a.dy + at[1]);
    WG_UNROLL
    for (int i = 0; i < n; i++) d[i] = times * (d[i] - even - (x[i] - mean) * tilt);
    store(a.dx + at[2], d);
  });
}

bool isPerChannel(const View& v, const View& x) {
  return v.rank == 1 && v.dtype == x.dtype && v.shape[0] == x.shape[1];
}

bool fits(Stream& s, const View& x, const View& same, const View& a, const View& b) {
  return require(
      s,
      x.rank == 3 && sameShape(x, same) && same.dtype == x.dtype && isPerChannel(a, x) && isPerChannel(b, x),
      "batchNorm: wants [N, C, L] and vectors of C");
}

template <int K>
dim3 gridOf(const View& x, const Planes<K>& p) {
  return dim3(static_cast<unsigned>(x.shape[1]), static_cast<unsigned>(p.shares));
}
template <int K>
dim3 blockOf(const Planes<K>& p) {
  return dim3(static_cast<unsigned>(p.threads));
}

}  // namespace

size_t batchNormWorkspace(const Out&, const Out&, const Out&, const In& x, const MaybeIn&, const MaybeIn&,
                          const double&) {
  return x.rank == 3 ? static_cast<size_t>(x.shape[1] * sharesOf(x) * 3 * itemBytes(x.dtype)) : 0;
}
void batchNorm(Stream& s, const Out& out, const Out& mean, const Out& variance, const In& x,
               const MaybeIn& weight, const MaybeIn& bias, const double& eps) {
  if (!fits(s, x, out, mean, variance)) return;
  for (const MaybeIn* v : {&weight, &bias})
    if (!require(s, v->data == nullptr || isPerChannel(*v, x),
                 "batchNorm: weight and bias are not vectors of C"))
      return;
  if (!require(s, s.scratchBytes >= batchNormWorkspace(out, mean, variance, x, weight, bias, eps),
               "batchNorm: no scratch") ||
      x.shape[1] == 0)
    return;
  withFloat(s, x.dtype, "batchNorm", [&]<class T>() {
    const View* const source[1] = {&x};
    const View* const both[2] = {&x, &out};
    const bool packed = packs<T>(both);
    const int pack = packed ? kPackCount<T> : 1;
    const Planes<1> from = planesOf(source, pack);
    const Planes<2> p = planesOf(both, pack);
    const NormArguments<T> a{static_cast<const T*>(x.data),
                             static_cast<T*>(out.data),
                             perChannel<T>(mean),
                             perChannel<T>(variance),
                             perChannel<const T>(weight),
                             perChannel<const T>(bias),
                             eps,
                             from};
    auto* shares = static_cast<Moments<T>*>(s.scratch);
    launch(s, packed ? channelMoments<T, kPackCount<T>> : channelMoments<T, 1>, gridOf(x, from),
           blockOf(from), 0, a.x, from, shares);
    if (failed(s)) return;
    launch(s, packed ? normalizeChannels<T, kPackCount<T>> : normalizeChannels<T, 1>, gridOf(x, p),
           blockOf(p), 0, a, p, shares);
  });
}

size_t batchNormGradWorkspace(const Out&, const Out&, const Out&, const In& x, const In&, const In&,
                              const MaybeIn&, const In&, const double&) {
  return x.rank == 3 ? static_cast<size_t>(x.shape[1] * sharesOf(x)) * sizeof(Slopes) : 0;
}
void batchNormGrad(Stream& s, const Out& dx, const Out& dWeight, const Out& dBias, const In& x,
                   const In& mean, const In& variance, const MaybeIn& weight, const In& dy,
                   const double& eps) {
  if (!fits(s, x, dx, dWeight, dBias) || !fits(s, x, dy, mean, variance)) return;
  if (!require(s, weight.data == nullptr || isPerChannel(weight, x),
               "batchNorm: weight is not a vector of C"))
    return;
  if (!require(
          s, s.scratchBytes >= batchNormGradWorkspace(dx, dWeight, dBias, x, mean, variance, weight, dy, eps),
          "batchNormGrad: no scratch") ||
      x.shape[1] == 0)
    return;
  withFloat(s, x.dtype, "batchNormGrad", [&]<class T>() {
    const View* const read[2] = {&x, &dy};
    const View* const all[3] = {&x, &dy, &dx};
    const bool packed = packs<T>(all);
    const int pack = packed ? kPackCount<T> : 1;
    const Planes<2> from = planesOf(read, pack);
    const Planes<3> p = planesOf(all, pack);
    const GradArguments<T> a{
        static_cast<const T*>(x.data), static_cast<const T*>(dy.data), static_cast<T*>(dx.data),
        perChannel<T>(dWeight),        perChannel<T>(dBias),           perChannel<const T>(mean),
        perChannel<const T>(variance), perChannel<const T>(weight),    eps};
    auto* shares = static_cast<Slopes*>(s.scratch);
    launch(s, packed ? channelSlopes<T, kPackCount<T>> : channelSlopes<T, 1>, gridOf(x, from), blockOf(from),
           0, a, from, shares);
    if (failed(s)) return;
    launch(s, packed ? gradChannels<T, kPackCount<T>> : gradChannels<T, 1>, gridOf(x, p), blockOf(p), 0, a, p,
           static_cast<double>(x.shape[0] * x.shape[2]), shares);
  });
}

}  // namespace wg::cuda
