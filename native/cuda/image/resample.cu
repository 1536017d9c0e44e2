// One axis read at another number of places. Back, an element looks for the places that read it, in their
// order.
#include "../../ops/resample.h"

#include "../prototype.h"
#include "../wg/index.h"
#include "../wg/launch.h"

WG_CUDA_PROTOTYPES(WG_IMAGE_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;

/// [A, n, B] as kernels get it.
template <class T>
struct Lines {
  T* data;
  int64_t stride[3];

  WG_DEV T* at(int64_t a, int64_t b) const { return data + a * stride[0] + b * stride[2]; }
};
template <class T>
Lines<T> linesOf(const View& v) {
  return {static_cast<T*>(v.data), {v.stride[0], v.stride[1], v.stride[2]}};
}

/// What a thread has: element i of line (a, b).
struct Lanes {
  int64_t total;
  Divider<uint64_t> inner, length;

  struct At {
    int64_t a, i, b;
  };
  WG_DEV At operator()(int64_t index) const {
    const Divided<uint64_t> byInner = inner.both(static_cast<uint64_t>(index));
    const Divided<uint64_t> byLength = length.both(byInner.quotient);
    return {static_cast<int64_t>(byLength.quotient), static_cast<int64_t>(byLength.remainder),
            static_cast<int64_t>(byInner.remainder)};
  }
};
Lanes lanesOf(const View& v) {
  return {numel(v), Divider<uint64_t>(static_cast<uint64_t>(v.shape[2])),
          Divider<uint64_t>(static_cast<uint64_t>(v.shape[1]))};
}
dim3 gridOf(const Lanes& lanes) {
  return dim3(static_cast<uint32_t>(minOf(::wg::ceilDiv(lanes.total, kThreads), 1 << 20)));
}

// One thread a place.
template <class T>
WG_KERNEL(kThreads)
forward(Lines<T> out, Lines<const T> x, Lanes lanes, ResampleParams p, int64_t places, int64_t in) {
  for (int64_t n = int64_t{blockIdx.x} * kThreads + threadIdx.x; n < lanes.total;
       n += int64_t{gridDim.x} * kThreads) {
    const Lanes::At at = lanes(n);
    const T* const from = x.at(at.a, at.b);
    T sum = 0;
    if (resample::isSmooth(p)) {
      const resample::Filter f = resample::filterOf(p, at.i, in);
      for (int64_t k = 0; k < f.count; k++)
        sum += static_cast<T>(f.weight(k)) * from[(f.first + k) * x.stride[1]];
      out.at(at.a, at.b)[at.i * out.stride[1]] = sum;
      continue;
    }
    const resample::Taps t = resample::tapsOf(p, at.i, places, in);
    if (p.mode == resample::area) {
      for (int64_t k = 0; k < t.count; k++) sum += from[(t.first + k) * x.stride[1]];
      sum *= static_cast<T>(t.weight[0]);
    } else {
      WG_UNROLL
      for (int k = 0; k < 4; k++)
        if (k < t.count)
          sum += static_cast<T>(t.weight[k]) * from[resample::clamped(t.first + k, in) * x.stride[1]];
    }
    out.at(at.a, at.b)[at.i * out.stride[1]] = sum;
  }
}

/// The elements that a place reads, `first` to `last`; a smooth filter's are those that filterOf() counts.
struct Reach {
  int64_t first, last;
};
WG_DEV Reach reachOf(const ResampleParams& p, int64_t place, int64_t places, int64_t in) {
  if (resample::isSmooth(p)) {
    const resample::Filter f = resample::spanOf(p, place, in);
    return {f.first, f.first + f.count - 1};
  }
  const resample::Taps t = resample::tapsOf(p, place, places, in);
  return {resample::clamped(t.first, in), resample::clamped(t.first + t.count - 1, in)};
}

/// What `place` gives to element i, of the slope there.
template <class T>
WG_DEV T addedBy(const ResampleParams& p, int64_t place, int64_t places, int64_t in, int64_t i, T slope) {
  if (resample::isSmooth(p)) {
    const resample::Filter f = resample::filterOf(p, place, in);
    return i < f.first + f.count ? static_cast<T>(f.weight(i - f.first)) * slope : T(0);
  }
  const resample::Taps t = resample::tapsOf(p, place, places, in);
  if (p.mode == resample::area) return static_cast<T>(t.weight[0]) * slope;
  T sum = 0;
  WG_UNROLL
  for (int k = 0; k < 4; k++)
    if (k < t.count && resample::clamped(t.first + k, in) == i) sum += static_cast<T>(t.weight[k]) * slope;
  return sum;
}

// One thread an element: the places that read it are neighbours, since taps never go back.
template <class T>
WG_KERNEL(kThreads)
backward(Lines<T> dx, Lines<const T> dy, Lanes lanes, ResampleParams p, int64_t places, int64_t in) {
  for (int64_t n = int64_t{blockIdx.x} * kThreads + threadIdx.x; n < lanes.total;
       n += int64_t{gridDim.x} * kThreads) {
    const Lanes::At at = lanes(n);
    int64_t low = 0, high = places;  // the first place that reads not only what is before the element
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (reachOf(p, middle, places, in).last < at.i) low = middle + 1;
      else high = middle;
    }
    const T* const from = dy.at(at.a, at.b);
    T sum = 0;
    for (int64_t o = low; o < places && reachOf(p, o, places, in).first <= at.i; o++)
      sum += addedBy(p, o, places, in, at.i, from[o * dy.stride[1]]);
    dx.at(at.a, at.b)[at.i * dx.stride[1]] = sum;
  }
}

}  // namespace

void resample(Stream& s, const Out& out, const In& x, const ResampleParams& params) {
  if (!resampleFits(s, "resample", out, x, params) || numel(out) == 0) return;
  if (!require(s, x.shape[1] > 0, "resample: an empty axis")) return;
  const Lanes lanes = lanesOf(out);
  withFloat(s, out.dtype, "resample", [&]<class T>() {
    launch(s, forward<T>, gridOf(lanes), dim3(kThreads), 0, linesOf<T>(out), linesOf<const T>(x), lanes,
           params, out.shape[1], x.shape[1]);
  });
}

void resampleGrad(Stream& s, const Out& dx, const In& dy, const ResampleParams& params) {
  if (!resampleFits(s, "resampleGrad", dx, dy, params) || numel(dx) == 0) return;
  const Lanes lanes = lanesOf(dx);
  withFloat(s, dx.dtype, "resampleGrad", [&]<class T>() {
    launch(s, backward<T>, gridOf(lanes), dim3(kThreads), 0, linesOf<T>(dx), linesOf<const T>(dy), lanes,
           params, dy.shape[1], dx.shape[1]);
  });
}

}  // namespace wg::cuda
