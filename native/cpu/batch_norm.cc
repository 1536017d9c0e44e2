// Batch normalisation over [N, C, L], with gradients: a channel is one thread's work, and its planes stay in
// the second-level cache from the pass that sums to the pass that writes. Contiguous planes are read in
// place; very short or strided ones are staged, several to a block.
#include "../ops/rows/batch_norm.h"

#include "batch_norm_columns.h"
#include "rows.h"
#include "simd/exponent.h"

WG_PROTOTYPES(WG_BATCH_NORM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

// Elements of a plane from which it is taken in place, and from which it is long: the next block is asked for
// while one is read, and the next channel's plane otherwise.
constexpr int64_t kInPlace = 16, kLong = 512;

/// The elements of a channel, [N, L], and the bytes to the next channel's.
struct Channel {
  Walk walk;
  int64_t next;
};

Channel firstChannel(const View& v) {
  const int64_t item = itemBytes(v.dtype);
  const int64_t shape[2] = {v.shape[0], v.shape[2]}, stride[2] = {v.stride[0] * item, v.stride[2] * item};
  return {walkOf(v.data, item, 2, shape, stride), v.stride[1] * item};
}

Channel channelOf(const Channel& first, int64_t i) {
  Channel c = first;
  c.walk.data += i * c.next;
  return c;
}

/// Planes of one length that lie in place in all of some tensors; or else one of all elements.
struct Planes {
  bool found = true;
  int64_t count = 1, length;
  template <int N>
  explicit Planes(const Channel (&tensors)[N]) {
    const Walk& first = tensors[0].walk;
    for (const Channel& c : tensors) {
      const Walk& w = c.walk;
      found = found && w.direct == first.direct &&
              (w.direct || (w.rank == 2 && w.stride[1] == w.item && w.shape[1] >= kInPlace));
    }
    if (found && !first.direct) count = first.shape[0];
    length = first.total / count;
  }
};

char* planeOf(const Walk& w, int64_t plane) { return w.direct ? w.data : w.data + plane * w.stride[0]; }

void prefetch(const char* p, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i);
}

/// f(pointers, count, ahead) over blocks of at most kRowBlock elements of all the tensors, which have one
/// shape. What is not in place is gathered before and, for tensor 0 when kWrites, scattered behind. What no
/// hardware foresees is asked for: writing, when this channel's elements are cached, the next channel's short
/// planes; reading, by f itself, the next block, which may be the next plane's: `ahead` bytes behind each
/// pointer.
template <class T, bool kWrites, int N, class F>
void forEachBlock(const Channel (&tensors)[N], F f) {
  alignas(64) T stage[N][kRowBlock];
  const Planes planes(tensors);
  // Blocks of one size, so that each can ask for all of the next one.
  const int64_t most = ceilDiv(planes.length, maxOf(ceilDiv(planes.length, kRowBlock), 1)),
                block = ceilDiv(most, Vec<T>::kLanes) * Vec<T>::kLanes;
  for (int64_t turn = 0; turn < planes.count; turn++) {
    // What was read last is in the nearest cache: a channel may not fit.
    const int64_t plane = kWrites ? planes.count - 1 - turn : turn;
    for (int64_t i = 0; i < planes.length; i += block) {
      const int64_t n = minOf(block, planes.length - i);
      T* pointer[N];
      int64_t ahead[N];
      for (int k = 0; k < N; k++) {
        const Walk& w = tensors[k].walk;
        ahead[k] = 0;
        if (!planes.found) {
          pointer[k] = stage[k];
          if (!kWrites || k > 0) gather(stage[k], w, i, n);
          continue;
        }
        char* const start = planeOf(w, plane);
        pointer[k] = reinterpret_cast<T*>(start) + i;
        if (kWrites) {
          if (planes.length < kLong) prefetch(start + tensors[k].next, n * w.item);
        } else if (i + block < planes.length) ahead[k] = block * w.item;
        else if (plane + 1 < planes.count) ahead[k] = w.stride[0] - i * w.item;
      }
      f(pointer, n, ahead);
      if (kWrites && !planes.found) scatter(tensors[0].walk, stage[0], i, n);
    }
  }
}

/// f(load, keep, k) for each register of n elements: load(p) reads p there, zeros behind the end, where
/// keep(v) leaves zeros too, and load(p, ahead) asks for what lies so many bytes behind; k takes turns
/// between two accumulators.
template <class T, class F>
WG_SIMD void eachRegister(int64_t n, F f) {
  using V = Vec<T>;
  const auto all = [](V v) { return v; };
  const auto at = [](int64_t i, int k) {
    return [=](const T* p, auto... ahead) {
      (simd::askBehind<true>(p + i, k, ahead), ...);
      return simd::load<V>(p + i);
    };
  };
  int64_t i = 0;
  for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes) {
    f(at(i, 0), all, 0);
    f(at(i + V::kLanes, 1), all, 1);
  }
  if (i + V::kLanes <= n) {
    f(at(i, 0), all, 0);
    i += V::kLanes;
  }
  if (i < n)
    f([i, n](const T* p, auto...) { return simd::loadPart<V>(p + i, n - i); },
      [i, n](V v) { return simd::firstOf(v, n - i); }, 1);
}

/// Moments of short planes that together make a block, as Deviations::block finds them.
template <class T>
Moments momentsOf(const Walk& w, int64_t plane, int64_t planes, int64_t length) {
  const auto start = [&w](int64_t i) { return reinterpret_cast<const T*>(planeOf(w, i)); };
  const auto visit = [&](auto take) {
    for (int64_t i = plane; i < plane + planes; i++)
      eachRegister<T>(length, [&, p = start(i)](auto load, auto keep, int k) { take(load(p), keep, k); });
  };
  const auto quarter = [&](int64_t k) {
    return start(plane + planes * k / 4)[length * k / 4] * static_cast<T>(0.25);
  };
  const T guess = (quarter(0) + quarter(1)) + (quarter(2) + quarter(3));
  return MomentsOfRun<T, decltype(visit)>::near(guess, static_cast<double>(planes * length), visit);
}

template <class T>
Moments momentsOf(const Channel& x) {
  const Channel tensors[1] = {x};
  const Planes planes(tensors);
  Deviations<T> state;
  if (x.walk.total == 0) return state.sum;
  if (planes.found && planes.length < kLong) {
    const int64_t together = ceilDiv(Deviations<T>::kBlock, maxOf(1, planes.length));
    for (int64_t i = 0; i < planes.count; i += together)
      state.sum.merge(momentsOf<T>(x.walk, i, minOf(together, planes.count - i), planes.length), 0);
  } else {
    state.asks = planes.found;
    forEachBlock<T, false>(
        tensors, [&](T* const(&p)[1], int64_t n, const int64_t(&ahead)[1]) { state.add(p[0], n, ahead[0]); });
  }
  return state.sum;
}

/// out = f(a, b) for a block; past the caches when kStreams and its lines are whole.
template <class T, class F>
WG_SIMD void mapTo(bool streams, T* out, const T* a, const T* b, int64_t n, F f) {
  using V = Vec<T>;
  int64_t i = 0;
  if (streams && reinterpret_cast<uintptr_t>(out) % simd::kVecBytes == 0)
    for (; i + V::kLanes <= n; i += V::kLanes)
      simd::storeStreaming(out + i, f(simd::load<V>(a + i), simd::load<V>(b + i)));
  simd::mapBlock(out + i, a + i, b + i, n - i, f);
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
void normalize(bool streams, const Channel& out, const Channel& x, T mean, T scale, T factor, T shift) {
  using V = Vec<T>;
  const V center(mean), times(static_cast<T>(scale * factor)), plus(shift);
  forEachBlock<T, true>({out, x}, [=](T* const(&p)[2], int64_t n, auto) {
    mapTo(streams, p[0], p[1], p[1], n, [=](V v, V) { return (v - center) * times + plus; });
  });
  if (streams) simd::endStreaming();
}

/// Σ dy and Σ dy (x - mean) of a channel.
template <class T>
void slopes(const Channel& x, const Channel& dy, T mean, double& sum, double& product) {
  using V = Vec<T>;
  const V center(mean), zero(T(0));
  V a[2] = {zero, zero}, b[2] = {zero, zero};
  int64_t held = 0;  // elements in a and b, which short planes share
  const auto fold = [&] {
    sum += simd::addLanes(a[0] + a[1]);
    product += simd::addLanes(b[0] + b[1]);
    a[0] = a[1] = b[0] = b[1] = zero;
    held = 0;
  };
  forEachBlock<T, false>({x, dy}, [&](T* const(&p)[2], int64_t n, const int64_t(&ahead)[2]) {
    eachRegister<T>(n, [&](auto load, auto, int k) {
      const V g = load(p[1], ahead[1]);
      a[k] = a[k] + g;
      b[k] = b[k] + (load(p[0], ahead[0]) - center) * g;
    });
    held += n;
    if (held >= kRowBlock) fold();
  });
  fold();
}

/// Whether what a kernel writes should go past the caches: when it and what it reads are more than they hold,
/// and no stage lies between.
template <int N>
bool streamsPast(const View& x, const Channel (&tensors)[N]) {
  return numel(x) * itemBytes(x.dtype) * N > simd::kStreamBytes && Planes(tensors).found;
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

/// Mean and variance as the op's outputs have them.
template <class T>
struct Statistics {
  T mean, variance;
  explicit Statistics(const Moments& found) {
    const double spread = found.square / found.count;
    mean = static_cast<T>(found.mean);
    variance = static_cast<T>(spread < 0 ? 0 : spread);
  }
};

/// dx = scale weight (dy - Σ dy / M - normal Σ (dy normal) / M), normal = (x - mean) scale: what that needs
/// of a channel's Σ dy and Σ dy (x - mean).
template <class T>
struct Slope {
  T scale, weight, even, tilt;  ///< dx = scale weight (dy - even - (x - mean) tilt)
  Slope(double sum, double product, T by, int64_t count) : scale(by) {
    const double normal = product * static_cast<double>(by), each = static_cast<double>(count);
    weight = static_cast<T>(normal);
    even = static_cast<T>(sum / each);
    tilt = static_cast<T>(normal / each * static_cast<double>(by));
  }
};

template <class T>
void batchNormColumns(Stream& s, const View& out, const View& mean, const View& variance, const View& x,
                      const MaybeIn& weight, const MaybeIn& bias, double eps) {
  const Columns columns(x);
  const int64_t channels = columns.channels;
  double* const partial = static_cast<double*>(s.scratch);  // [chunks, 2, channels]
  const auto part = [=](int64_t chunk, int which) { return partial + (2 * chunk + which) * channels; };
  T* const center = reinterpret_cast<T*>(part(columns.chunks, 0));
  T *const times = center + channels, *const plus = times + channels;
  columns.forEachChunk(s, [&](int64_t chunk) {
    columnMoments<T>(x, chunk * columns.each, columns.end(chunk), part(chunk, 0), part(chunk, 1));
  });
  for (int64_t c = 0; c < channels; c++) {
    Moments all = {0, 0, 0};
    for (int64_t k = 0; k < columns.chunks; k++)
      all.merge({static_cast<double>(columns.end(k) - k * columns.each), part(k, 0)[c], part(k, 1)[c]}, 0);
    const Statistics<T> found(all);
    elementOf<T>(mean, c) = center[c] = found.mean;
    elementOf<T>(variance, c) = found.variance;
    times[c] = static_cast<T>(scaleOf(found.variance, eps) * elementOf(weight, c, T(1)));
    plus[c] = elementOf(bias, c, T(0));
  }
  normalizeColumns(s, columns, out, x, center, times, plus);
}

template <class T>
void batchNormColumnsGrad(Stream& s, const View& dx, const View& dWeight, const View& dBias, const View& x,
                          const View& mean, const View& variance, const MaybeIn& weight, const View& dy,
                          double eps) {
  const Columns columns(x);
  const int64_t channels = columns.channels;
  double* const partial = static_cast<double*>(s.scratch);  // [chunks, 2, channels]
  const auto part = [=](int64_t chunk, int which) { return partial + (2 * chunk + which) * channels; };
  T* const center = reinterpret_cast<T*>(part(columns.chunks, 0));
  T *const times = center + channels, *const even = times + channels, *const tilt = even + channels;
  for (int64_t c = 0; c < channels; c++) center[c] = elementOf<T>(mean, c);
  columns.forEachChunk(s, [&](int64_t chunk) {
    columnSlopes<T>(x, dy, center, chunk * columns.each, columns.end(chunk), part(chunk, 0), part(chunk, 1));
  });
  for (int64_t c = 0; c < channels; c++) {
    double sum = 0, product = 0;
    for (int64_t k = 0; k < columns.chunks; k++) {
      sum += part(k, 0)[c];
      product += part(k, 1)[c];
    }
    const Slope<T> slope(sum, product, scaleOf(elementOf<T>(variance, c), eps), columns.rows);
    elementOf<T>(dBias, c) = static_cast<T>(sum);
    elementOf<T>(dWeight, c) = slope.weight;
    times[c] = slope.scale * elementOf(weight, c, T(1));
    even[c] = slope.even;
    tilt[c] = slope.tilt;
  }
  slopeColumns(s, columns, dx, x, dy, center, times, even, tilt);
}

bool inColumns(const View& x, const View& out) { return Columns::lie(x) && Columns::lie(out); }

}  // namespace

size_t batchNormWorkspace(const Out& out, const Out&, const Out&, const In& x, const MaybeIn&, const MaybeIn&,
                          const double&) {
  return x.rank == 3 && inColumns(x, out) ? Columns(x).scratch(3) : 0;
}

size_t batchNormGradWorkspace(const Out& dx, const Out&, const Out&, const In& x, const In&, const In&,
                              const MaybeIn&, const In& dy, const double&) {
  return x.rank == 3 && inColumns(x, dx) && inColumns(x, dy) ? Columns(x).scratch(4) : 0;
}

void batchNorm(Stream& s, const Out& out, const Out& mean, const Out& variance, const In& x,
               const MaybeIn& weight, const MaybeIn& bias, const double& eps) {
  if (!fits(s, x, out, mean, variance)) return;
  const MaybeIn* const vectors[2] = {&weight, &bias};  // (a list would leave inline code of the library's)
  for (const MaybeIn* v : vectors)
    if (!require(s, v->data == nullptr || isPerChannel(*v, x),
                 "batchNorm: weight and bias are not vectors of C"))
      return;
  if (inColumns(x, out)) {
    if (!require(s, s.scratchBytes >= Columns(x).scratch(3), "batchNorm: too little scratch")) return;
    withFloat(s, x.dtype, "batchNorm",
              [&]<class T>() { batchNormColumns<T>(s, out, mean, variance, x, weight, bias, eps); });
    return;
  }
  const Channel to = firstChannel(out), from = firstChannel(x);
  const bool streams = streamsPast(x, {to, from});
  withFloat(s, x.dtype, "batchNorm", [&]<class T>() {
    forEachChannel(s, x, [&](int64_t c) {
      const Channel values = channelOf(from, c);
      const Statistics<T> found(momentsOf<T>(values));
      elementOf<T>(mean, c) = found.mean;
      elementOf<T>(variance, c) = found.variance;
      normalize(streams, channelOf(to, c), values, found.mean, scaleOf(found.variance, eps),
                elementOf(weight, c, T(1)), elementOf(bias, c, T(0)));
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
  if (inColumns(x, dx) && inColumns(x, dy)) {
    if (!require(s, s.scratchBytes >= Columns(x).scratch(4), "batchNorm: too little scratch")) return;
    withFloat(s, x.dtype, "batchNormGrad", [&]<class T>() {
      batchNormColumnsGrad<T>(s, dx, dWeight, dBias, x, mean, variance, weight, dy, eps);
    });
    return;
  }
  const Channel to = firstChannel(dx), from = firstChannel(x), slope = firstChannel(dy);
  const bool streams = streamsPast(x, {to, from, slope});
  withFloat(s, x.dtype, "batchNormGrad", [&]<class T>() {
    using V = Vec<T>;
    forEachChannel(s, x, [&](int64_t c) {
      const Channel values = channelOf(from, c), g = channelOf(slope, c);
      const T center = elementOf<T>(mean, c), scale = scaleOf(elementOf<T>(variance, c), eps);
      double sum = 0, product = 0;
      slopes(values, g, center, sum, product);
      const Slope<T> found(sum, product, scale, values.walk.total);
      elementOf<T>(dBias, c) = static_cast<T>(sum);
      elementOf<T>(dWeight, c) = found.weight;
      const V middle(center), even(found.even), tilt(found.tilt), times(scale * elementOf(weight, c, T(1)));
      forEachBlock<T, true>({channelOf(to, c), values, g}, [=](T* const(&p)[3], int64_t n, auto) {
        mapTo(streams, p[0], p[1], p[2], n,
              [=](V v, V d) { return times * (d - even - (v - middle) * tilt); });
      });
      if (streams) simd::endStreaming();
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
