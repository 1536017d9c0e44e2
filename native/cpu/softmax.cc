// softmax, logSoftmax and logsumexp over the last axis, with gradients. Three passes over a row that stays in
// the cache: maximum, exponentials and their sum, scaling. Any strides: rows are taken in blocks, staged when
// they are not contiguous.
#include "../ops/rows/softmax.h"

#include "rows.h"
#include "simd/exponent.h"

WG_PROTOTYPES(WG_SOFTMAX_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

/// NaN may be passed over: it comes back through the sum of exponentials.
template <class T>
T largest(const Rows& x, const char* row, T* stage) {
  T top = simd::lowest<T>();
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    top = simd::largestOf(readRow(x, row, i, n, stage), n, top);
  }
  return top;
}

template <class T>
void softmaxRow(const Rows& out, char* to, const Rows& x, const char* from) {
  alignas(64) T stage[2][kRowBlock];
  const T top = largest(x, from, stage[0]);
  double sum = 0;
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, from, i, n, stage[0]);
    sum += simd::sumExp<true>(p, n, top, writeRow(out, to, i, stage[1]));
    flushRow(out, to, i, n, stage[1]);
  }
  const Vec<T> scale(static_cast<T>(1.0 / sum));
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(out, to, i, n, stage[1]);
    simd::mapBlock(writeRow(out, to, i, stage[1]), p, p, n, [scale](Vec<T> e, Vec<T>) { return e * scale; });
    flushRow(out, to, i, n, stage[1]);
  }
}

template <class T>
void logSoftmaxRow(const Rows& out, char* to, const Rows& x, const char* from) {
  alignas(64) T stage[2][kRowBlock];
  const T top = largest(x, from, stage[0]);
  double sum = 0;
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    sum += simd::sumExp<false, T>(readRow(x, from, i, n, stage[0]), n, top, nullptr);
  }
  const Vec<T> shift(top), logSum(static_cast<T>(simd::logOf(sum)));
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, from, i, n, stage[0]);
    simd::mapBlock(writeRow(out, to, i, stage[1]), p, p, n,
                   [=](Vec<T> v, Vec<T>) { return (v - shift) - logSum; });
    flushRow(out, to, i, n, stage[1]);
  }
}

template <class T>
T logsumexpRow(const Rows& x, const char* from) {
  alignas(64) T stage[kRowBlock];
  const T top = largest(x, from, stage);
  // An infinite maximum (all minus infinity, or any infinity) is the result itself, unless there is a NaN.
  if (top - top != T(0)) return top;
  double sum = 0;
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    sum += simd::sumExp<false, T>(readRow(x, from, i, n, stage), n, top, nullptr);
  }
  return top + static_cast<T>(simd::logOf(sum));
}

/// dx = y (dy - Σ y dy), or for the logarithm dx = dy - exp(y) Σ dy.
template <class T, bool kLog>
void gradRow(const Rows& dx, char* to, const Rows& y, const char* yRow, const Rows& dy, const char* dyRow) {
  using V = Vec<T>;
  alignas(64) T stage[3][kRowBlock];
  double dot = 0;
  for (int64_t i = 0; i < y.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, y.width - i);
    const T* b = readRow(dy, dyRow, i, n, stage[1]);
    const T* a = kLog ? b : readRow(y, yRow, i, n, stage[0]);
    V acc(T(0));
    int64_t k = 0;
    for (; k + V::kLanes <= n; k += V::kLanes) {
      if constexpr (kLog) acc = acc + simd::load<V>(b + k);
      else acc = acc + simd::load<V>(a + k) * simd::load<V>(b + k);
    }
    if (k < n) {
      if constexpr (kLog) acc = acc + simd::loadPart<V>(b + k, n - k);
      else acc = acc + simd::loadPart<V>(a + k, n - k) * simd::loadPart<V>(b + k, n - k);
    }
    dot += sumLanes(acc);
  }
  const V total(static_cast<T>(dot));
  for (int64_t i = 0; i < y.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, y.width - i);
    const T* a = readRow(y, yRow, i, n, stage[0]);
    const T* b = readRow(dy, dyRow, i, n, stage[1]);
    simd::mapBlock(writeRow(dx, to, i, stage[2]), a, b, n, [total](V v, V g) {
      if constexpr (kLog) return g - math::exp(v) * total;
      else return v * (g - total);
    });
    flushRow(dx, to, i, n, stage[2]);
  }
}

template <class F>
void forward(Stream& s, const char* name, const View& out, const View& x, F row) {
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype, "softmax: output and input differ") ||
      numel(out) == 0)
    return;
  const Rows to = rowsOf(out), from = rowsOf(x);
  withFloat(s, x.dtype, name, [&]<class T>() {
    forEachRow(s, from.count, from.width,
               [&](int64_t i) { row.template operator()<T>(to, at(to.start, i), from, at(from.start, i)); });
  });
}

template <bool kLog>
void backward(Stream& s, const char* name, const View& dx, const View& y, const View& dy) {
  const bool sound = sameShape(dx, y) && sameShape(dx, dy) && dx.dtype == y.dtype && dx.dtype == dy.dtype;
  if (!require(s, sound, "softmax gradient: operands differ") || numel(dx) == 0) return;
  const Rows to = rowsOf(dx), a = rowsOf(y), b = rowsOf(dy);
  withFloat(s, dx.dtype, name, [&]<class T>() {
    forEachRow(s, a.count, a.width, [&](int64_t i) {
      gradRow<T, kLog>(to, at(to.start, i), a, at(a.start, i), b, at(b.start, i));
    });
  });
}

}  // namespace

void softmax(Stream& s, const Out& out, const In& x) {
  forward(s, "softmax", out, x, []<class T>(const Rows& o, char* to, const Rows& i, const char* from) {
    softmaxRow<T>(o, to, i, from);
  });
}
void logSoftmax(Stream& s, const Out& out, const In& x) {
  forward(s, "logSoftmax", out, x, []<class T>(const Rows& o, char* to, const Rows& i, const char* from) {
    logSoftmaxRow<T>(o, to, i, from);
  });
}
void logsumexp(Stream& s, const Out& out, const In& x) {
  const int last = x.rank - 1;
  if (!require(s,
               last >= 0 && out.rank == x.rank && out.dtype == x.dtype && out.shape[last] == 1 &&
                   x.shape[last] > 0,
               "logsumexp: the output must be the input's shape with a last axis of size 1"))
    return;
  for (int i = 0; i < last; i++)
    if (!require(s, out.shape[i] == x.shape[i], "logsumexp: output and input differ")) return;
  const Rows to = rowsOf(out), from = rowsOf(x);
  withFloat(s, x.dtype, "logsumexp", [&]<class T>() {
    forEachRow(s, from.count, from.width, [&](int64_t i) {
      *reinterpret_cast<T*>(at(to.start, i)) = logsumexpRow<T>(from, at(from.start, i));
    });
  });
}
void softmaxGrad(Stream& s, const Out& dx, const In& out, const In& dy) {
  backward<false>(s, "softmaxGrad", dx, out, dy);
}
void logSoftmaxGrad(Stream& s, const Out& dx, const In& out, const In& dy) {
  backward<true>(s, "logSoftmaxGrad", dx, out, dy);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
