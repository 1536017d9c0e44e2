// One step of a recurrent layer after its matrix products, forwards and backwards: a thread for a hidden unit
// of a row, neighbours in a row side by side.
#include "../ops/rows/recurrent.h"

#include "../ops/checks.h"
#include "../ops/math.h"
#include "prototype.h"
#include "wg/index.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_RECURRENT_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 128;

/// An argument [N, parts * H].
template <class T>
struct Gates {
  T* data;
  int64_t row, unit, part;  ///< elements from one to the next

  WG_DEV T& operator()(int64_t n, int64_t h, int p = 0) const { return data[n * row + h * unit + p * part]; }
};
template <class T>
Gates<T> gatesOf(const View& v, int64_t hidden) {
  return {static_cast<T*>(v.data), v.stride[0], v.stride[1], v.stride[1] * hidden};
}

/// run(row, unit) for all of them.
template <class Run>
WG_KERNEL(kThreads)
forUnits(Run run, Divider<uint64_t> hidden, int64_t total) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= total) return;
  const auto at = hidden.both(static_cast<uint64_t>(i));
  run(static_cast<int64_t>(at.quotient), static_cast<int64_t>(at.remainder));
}

template <class Run>
void launchUnits(Stream& s, const View& h, const Run& run) {
  const int64_t total = numel(h);
  if (total == 0) return;
  const auto threads = static_cast<unsigned>(minOf(kThreads, wg::ceilDiv(total, 32) * 32));
  launch(s, forUnits<Run>, dim3(static_cast<unsigned>(wg::ceilDiv(total, kThreads))), dim3(threads), 0, run,
         Divider<uint64_t>(static_cast<uint64_t>(h.shape[1])), total);
}

/// Every view is [rows, parts * hidden] of one float dtype.
bool fits(Stream& s, const View& h, const View* const* views, const int* parts, int count) {
  bool ok = h.rank == 2;
  for (int i = 0; ok && i < count; ++i)
    ok = views[i]->rank == 2 && views[i]->dtype == h.dtype && views[i]->shape[0] == h.shape[0] &&
         views[i]->shape[1] == parts[i] * h.shape[1];
  return require(s, ok, "recurrent: gates, states and gradients do not fit together");
}

template <class T>
struct RnnGates {
  Gates<T> h, x, r;
  bool relu;
  WG_DEV void operator()(int64_t n, int64_t u) const {
    const T sum = x(n, u) + r(n, u);
    h(n, u) = relu ? (sum < T(0) ? T(0) : sum) : math::tanh(sum);
  }
};

template <class T>
struct RnnGatesGrad {
  Gates<T> dGates, h, dh;
  bool relu;
  WG_DEV void operator()(int64_t n, int64_t u) const {
    const T v = h(n, u), d = dh(n, u);
    dGates(n, u) = relu ? (v > T(0) ? d : T(0)) : d * (T(1) - v * v);
  }
};

// Gates i, f, g, o.
template <class T>
struct LstmGates {
  Gates<T> h, c, gates, x, r, c0;
  WG_DEV void operator()(int64_t n, int64_t u) const {
    T gate[4];
    WG_UNROLL
    for (int g = 0; g < 4; g++) gate[g] = x(n, u, g) + r(n, u, g);
    const T before = c0(n, u);
    WG_UNROLL
    for (int g = 0; g < 4; g++) gate[g] = g == 2 ? math::tanh(gate[g]) : math::sigmoid(gate[g]);
    const T now = gate[1] * before + gate[0] * gate[2];
    WG_UNROLL
    for (int g = 0; g < 4; g++) gates(n, u, g) = gate[g];
    c(n, u) = now;
    h(n, u) = gate[3] * math::tanh(now);
  }
};

template <class T>
struct LstmGatesGrad {
  Gates<T> dGates, dc0, gates, c, c0, dh, dc;
  WG_DEV void operator()(int64_t n, int64_t u) const {
    const T in = gates(n, u, 0), forget = gates(n, u, 1), fresh = gates(n, u, 2), open = gates(n, u, 3);
    const T before = c0(n, u), d = dh(n, u), flow = dc(n, u), top = math::tanh(c(n, u));
    const T through = flow + d * open * (T(1) - top * top);
    dGates(n, u, 0) = through * fresh * in * (T(1) - in);
    dGates(n, u, 1) = through * before * forget * (T(1) - forget);
    dGates(n, u, 2) = through * in * (T(1) - fresh * fresh);
    dGates(n, u, 3) = d * top * open * (T(1) - open);
    dc0(n, u) = through * forget;
  }
};

// Gates r, z, n; acts keeps the hidden part of n as well.
template <class T>
struct GruGates {
  Gates<T> h, acts, x, r, h0;
  WG_DEV void operator()(int64_t n, int64_t u) const {
    const T part = r(n, u, 2), old = h0(n, u), own = x(n, u, 2);
    const T reset = math::sigmoid(x(n, u, 0) + r(n, u, 0)), keep = math::sigmoid(x(n, u, 1) + r(n, u, 1));
    const T fresh = math::tanh(own + reset * part);
    acts(n, u, 0) = reset;
    acts(n, u, 1) = keep;
    acts(n, u, 2) = fresh;
    acts(n, u, 3) = part;
    h(n, u) = fresh + keep * (old - fresh);
  }
};

template <class T>
struct GruGatesGrad {
  Gates<T> dx, dr, dh0, acts, h0, dh;
  WG_DEV void operator()(int64_t n, int64_t u) const {
    const T reset = acts(n, u, 0), keep = acts(n, u, 1), fresh = acts(n, u, 2), part = acts(n, u, 3);
    const T old = h0(n, u), d = dh(n, u);
    const T dFresh = d * (T(1) - keep) * (T(1) - fresh * fresh);
    const T dReset = dFresh * part * reset * (T(1) - reset), dKeep = d * (old - fresh) * keep * (T(1) - keep);
    dx(n, u, 0) = dr(n, u, 0) = dReset;
    dx(n, u, 1) = dr(n, u, 1) = dKeep;
    dx(n, u, 2) = dFresh;
    dr(n, u, 2) = dFresh * reset;
    dh0(n, u) = d * keep;
  }
};

}  // namespace

void rnnGates(Stream& s, const Out& h, const In& x, const In& r, const int32_t& relu) {
  const View* const views[] = {&x, &r};
  const int parts[] = {1, 1};
  if (!fits(s, h, views, parts, 2)) return;
  withFloat(s, h.dtype, "rnnGates", [&]<class T>() {
    const auto of = [&](const View& v) { return gatesOf<T>(v, h.shape[1]); };
    launchUnits(s, h, RnnGates<T>{of(h), of(x), of(r), relu != 0});
  });
}

void rnnGatesGrad(Stream& s, const Out& dGates, const In& h, const In& dh, const int32_t& relu) {
  const View* const views[] = {&dGates, &dh};
  const int parts[] = {1, 1};
  if (!fits(s, h, views, parts, 2)) return;
  withFloat(s, h.dtype, "rnnGatesGrad", [&]<class T>() {
    const auto of = [&](const View& v) { return gatesOf<T>(v, h.shape[1]); };
    launchUnits(s, h, RnnGatesGrad<T>{of(dGates), of(h), of(dh), relu != 0});
  });
}

void lstmGates(Stream& s, const Out& h, const Out& c, const Out& gates, const In& x, const In& r,
               const In& c0) {
  const View* const views[] = {&c, &gates, &x, &r, &c0};
  const int parts[] = {1, 4, 4, 4, 1};
  if (!fits(s, h, views, parts, 5)) return;
  withFloat(s, h.dtype, "lstmGates", [&]<class T>() {
    const auto of = [&](const View& v) { return gatesOf<T>(v, h.shape[1]); };
    launchUnits(s, h, LstmGates<T>{of(h), of(c), of(gates), of(x), of(r), of(c0)});
  });
}

void lstmGatesGrad(Stream& s, const Out& dGates, const Out& dc0, const In& gates, const In& c, const In& c0,
                   const In& dh, const In& dc) {
  const View* const views[] = {&dGates, &dc0, &gates, &c0, &dh, &dc};
  const int parts[] = {4, 1, 4, 1, 1, 1};
  if (!fits(s, c, views, parts, 6)) return;
  withFloat(s, c.dtype, "lstmGatesGrad", [&]<class T>() {
    const auto of = [&](const View& v) { return gatesOf<T>(v, c.shape[1]); };
    launchUnits(s, c, LstmGatesGrad<T>{of(dGates), of(dc0), of(gates), of(c), of(c0), of(dh), of(dc)});
  });
}

void gruGates(Stream& s, const Out& h, const Out& acts, const In& x, const In& r, const In& h0) {
  const View* const views[] = {&acts, &x, &r, &h0};
  const int parts[] = {4, 3, 3, 1};
  if (!fits(s, h, views, parts, 4)) return;
  withFloat(s, h.dtype, "gruGates", [&]<class T>() {
    const auto of = [&](const View& v) { return gatesOf<T>(v, h.shape[1]); };
    launchUnits(s, h, GruGates<T>{of(h), of(acts), of(x), of(r), of(h0)});
  });
}

void gruGatesGrad(Stream& s, const Out& dx, const Out& dr, const Out& dh0, const In& acts, const In& h0,
                  const In& dh) {
  const View* const views[] = {&dx, &dr, &dh0, &acts, &dh};
  const int parts[] = {3, 3, 1, 4, 1};
  if (!fits(s, h0, views, parts, 5)) return;
  withFloat(s, h0.dtype, "gruGatesGrad", [&]<class T>() {
    const auto of = [&](const View& v) { return gatesOf<T>(v, h0.shape[1]); };
    launchUnits(s, h0, GruGatesGrad<T>{of(dx), of(dr), of(dh0), of(acts), of(h0), of(dh)});
  });
}

}  // namespace wg::cuda
