// Batch normalisation over [N, C, L], with gradients: a channel is one thread's work, and its planes stay in
// the second-level cache from the pass that sums to the pass that writes. Long contiguous planes are read in
// place; short or strided ones are staged, several to a block.
#include "../ops/rows/batch_norm.h"

#include "moments.h"
#include "rows.h"
#include "simd/exponent.h"

WG_PROTOTYPES(WG_BATCH_NORM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

// Elements of a plane from which it is taken in place: staging several to a block pays for what costs much a
// block.
constexpr int64_t kForMoments = 512, kForSums = 16;

/// The elements of a channel, [N, L], channel by channel.
struct Channels {
  Walk walk;  ///< of channel 0
  int64_t step;
};

Channels channelsOf(const View& v) {
  const int64_t item = itemBytes(v.dtype);
  const int64_t shape[2] = {v.shape[0], v.shape[2]}, stride[2] = {v.stride[0] * item, v.stride[2] * item};
  return {walkOf(v.data, item, 2, shape, stride), v.stride[1] * item};
}

Walk channel(const Channels& c, int64_t i) {
  Walk w = c.walk;
  w.data += i * c.step;
  return w;
}

bool inPlace(const Walk& w, int64_t least) {
  if (w.direct) return true;
  const int last = w.rank - 1;
  return w.stride[last] == w.item && w.shape[last] >= least;
}

constexpr int64_t kAhead = 3;  // planes
void prefetch(const char* p, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i);
}

/// f(pointers, count) over blocks of at most kRowBlock elements of all the walks, which have one shape. What
/// is not in place is gathered before and, for walk 0 when kWrites, scattered behind.
template <class T, bool kWrites, int64_t kLeast, int N, class F>
void forEachBlock(const Walk (&walks)[N], F f) {
  alignas(64) T stage[N][kRowBlock];
  bool all = true;
  for (const Walk& w : walks) all = all && inPlace(w, kLeast) && w.rank == walks[0].rank;
  // In place the blocks of all walks end with their planes.
  const int64_t total = walks[0].total,
                plane = all && walks[0].rank > 0 ? walks[0].shape[walks[0].rank - 1] : total;
  // Short planes are too far apart for the hardware to foresee the next.
  const bool ahead = all && plane <= kRowBlock && walks[0].rank == 2;
  for (int64_t start = 0; start < total; start += plane) {
    for (int64_t i = 0; i < plane; i += kRowBlock) {
      const int64_t n = minOf(kRowBlock, plane - i);
      T* pointer[N];
      for (int k = 0; k < N; k++) {
        pointer[k] = all ? reinterpret_cast<T*>(at(walks[k], start)) + i : stage[k];
        if (ahead)
          prefetch(reinterpret_cast<const char*>(pointer[k]) + kAhead * walks[k].stride[0],
                   n * walks[k].item);
        if (!all && !(kWrites && k == 0)) gather(stage[k], walks[k], start + i, n);
      }
      f(pointer, n);
      if (kWrites && !all) scatter(walks[0], stage[0], start + i, n);
    }
  }
}

template <class T>
T elementOf(const MaybeIn& v, int64_t i, T missing) {
  return v.data == nullptr ? missing : static_cast<const T*>(v.data)[i * v.stride[0]];
}
template <class T>
T& elementOf(const View& v, int64_t i) {
  return static_cast<T*>(v.data)[i * v.stride[0]];
}

template <class T>
T scaleOf(T variance, double eps) {
  return static_cast<T>(1.0 / __builtin_sqrt(static_cast<double>(variance) + eps));
}

template <class T>
void normalize(const Walk& out, const Walk& x, T mean, T scale, T factor, T shift) {
  using V = Vec<T>;
  const V center(mean), times(static_cast<T>(scale * factor)), plus(shift);
  forEachBlock<T, true, kForSums>({out, x}, [=](T* const(&p)[2], int64_t n) {
    simd::mapBlock(p[0], p[1], p[1], n, [=](V v, V) { return (v - center) * times + plus; });
  });
}

/// Σ dy and Σ dy (x - mean) scale of a channel.
template <class T>
void slopes(const Walk& x, const Walk& dy, T mean, T scale, double& sum, double& product) {
  using V = Vec<T>;
  const V center(mean), times(scale);
  forEachBlock<T, false, kForSums>({x, dy}, [&](T* const(&p)[2], int64_t n) {
    V a[2] = {V(T(0)), V(T(0))}, b[2] = {V(T(0)), V(T(0))};
    const auto take = [&](V v, V g, int k) {
      a[k] = a[k] + g;
      b[k] = b[k] + (v - center) * times * g;
    };
    int64_t i = 0;
    for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes)
      for (int k = 0; k < 2; k++)
        take(simd::load<V>(p[0] + i + k * V::kLanes), simd::load<V>(p[1] + i + k * V::kLanes), k);
    for (; i + V::kLanes <= n; i += V::kLanes) take(simd::load<V>(p[0] + i), simd::load<V>(p[1] + i), 0);
    // Behind the end dy is zero.
    if (i < n) take(simd::loadPart<V>(p[0] + i, n - i), simd::loadPart<V>(p[1] + i, n - i), 1);
    sum += simd::addLanes(a[0] + a[1]);
    product += simd::addLanes(b[0] + b[1]);
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

/// f(channel) for all, small channels several to a chunk.
template <class F>
void forEachChannel(Stream& s, const View& x, F f) {
  forEachRow(s, x.shape[1], x.shape[0] * x.shape[2], f);
}

}  // namespace

void batchNorm(Stream& s, const Out& out, const Out& mean, const Out& variance, const In& x,
               const MaybeIn& weight, const MaybeIn& bias, const double& eps) {
  if (!fits(s, x, out, mean, variance)) return;
  const MaybeIn* const vectors[2] = {&weight, &bias};  // (a list would leave inline code of the library's)
  for (const MaybeIn* v : vectors)
    if (!require(s, v->data == nullptr || isPerChannel(*v, x),
                 "batchNorm: weight and bias are not vectors of C"))
      return;
  const Channels to = channelsOf(out), from = channelsOf(x);
  withFloat(s, x.dtype, "batchNorm", [&]<class T>() {
    forEachChannel(s, x, [&](int64_t c) {
      const Walk values = channel(from, c);
      Deviations<T> state;
      forEachBlock<T, false, kForMoments>({values}, [&](T* const(&p)[1], int64_t n) { state.add(p[0], n); });
      const double spread = state.sum.square / state.sum.count;
      const T center = static_cast<T>(state.sum.mean), square = static_cast<T>(spread < 0 ? 0 : spread);
      elementOf<T>(mean, c) = center;
      elementOf<T>(variance, c) = square;
      normalize(channel(to, c), values, center, scaleOf(square, eps), elementOf(weight, c, T(1)),
                elementOf(bias, c, T(0)));
    });
  });
}

void batchNormGrad(Stream& s, const Out& dx, const Out& dWeight, const Out& dBias, const In& x,
                   const In& mean, const In& variance, const MaybeIn& weight, const In& dy,
                   const double& eps) {
  if (!fits(s, x, dx, dWeight, dBias) || !fits(s, x, dy, mean, variance)) return;
  if (!require(s, weight.data == nullptr || isPerChannel(weight, x),
               "batchNorm: weight is not a vector of C"))
    return;
  const Channels to = channelsOf(dx), from = channelsOf(x), slope = channelsOf(dy);
  withFloat(s, x.dtype, "batchNormGrad", [&]<class T>() {
    using V = Vec<T>;
    forEachChannel(s, x, [&](int64_t c) {
      const Walk values = channel(from, c), g = channel(slope, c);
      const T center = elementOf<T>(mean, c), scale = scaleOf(elementOf<T>(variance, c), eps);
      double sum = 0, product = 0;
      slopes(values, g, center, scale, sum, product);
      elementOf<T>(dBias, c) = static_cast<T>(sum);
      elementOf<T>(dWeight, c) = static_cast<T>(product);
      // dx = scale weight (dy - Σ dy / M - normal Σ (dy normal) / M), normal = (x - mean) scale
      const double count = static_cast<double>(values.total);
      const V middle(center), even(static_cast<T>(sum / count));
      const V tilt(static_cast<T>(product / count * static_cast<double>(scale)));
      const V times(scale * elementOf(weight, c, T(1)));
      forEachBlock<T, true, kForSums>({channel(to, c), values, g}, [=](T* const(&p)[3], int64_t n) {
        simd::mapBlock(p[0], p[1], p[2], n,
                       [=](V v, V d) { return times * (d - even - (v - middle) * tilt); });
      });
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
