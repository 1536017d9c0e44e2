// Layer and root-mean-square normalisation along the last axis, with gradients. A row is passed over three
// times while it stays in the cache: mean, variance, result. The gradients of weight and bias are sums over
// rows: each chunk of rows has partial sums of its own, added in the order of chunks.
#include "../ops/rows/norm.h"

#include "rows.h"
#include "simd/exponent.h"

WG_PROTOTYPES(WG_NORM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

/// A vector of the width's length: in place when it is contiguous, or absent.
struct Vector {
  bool present = false;
  Rows rows{};
};

Vector vectorOf(const MaybeIn& v) {
  Vector result;
  result.present = v.data != nullptr;
  if (result.present) result.rows = rowsOf(v);
  return result;
}

template <class T>
const T* readVector(const Vector& v, int64_t i, int64_t n, T* stage) {
  return v.present ? readRow(v.rows, v.rows.start.data, i, n, stage) : nullptr;
}

template <class T, class F>
double sumMapped(const Rows& x, const char* row, T* stage, T* terms, F f) {
  simd::SumState<T> state;
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, row, i, n, stage);
    simd::mapBlock(terms, p, p, n, [&](Vec<T> v, Vec<T>) { return f(v); });
    state.add(terms, n);
  }
  return state.total();
}

struct Statistics {
  double mean, rstd;
};

template <class T>
Statistics statisticsOf(const Rows& x, const char* row, double eps, bool center, T* stage, T* terms) {
  const double count = static_cast<double>(x.width);
  double mean = 0;
  if (center) {
    simd::SumState<T> state;
    for (int64_t i = 0; i < x.width; i += kRowBlock) {
      const int64_t n = minOf(kRowBlock, x.width - i);
      state.add(readRow(x, row, i, n, stage), n);
    }
    mean = state.total() / count;
  }
  const Vec<T> shift(static_cast<T>(mean));
  const double squares = sumMapped(x, row, stage, terms, [shift](Vec<T> v) {
    const Vec<T> d = v - shift;
    return d * d;
  });
  return {mean, 1.0 / __builtin_sqrt(squares / count + eps)};
}

template <class T>
void normRow(const Rows& out, char* to, const Rows& x, const char* from, const Vector& weight,
             const Vector& bias, double eps, bool center, T* meanAt, T* rstdAt) {
  using V = Vec<T>;
  alignas(64) T stage[4][kRowBlock];
  const Statistics of = statisticsOf<T>(x, from, eps, center, stage[0], stage[1]);
  *meanAt = static_cast<T>(of.mean);
  *rstdAt = static_cast<T>(of.rstd);
  const V shift(*meanAt), scale(*rstdAt);
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, from, i, n, stage[0]);
    T* y = writeRow(out, to, i, stage[1]);
    const T* w = readVector(weight, i, n, stage[2]);
    const T* b = readVector(bias, i, n, stage[3]);
    if (w != nullptr) simd::mapBlock(y, p, w, n, [=](V v, V factor) { return (v - shift) * scale * factor; });
    else simd::mapBlock(y, p, p, n, [=](V v, V) { return (v - shift) * scale; });
    if (b != nullptr) simd::mapBlock(y, y, b, n, [](V v, V add) { return v + add; });
    flushRow(out, to, i, n, stage[1]);
  }
}

template <class T>
void gradRow(const Rows& dx, char* to, const Rows& x, const char* from, const Vector& weight, const Rows& dy,
             const char* dyRow, T mean, T rstd, bool center) {
  using V = Vec<T>;
  alignas(64) T stage[3][kRowBlock], g[kRowBlock], terms[kRowBlock];
  const V shift(mean), scale(rstd);
  simd::SumState<T> sumOfG, sumOfProduct;
  const auto blockOfG = [&](int64_t i, int64_t n) {
    const T* d = readRow(dy, dyRow, i, n, stage[1]);
    const T* w = readVector(weight, i, n, stage[2]);
    if (w == nullptr) return d;
    simd::mapBlock(g, d, w, n, [](V a, V b) { return a * b; });
    return static_cast<const T*>(g);
  };
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, from, i, n, stage[0]);
    const T* each = blockOfG(i, n);
    if (center) sumOfG.add(each, n);
    simd::mapBlock(terms, p, each, n, [=](V v, V d) { return (v - shift) * scale * d; });
    sumOfProduct.add(terms, n);
  }
  const double count = static_cast<double>(x.width);
  const V even(static_cast<T>(sumOfG.total() / count)), slope(static_cast<T>(sumOfProduct.total() / count));
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, from, i, n, stage[0]);
    const T* each = blockOfG(i, n);
    T* out = writeRow(dx, to, i, terms);
    simd::mapBlock(out, p, each, n,
                   [=](V v, V d) { return scale * (d - even - (v - shift) * scale * slope); });
    flushRow(dx, to, i, n, terms);
  }
}

/// Rows of one chunk of the sums over rows, and how many chunks there are.
struct Split {
  int64_t rows, chunks;
};
Split splitOf(int64_t rows, int64_t width) {
  constexpr int64_t kMostChunks = 128;
  const int64_t each = maxOf(ceilDiv(rows, kMostChunks), maxOf(16, kChunk / maxOf(1, width)));
  return {each, maxOf(1, ceilDiv(rows, each))};
}

bool sameRows(Stream& s, const View& x, const View& perRow) {
  bool fits = perRow.rank == x.rank - 1 && perRow.dtype == x.dtype;
  for (int i = 0; fits && i < perRow.rank; i++) fits = perRow.shape[i] == x.shape[i];
  return require(s, fits, "rowNorm: mean and rstd must hold one number for each row");
}

bool sameVector(Stream& s, const View& x, const View& v) {
  return require(s, v.rank == 1 && v.dtype == x.dtype && v.shape[0] == x.shape[x.rank - 1],
                 "rowNorm: weight and bias must be as long as a row");
}

bool sameTensor(Stream& s, const View& x, const View& other) {
  return require(s, other.dtype == x.dtype && sameShape(x, other), "rowNorm: shapes or dtypes differ");
}

}  // namespace

void rowNorm(Stream& s, const Out& out, const Out& mean, const Out& rstd, const In& x, const MaybeIn& weight,
             const MaybeIn& bias, const double& eps, const int32_t& center) {
  if (!require(s, x.rank >= 1, "rowNorm: wants a last axis") || !sameTensor(s, x, out) ||
      !sameRows(s, x, mean) || !sameRows(s, x, rstd) || (weight.data && !sameVector(s, x, weight)) ||
      (bias.data && !sameVector(s, x, bias)))
    return;
  const Rows to = rowsOf(out), from = rowsOf(x);
  const Walk means = walkOf(mean), rstds = walkOf(rstd);
  const Vector w = vectorOf(weight), b = vectorOf(bias);
  withFloat(s, x.dtype, "rowNorm", [&]<class T>() {
    forEachRow(s, from.count, from.width, [&](int64_t i) {
      normRow<T>(to, at(to.start, i), from, at(from.start, i), w, b, eps, center != 0,
                 reinterpret_cast<T*>(at(means, i)), reinterpret_cast<T*>(at(rstds, i)));
    });
  });
}

void rowNormGrad(Stream& s, const Out& dx, const In& x, const In& mean, const In& rstd, const MaybeIn& weight,
                 const In& dy, const int32_t& center) {
  if (!require(s, x.rank >= 1, "rowNorm: wants a last axis") || !sameTensor(s, x, dx) ||
      !sameTensor(s, x, dy) || !sameRows(s, x, mean) || !sameRows(s, x, rstd) ||
      (weight.data && !sameVector(s, x, weight)))
    return;
  const Rows to = rowsOf(dx), from = rowsOf(x), slopes = rowsOf(dy);
  const Walk means = walkOf(mean), rstds = walkOf(rstd);
  const Vector w = vectorOf(weight);
  withFloat(s, x.dtype, "rowNormGrad", [&]<class T>() {
    forEachRow(s, from.count, from.width, [&](int64_t i) {
      gradRow<T>(to, at(to.start, i), from, at(from.start, i), w, slopes, at(slopes.start, i),
                 *reinterpret_cast<const T*>(at(means, i)), *reinterpret_cast<const T*>(at(rstds, i)),
                 center != 0);
    });
  });
}

size_t rowNormGradWeightWorkspace(const Out& dWeight, const Out&, const In& x, const In&, const In&,
                                  const In&) {
  if (x.rank < 1) return 0;
  const int64_t width = x.shape[x.rank - 1], rows = width == 0 ? 0 : numel(x) / width;
  return static_cast<size_t>(splitOf(rows, width).chunks * 2 * width * itemBytes(dWeight.dtype));
}

void rowNormGradWeight(Stream& s, const Out& dWeight, const Out& dBias, const In& x, const In& mean,
                       const In& rstd, const In& dy) {
  if (!require(s, x.rank >= 1, "rowNorm: wants a last axis") || !sameTensor(s, x, dy) ||
      !sameRows(s, x, mean) || !sameRows(s, x, rstd) || !sameVector(s, x, dWeight) ||
      !sameVector(s, x, dBias))
    return;
  const Rows from = rowsOf(x), slopes = rowsOf(dy);
  const Walk means = walkOf(mean), rstds = walkOf(rstd);
  const int64_t width = from.width;
  if (width == 0) return;
  const Split split = splitOf(from.count, width);
  const auto needed = static_cast<size_t>(split.chunks * 2 * width * itemBytes(x.dtype));
  if (!require(s, s.scratchBytes >= needed, "rowNormGradWeight: too little scratch")) return;
  withFloat(s, x.dtype, "rowNormGradWeight", [&]<class T>() {
    using V = Vec<T>;
    T* partial = static_cast<T*>(s.scratch);
    const auto chunk = [&](int64_t c) {
      alignas(64) T stage[2][kRowBlock];
      T* weightSum = partial + c * 2 * width;
      T* biasSum = weightSum + width;
      __builtin_memset(weightSum, 0, static_cast<size_t>(2 * width) * sizeof(T));
      const int64_t end = minOf((c + 1) * split.rows, from.count);
      for (int64_t row = c * split.rows; row < end; row++) {
        const char* xRow = at(from.start, row);
        const char* dyRow = at(slopes.start, row);
        const V shift(*reinterpret_cast<const T*>(at(means, row))),
            scale(*reinterpret_cast<const T*>(at(rstds, row)));
        for (int64_t i = 0; i < width; i += kRowBlock) {
          const int64_t n = minOf(kRowBlock, width - i);
          const T* p = readRow(from, xRow, i, n, stage[0]);
          const T* d = readRow(slopes, dyRow, i, n, stage[1]);
          simd::mapBlock(biasSum + i, biasSum + i, d, n, [](V sum, V g) { return sum + g; });
          simd::mapBlock(stage[0], p, d, n, [=](V v, V g) { return (v - shift) * scale * g; });
          simd::mapBlock(weightSum + i, weightSum + i, stage[0], n, [](V sum, V g) { return sum + g; });
        }
      }
    };
    if (split.chunks == 1) chunk(0);
    else parallelFor(s, split.chunks, chunk);
    const Walk outs[2] = {walkOf(dWeight), walkOf(dBias)};
    for (int which = 0; which < 2; which++)
      for (int64_t i = 0; i < width; i++) {
        double sum = 0;
        for (int64_t c = 0; c < split.chunks; c++)
          sum += static_cast<double>(partial[(c * 2 + which) * width + i]);
        *reinterpret_cast<T*>(at(outs[which], i)) = static_cast<T>(sum);
      }
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
