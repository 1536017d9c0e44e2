// One step of a recurrent layer: gates, cell and hidden state of a row in one pass, and the same backwards.
#include "../ops/rows/recurrent.h"

#include "../ops/math.h"
#include "rows.h"
#include "simd/exponent.h"
#include "simd/tanh.h"

WG_PROTOTYPES(WG_RECURRENT_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

constexpr int64_t kUnits = 128;  // hidden units at a time: all their blocks stay in the first-level cache

/// An argument [N, parts * H] in contiguous blocks: where it lies if a block is whole registers of
/// neighbours, else moved to and from the caller's `stage`.
struct Strip {
  Rows rows;
  explicit Strip(const View& v) : rows(rowsOf(v)) {}

  template <class T>
  bool inPlace(int64_t n) const {
    return rows.step == rows.item && n % Vec<T>::kLanes == 0;
  }
  template <class T>
  const T* read(T* stage, int64_t i, int64_t column, int64_t n) const {
    const char* from = at(rows.start, i) + column * rows.step;
    if (inPlace<T>(n)) return reinterpret_cast<const T*>(from);
    for (int64_t x = 0; x < n; ++x) stage[x] = *reinterpret_cast<const T*>(from + x * rows.step);
    for (int64_t x = n; x % Vec<T>::kLanes != 0; ++x) stage[x] = T(0);  // the rest of the last register
    return stage;
  }
  /// Where to write a block; save() moves it from the stage.
  template <class T>
  T* write(T* stage, int64_t i, int64_t column, int64_t n) const {
    return inPlace<T>(n) ? reinterpret_cast<T*>(at(rows.start, i) + column * rows.step) : stage;
  }
  template <class T>
  void save(const T* stage, int64_t i, int64_t column, int64_t n) const {
    if (inPlace<T>(n)) return;
    char* to = at(rows.start, i) + column * rows.step;
    for (int64_t x = 0; x < n; ++x) *reinterpret_cast<T*>(to + x * rows.step) = stage[x];
  }
};

// A transcendental function is some eight times a plain element's work; a unit of LSTM or GRU has three or
// five and a dozen operands: 32 rows of 128 take 11 to 15 us, which two threads should share.
constexpr int64_t kOneFunction = 8, kGated = 32;

/// f(row, first unit, count) for blocks of units; n rows of h units, each `work` plain elements' time.
template <class F>
void forUnits(Stream& s, int64_t rows, int64_t hidden, int64_t work, F f) {
  forEachRow(s, rows, hidden * work, [&](int64_t i) {
    for (int64_t u = 0; u < hidden; u += kUnits) f(i, u, minOf(kUnits, hidden - u));
  });
}

/// Every view is [rows, parts * hidden] of one float dtype.
bool fits(Stream& s, const View& h, const View* const* views, const int* parts, int count) {
  bool ok = h.rank == 2;
  for (int i = 0; ok && i < count; ++i)
    ok = views[i]->rank == 2 && views[i]->dtype == h.dtype && views[i]->shape[0] == h.shape[0] &&
         views[i]->shape[1] == parts[i] * h.shape[1];
  return require(s, ok, "recurrent: gates, states and gradients do not fit together");
}

/// The whole block in registers; lanes behind n hold whatever the block holds.
template <class T, class F>
void each(int64_t n, F f) {
  for (int64_t i = 0; i < n; i += Vec<T>::kLanes) f(i);
}
template <class T>
Vec<T> get(const T* p, int64_t i) {
  return simd::load<Vec<T>>(p + i);
}

}  // namespace

void rnnGates(Stream& s, const Out& h, const In& x, const In& r, const int32_t& relu) {
  const View* const views[] = {&x, &r};
  const int parts[] = {1, 1};
  if (!fits(s, h, views, parts, 2)) return;
  const Strip to(h), a(x), b(r);
  withFloat(s, h.dtype, "rnnGates", [&]<class T>() {
    forUnits(s, h.shape[0], h.shape[1], kOneFunction, [&](int64_t i, int64_t u, int64_t n) {
      alignas(64) T stage[3][kUnits];
      const T* const left = a.read(stage[0], i, u, n);
      const T* const right = b.read(stage[1], i, u, n);
      T* const out = to.write(stage[2], i, u, n);
      each<T>(n, [&](int64_t k) {
        const Vec<T> sum = get(left, k) + get(right, k), zero(T(0));
        store(out + k, relu ? select(sum < zero, zero, sum) : simd::tanhOf(sum));
      });
      to.save(out, i, u, n);
    });
  });
}

void rnnGatesGrad(Stream& s, const Out& dGates, const In& h, const In& dh, const int32_t& relu) {
  const View* const views[] = {&dGates, &dh};
  const int parts[] = {1, 1};
  if (!fits(s, h, views, parts, 2)) return;
  const Strip to(dGates), a(h), b(dh);
  withFloat(s, h.dtype, "rnnGatesGrad", [&]<class T>() {
    forUnits(s, h.shape[0], h.shape[1], kOneFunction, [&](int64_t i, int64_t u, int64_t n) {
      alignas(64) T stage[3][kUnits];
      const T* const y = a.read(stage[0], i, u, n);
      const T* const dy = b.read(stage[1], i, u, n);
      T* const out = to.write(stage[2], i, u, n);
      each<T>(n, [&](int64_t k) {
        const Vec<T> v = get(y, k), d = get(dy, k), zero(T(0)), one(T(1));
        store(out + k, relu ? select(v > zero, d, zero) : d * (one - v * v));
      });
      to.save(out, i, u, n);
    });
  });
}

void lstmGates(Stream& s, const Out& h, const Out& c, const Out& gates, const In& x, const In& r,
               const In& c0) {
  const View* const views[] = {&c, &gates, &x, &r, &c0};
  const int parts[] = {1, 4, 4, 4, 1};
  if (!fits(s, h, views, parts, 5)) return;
  const Strip toH(h), toC(c), toGates(gates), a(x), b(r), before(c0);
  const int64_t hidden = h.shape[1];
  withFloat(s, h.dtype, "lstmGates", [&]<class T>() {
    forUnits(s, h.shape[0], hidden, kGated, [&](int64_t i, int64_t u, int64_t n) {
      alignas(64) T stage[4][kUnits], own[4][kUnits];
      T* gate[4];
      for (int g = 0; g < 4; ++g) {
        const int64_t at = g * hidden + u;
        const T* const left = a.read(stage[0], i, at, n);
        const T* const right = b.read(stage[1], i, at, n);
        gate[g] = toGates.write(own[g], i, at, n);
        each<T>(n, [&](int64_t k) {
          const Vec<T> sum = get(left, k) + get(right, k);
          store(gate[g] + k, g == 2 ? simd::tanhOf(sum) : math::sigmoid(sum));
        });
        toGates.save(gate[g], i, at, n);
      }
      const T* const old = before.read(stage[0], i, u, n);
      T* const cell = toC.write(stage[2], i, u, n);
      T* const out = toH.write(stage[3], i, u, n);
      each<T>(n, [&](int64_t k) {
        const Vec<T> now = get(gate[1], k) * get(old, k) + get(gate[0], k) * get(gate[2], k);
        const Vec<T> open = get(gate[3], k);
        store(cell + k, now);
        store(out + k, open * simd::tanhOf(now));
      });
      toC.save(cell, i, u, n);
      toH.save(out, i, u, n);
    });
  });
}

void lstmGatesGrad(Stream& s, const Out& dGates, const Out& dc0, const In& gates, const In& c, const In& c0,
                   const In& dh, const In& dc) {
  const View* const views[] = {&dGates, &dc0, &gates, &c0, &dh, &dc};
  const int parts[] = {4, 1, 4, 1, 1, 1};
  if (!fits(s, c, views, parts, 6)) return;
  const Strip toGates(dGates), toC0(dc0), acts(gates), cells(c), before(c0), dHidden(dh), dCell(dc);
  const int64_t hidden = c.shape[1];
  withFloat(s, c.dtype, "lstmGatesGrad", [&]<class T>() {
    forUnits(s, c.shape[0], hidden, kGated, [&](int64_t i, int64_t u, int64_t n) {
      alignas(64) T stage[8][kUnits], own[5][kUnits];
      const T* gate[4];
      T* slope[4];
      for (int g = 0; g < 4; ++g) {
        gate[g] = acts.read(stage[g], i, g * hidden + u, n);
        slope[g] = toGates.write(own[g], i, g * hidden + u, n);
      }
      const T* const now = cells.read(stage[4], i, u, n);
      const T* const old = before.read(stage[5], i, u, n);
      const T* const dy = dHidden.read(stage[6], i, u, n);
      const T* const flow = dCell.read(stage[7], i, u, n);
      T* const out = toC0.write(own[4], i, u, n);
      // dc0 may be dc: each register is read before it is written.
      each<T>(n, [&](int64_t k) {
        const Vec<T> one(T(1)), in = get(gate[0], k), forget = get(gate[1], k), fresh = get(gate[2], k),
                                open = get(gate[3], k), top = simd::tanhOf(get(now, k)), d = get(dy, k);
        const Vec<T> through = get(flow, k) + d * open * (one - top * top), was = get(old, k);
        store(slope[0] + k, through * fresh * in * (one - in));
        store(slope[1] + k, through * was * forget * (one - forget));
        store(slope[2] + k, through * in * (one - fresh * fresh));
        store(slope[3] + k, d * top * open * (one - open));
        store(out + k, through * forget);
      });
      for (int g = 0; g < 4; ++g) toGates.save(slope[g], i, g * hidden + u, n);
      toC0.save(out, i, u, n);
    });
  });
}

void gruGates(Stream& s, const Out& h, const Out& acts, const In& x, const In& r, const In& h0) {
  const View* const views[] = {&acts, &x, &r, &h0};
  const int parts[] = {4, 3, 3, 1};
  if (!fits(s, h, views, parts, 4)) return;
  const Strip toH(h), toActs(acts), a(x), b(r), before(h0);
  const int64_t hidden = h.shape[1];
  withFloat(s, h.dtype, "gruGates", [&]<class T>() {
    forUnits(s, h.shape[0], hidden, kGated, [&](int64_t i, int64_t u, int64_t n) {
      alignas(64) T stage[4][kUnits], own[4][kUnits];
      T* gate[4];
      for (int g = 0; g < 4; ++g) gate[g] = toActs.write(own[g], i, g * hidden + u, n);
      for (int g = 0; g < 2; ++g) {
        const T* const left = a.read(stage[0], i, g * hidden + u, n);
        const T* const right = b.read(stage[1], i, g * hidden + u, n);
        each<T>(n, [&](int64_t k) { store(gate[g] + k, math::sigmoid(get(left, k) + get(right, k))); });
      }
      const T* const input = a.read(stage[0], i, 2 * hidden + u, n);
      const T* const part = b.read(stage[1], i, 2 * hidden + u, n);
      const T* const old = before.read(stage[2], i, u, n);
      T* const out = toH.write(stage[3], i, u, n);
      each<T>(n, [&](int64_t k) {
        const Vec<T> hiddenPart = get(part, k), was = get(old, k), keep = get(gate[1], k);
        const Vec<T> fresh = simd::tanhOf(get(input, k) + get(gate[0], k) * hiddenPart);
        store(gate[2] + k, fresh);
        store(gate[3] + k, hiddenPart);
        store(out + k, fresh + keep * (was - fresh));
      });
      for (int g = 0; g < 4; ++g) toActs.save(gate[g], i, g * hidden + u, n);
      toH.save(out, i, u, n);
    });
  });
}

void gruGatesGrad(Stream& s, const Out& dx, const Out& dr, const Out& dh0, const In& acts, const In& h0,
                  const In& dh) {
  const View* const views[] = {&dx, &dr, &dh0, &acts, &dh};
  const int parts[] = {3, 3, 1, 4, 1};
  if (!fits(s, h0, views, parts, 5)) return;
  const Strip toX(dx), toR(dr), toH0(dh0), saved(acts), before(h0), dHidden(dh);
  const int64_t hidden = h0.shape[1];
  withFloat(s, h0.dtype, "gruGatesGrad", [&]<class T>() {
    forUnits(s, h0.shape[0], hidden, kGated, [&](int64_t i, int64_t u, int64_t n) {
      alignas(64) T stage[6][kUnits], own[7][kUnits];
      const T* gate[4];
      T *toInput[3], *toHidden[3];
      for (int g = 0; g < 4; ++g) gate[g] = saved.read(stage[g], i, g * hidden + u, n);
      for (int g = 0; g < 3; ++g) {
        toInput[g] = toX.write(own[g], i, g * hidden + u, n);
        toHidden[g] = toR.write(own[3 + g], i, g * hidden + u, n);
      }
      const T* const old = before.read(stage[4], i, u, n);
      const T* const dy = dHidden.read(stage[5], i, u, n);
      T* const out = toH0.write(own[6], i, u, n);
      each<T>(n, [&](int64_t k) {
        const Vec<T> one(T(1)), reset = get(gate[0], k), keep = get(gate[1], k), fresh = get(gate[2], k),
                                part = get(gate[3], k), d = get(dy, k), was = get(old, k);
        const Vec<T> dFresh = d * (one - keep) * (one - fresh * fresh);
        const Vec<T> dReset = dFresh * part * reset * (one - reset);
        const Vec<T> dKeep = d * (was - fresh) * keep * (one - keep);
        store(toInput[0] + k, dReset);
        store(toHidden[0] + k, dReset);
        store(toInput[1] + k, dKeep);
        store(toHidden[1] + k, dKeep);
        store(toInput[2] + k, dFresh);
        store(toHidden[2] + k, dFresh * reset);
        store(out + k, d * keep);
      });
      for (int g = 0; g < 3; ++g) {
        toX.save(toInput[g], i, g * hidden + u, n);
        toR.save(toHidden[g], i, g * hidden + u, n);
      }
      toH0.save(out, i, u, n);
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
