// softmax, logSoftmax and logsumexp over the last axis, with gradients. Three passes over a few rows that
// stay in the cache: maxima, exponentials and their sums, scaling. Any strides: rows are taken in blocks,
// staged when they are not contiguous.
#include "../ops/rows/softmax.h"

#include "exponent_rows.h"
#include "stream_rows.h"

WG_PROTOTYPES(WG_SOFTMAX_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

/// to = f(from), a row.
template <class T, class F>
void mapRow(bool streams, const Rows& out, char* to, const Rows& x, const char* from, F f) {
  alignas(64) T stage[2][kRowBlock];
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, from, i, n, stage[0]);
    eachRegister(streams, writeRow(out, to, i, stage[1]), n, [=](auto load) { return f(load(p)); });
    flushRow(out, to, i, n, stage[1]);
  }
}

/// The maximum of a row, or NaN if it has one.
template <class T>
T strictlyLargest(const Rows& x, const char* row) {
  alignas(64) T stage[kRowBlock];
  simd::ExtremeState<T, true> state;
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    state.add(readRow(x, row, i, n, stage), n);
  }
  return state.value();
}

struct Softmax {
  template <class T>
  static void rows(bool streams, const Rows& out, const Rows& x, int64_t first, int64_t n) {
    const bool done = ofShortRows<T>(x.width, [&]<int N>() {
      alignas(64) T stage[2][N * Vec<T>::kLanes];
      const auto row = [&](int64_t r) __attribute__((always_inline)) {
        return ShortRow<T, N>(readRow(x, at(x.start, first + r), 0, x.width, stage[0]), x.width);
      };
      T top[kTogether];
      for (int64_t r = 0; r < n; r++) top[r] = row(r).largest();
      for (int64_t r = 0; r < n; r++) {
        auto terms = row(r);
        const double sum = terms.exponentials(top[r]);
        char* const to = at(out.start, first + r);
        terms.scaleTo(writeRow(out, to, 0, stage[1]), static_cast<T>(1.0 / sum), streams);
        flushRow(out, to, 0, x.width, stage[1]);
      }
    });
    if (done) return;
    // What goes past the caches is written once: its terms wait in those of the core until their sum is
    // known.
    constexpr int64_t kWaiting = int64_t{256} << 10;
    static_assert(kWaiting <= static_cast<int64_t>(kWorkerScratchBytes));
    char* const waiting =
        streams && n * x.width * x.item <= kWaiting ? static_cast<char*>(workerScratch()) : nullptr;
    const bool waits = waiting != nullptr;
    char *terms[kTogether] = {}, *to[kTogether] = {};
    for (int64_t r = 0; r < n; r++) {
      to[r] = at(out.start, first + r);
      terms[r] = waits ? waiting + r * x.width * x.item : to[r];
    }
    ExponentRows<T> group;
    group.add(x, first, n, &out, terms);
    for (int64_t r = 0; r < n; r++) {
      const Vec<T> scale(static_cast<T>(1.0 / group.sum[r]));
      mapRow<T>(waits, out, to[r], out, terms[r], [scale](Vec<T> e) { return e * scale; });
    }
  }
};

struct LogSoftmax {
  template <class T>
  static void rows(bool streams, const Rows& out, const Rows& x, int64_t first, int64_t n) {
    const auto group = ExponentRows<T>::inLogs(x, first, n);
    for (int64_t r = 0; r < n; r++) {
      const Vec<T> shift(group.top[r]), logSum(static_cast<T>(group.sum[r]));
      mapRow<T>(streams, out, at(out.start, first + r), x, group.from[r],
                [=](Vec<T> v) { return (v - shift) - logSum; });
    }
  }
};

struct LogSumExp {
  template <class T>
  static void rows(bool, const Rows& out, const Rows& x, int64_t first, int64_t n) {
    const auto group = ExponentRows<T>::inLogs(x, first, n);
    for (int64_t r = 0; r < n; r++) {
      // An infinite maximum (all minus infinity, or any infinity) is the result itself, unless there is a
      // NaN.
      const T top = group.top[r];
      *reinterpret_cast<T*>(at(out.start, first + r)) =
          top - top != T(0) ? strictlyLargest<T>(x, group.from[r]) : top + static_cast<T>(group.sum[r]);
    }
  }
};

/// dx = y (dy - Σ y dy), or for the logarithm dx = dy - exp(y) Σ dy.
template <class T, bool kLog>
void gradRow(bool streams, const Rows& dx, const Rows& y, const Rows& dy, int64_t row) {
  using V = Vec<T>;
  alignas(64) T stage[3][kRowBlock];
  char* const to = at(dx.start, row);
  const char *const yRow = at(y.start, row), *const dyRow = at(dy.start, row);
  double dot = 0;
  for (int64_t i = 0; i < y.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, y.width - i);
    const T* b = readRow(dy, dyRow, i, n, stage[1]);
    const T* a = kLog ? b : readRow(y, yRow, i, n, stage[0]);
    V acc[4] = {V(T(0)), V(T(0)), V(T(0)), V(T(0))};
    const auto term = [=](auto load) {
      if constexpr (kLog) return load(b);
      else return load(a) * load(b);
    };
    int64_t k = 0;
    for (; k + 4 * V::kLanes <= n; k += 4 * V::kLanes)
      for (int j = 0; j < 4; j++)
        acc[j] = acc[j] + term([=](const T* p) { return simd::load<V>(p + k + j * V::kLanes); });
    for (; k + V::kLanes <= n; k += V::kLanes)
      acc[0] = acc[0] + term([k](const T* p) { return simd::load<V>(p + k); });
    if (k < n) acc[1] = acc[1] + term([k, n](const T* p) { return simd::loadPart<V>(p + k, n - k); });
    dot += sumLanes((acc[0] + acc[1]) + (acc[2] + acc[3]));
  }
  const V total(static_cast<T>(dot));
  for (int64_t i = 0; i < y.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, y.width - i);
    const T* a = readRow(y, yRow, i, n, stage[0]);
    const T* b = readRow(dy, dyRow, i, n, stage[1]);
    eachRegister(streams, writeRow(dx, to, i, stage[2]), n, [=](auto load) {
      if constexpr (kLog) return load(b) - simd::expFromBelow(load(a)) * total;
      else return load(a) * (load(b) - total);
    });
    flushRow(dx, to, i, n, stage[2]);
  }
}

template <class Op>
void run(Stream& s, const char* name, const View& out, const View& x) {
  const Rows to = rowsOf(out), from = rowsOf(x);
  const bool streams = streamsPast(out, to, 2);
  withFloat(s, x.dtype, name, [&]<class T>() {
    forEachRows(s, from.count, from.width, rowsTogether(from.width, from.item),
                [&](int64_t first, int64_t n) {
                  Op::template rows<T>(streams, to, from, first, n);
                  if (streams) simd::endStreaming();
                });
  });
}
template <class Op>
void forward(Stream& s, const char* name, const View& out, const View& x) {
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype, "softmax: output and input differ") ||
      numel(out) == 0)
    return;
  run<Op>(s, name, out, x);
}

template <bool kLog>
void backward(Stream& s, const char* name, const View& dx, const View& y, const View& dy) {
  const bool sound = sameShape(dx, y) && sameShape(dx, dy) && dx.dtype == y.dtype && dx.dtype == dy.dtype;
  if (!require(s, sound, "softmax gradient: operands differ") || numel(dx) == 0) return;
  const Rows to = rowsOf(dx), a = rowsOf(y), b = rowsOf(dy);
  const bool streams = streamsPast(dx, to, 3);
  withFloat(s, dx.dtype, name, [&]<class T>() {
    forEachRows(s, a.count, a.width, rowsTogether(a.width, a.item), [&](int64_t first, int64_t n) {
      for (int64_t i = first; i < first + n; i++) gradRow<T, kLog>(streams, to, a, b, i);
      if (streams) simd::endStreaming();
    });
  });
}

}  // namespace

void softmax(Stream& s, const Out& out, const In& x) { forward<Softmax>(s, "softmax", out, x); }
void logSoftmax(Stream& s, const Out& out, const In& x) { forward<LogSoftmax>(s, "logSoftmax", out, x); }
void logsumexp(Stream& s, const Out& out, const In& x) {
  const int last = x.rank - 1;
  if (!require(s,
               last >= 0 && out.rank == x.rank && out.dtype == x.dtype && out.shape[last] == 1 &&
                   x.shape[last] > 0,
               "logsumexp: the output must be the input's shape with a last axis of size 1"))
    return;
  for (int i = 0; i < last; i++)
    if (!require(s, out.shape[i] == x.shape[i], "logsumexp: output and input differ")) return;
  run<LogSumExp>(s, "logsumexp", out, x);
}
void softmaxGrad(Stream& s, const Out& dx, const In& out, const In& dy) {
  backward<false>(s, "softmaxGrad", dx, out, dy);
}
void logSoftmaxGrad(Stream& s, const Out& dx, const In& out, const In& dy) {
  backward<true>(s, "logSoftmaxGrad", dx, out, dy);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
