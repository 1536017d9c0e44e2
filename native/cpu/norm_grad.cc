// The gradients of normalisation along the last axis. Those of weight and bias are sums over rows: each chunk
// of rows has partial sums of its own, added in the order of chunks. Where x's gradient is wanted too, it is
// made of the rows that are about to be added, so that memory is read once.
#include "norm.h"

#include "simd/shuffle.h"

WG_PROTOTYPES(WG_NORM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

/// Σ g and Σ (x - shift) scale g of at most kRowBlock elements, g = d w.
template <class T>
void addSlopes(const T* p, const T* d, const T* w, int64_t n, T shift, T scale, double& sum,
               double& product) {
  using V = Vec<T>;
  const V center(shift), times(scale);
  V a[2] = {V(T(0)), V(T(0))}, b[2] = {V(T(0)), V(T(0))};
  const auto take = [&](V x, V g, int k) {
    a[k] = a[k] + g;
    b[k] = b[k] + (x - center) * times * g;
  };
  int64_t i = 0;
  for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes) {
    for (int k = 0; k < 2; k++) {
      const int64_t at = i + k * V::kLanes;
      const V g = simd::load<V>(d + at);
      take(simd::load<V>(p + at), w == nullptr ? g : g * simd::load<V>(w + at), k);
    }
  }
  for (; i < n; i += V::kLanes) {
    const int64_t left = n - i;
    // Behind the end the slopes are zero.
    const auto part = [&](const T* q) {
      return left >= V::kLanes ? simd::load<V>(q + i) : simd::loadPart<V>(q + i, left);
    };
    take(part(p), w == nullptr ? part(d) : part(d) * part(w), 0);
  }
  sum += simd::addLanes(a[0] + a[1]);
  product += simd::addLanes(b[0] + b[1]);
}

/// What dx = rstd (g - even - (x - mean) slope) takes from a whole row.
template <class T>
struct RowSlopes {
  T even, slope;
};

template <class T>
RowSlopes<T> slopesOf(const Rows& x, const char* from, const Vector& weight, const Rows& dy,
                      const char* dyRow, T mean, T rstd, bool center) {
  alignas(64) T stage[3][kRowBlock];
  double sum = 0, product = 0;
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    addSlopes(readRow(x, from, i, n, stage[0]), readRow(dy, dyRow, i, n, stage[1]),
              readVector(weight, i, n, stage[2]), n, mean, rstd, sum, product);
  }
  // dx = rstd (g - Σ g / count - normal Σ normal g / count), normal = (x - mean) rstd
  const double count = static_cast<double>(x.width);
  return {static_cast<T>(center ? sum / count : 0),
          static_cast<T>(product / count * static_cast<double>(rstd))};
}

template <class T>
void gradRow(bool streams, const Rows& dx, char* to, const Rows& x, const char* from, const Vector& weight,
             const Rows& dy, const char* dyRow, T mean, T rstd, const RowSlopes<T>& slopes) {
  using V = Vec<T>;
  alignas(64) T stage[4][kRowBlock];
  const V even(slopes.even), slope(slopes.slope), shift(mean), scale(rstd);
  for (int64_t i = 0; i < x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, x.width - i);
    const T* p = readRow(x, from, i, n, stage[0]);
    const T* d = readRow(dy, dyRow, i, n, stage[1]);
    const T* w = readVector(weight, i, n, stage[2]);
    T* out = writeRow(dx, to, i, stage[3]);
    const auto result = [=](V v, V g) { return scale * (g - even - (v - shift) * slope); };
    if (w != nullptr)
      eachRegister(streams, out, n, [=](auto load) { return result(load(p), load(d) * load(w)); });
    else eachRegister(streams, out, n, [=](auto load) { return result(load(p), load(d)); });
    flushRow(dx, to, i, n, stage[3]);
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

bool gradFits(Stream& s, const View& dx, const View& x, const View& mean, const View& rstd,
              const MaybeIn& weight, const View& dy) {
  return require(s, x.rank >= 1, "rowNorm: wants a last axis") && sameTensor(s, x, dx) &&
         sameTensor(s, x, dy) && sameRows(s, x, mean) && sameRows(s, x, rstd) &&
         (!weight.data || sameVector(s, x, weight));
}

/// The gradient of x, a few rows at a time.
template <class T>
struct InputGrad {
  Rows dx, x, dy;
  Walk means, rstds;
  Vector weight;
  bool streams, center;

  InputGrad(const Out& out, const In& in, const In& meanOfRows, const In& rstdOfRows, const MaybeIn& w,
            const In& slopes, bool centered)
      : dx(rowsOf(out)),
        x(rowsOf(in)),
        dy(rowsOf(slopes)),
        means(walkOf(meanOfRows)),
        rstds(walkOf(rstdOfRows)),
        weight(vectorOf(w)),
        streams(streamsPast(out, dx, 3)),
        center(centered) {}

  /// Of n <= kTogether rows.
  void rows(int64_t first, int64_t n) const {
    RowSlopes<T> slopes[kTogether];
    for (int64_t r = 0; r < n; r++) {
      const int64_t i = first + r;
      slopes[r] = slopesOf<T>(x, at(x.start, i), weight, dy, at(dy.start, i), mean(i), rstd(i), center);
    }
    for (int64_t r = 0; r < n; r++) {
      const int64_t i = first + r;
      gradRow<T>(streams, dx, at(dx.start, i), x, at(x.start, i), weight, dy, at(dy.start, i), mean(i),
                 rstd(i), slopes[r]);
    }
  }
  T mean(int64_t i) const { return *reinterpret_cast<const T*>(at(means, i)); }
  T rstd(int64_t i) const { return *reinterpret_cast<const T*>(at(rstds, i)); }
  /// After the last of some rows, on their thread.
  void end() const {
    if (streams) simd::endStreaming();
  }
};

/// Numbers that all chunks of rows sum up.
int64_t partialCount(const View& x) {
  if (x.rank < 1) return 0;
  const int64_t width = x.shape[x.rank - 1], rows = width == 0 ? 0 : numel(x) / width;
  return splitOf(rows, width).chunks * 2 * width;
}

bool weightGradFits(Stream& s, const View& dWeight, const View& dBias, const View& x, const View& mean,
                    const View& rstd, const View& dy) {
  return require(s, x.rank >= 1, "rowNorm: wants a last axis") && sameTensor(s, x, dy) &&
         sameRows(s, x, mean) && sameRows(s, x, rstd) && sameVector(s, x, dWeight) &&
         sameVector(s, x, dBias) &&
         require(s, s.scratchBytes >= static_cast<size_t>(partialCount(x) * itemBytes(x.dtype)),
                 "rowNorm: too little scratch for the gradients of weight and bias");
}

/// dWeight = Σ normal dy and dBias = Σ dy over rows, a few at a time; `grad`, where it is not null, makes x's
/// gradient of them before they are added.
template <class T>
void sumOverRows(Stream& s, const Out& dWeight, const Out& dBias, const In& x, const In& mean, const In& rstd,
                 const In& dy, const InputGrad<T>* grad) {
  using V = Vec<T>;
  const Rows from = rowsOf(x), slopes = rowsOf(dy);
  const Walk means = walkOf(mean), rstds = walkOf(rstd);
  const int64_t width = from.width;
  if (width == 0) return;
  const Split split = splitOf(from.count, width);
  T* partial = static_cast<T*>(s.scratch);
  const auto chunk = [&](int64_t c) {
    constexpr int64_t kGroup = 4;  // rows added to the sums at a time, in order
    alignas(64) T stage[2 * kGroup][kRowBlock];
    T* weightSum = partial + c * 2 * width;
    T* biasSum = weightSum + width;
    __builtin_memset(weightSum, 0, static_cast<size_t>(2 * width) * sizeof(T));
    const int64_t end = minOf((c + 1) * split.rows, from.count);
    const auto addRows = [&]<int kRows>(int64_t row) {
      if (grad) grad->rows(row, kRows);
      V shift[kRows], scale[kRows];
      for (int r = 0; r < kRows; r++) {
        shift[r] = V(*reinterpret_cast<const T*>(at(means, row + r)));
        scale[r] = V(*reinterpret_cast<const T*>(at(rstds, row + r)));
      }
      for (int64_t i = 0; i < width; i += kRowBlock) {
        const int64_t n = minOf(kRowBlock, width - i);
        const T *p[kRows], *d[kRows];
        for (int r = 0; r < kRows; r++) {
          p[r] = readRow(from, at(from.start, row + r), i, n, stage[2 * r]);
          d[r] = readRow(slopes, at(slopes.start, row + r), i, n, stage[2 * r + 1]);
        }
        const auto add = [&](auto load, auto save) {
          V w = load(weightSum + i), b = load(biasSum + i);
          for (int r = 0; r < kRows; r++) {
            const V g = load(d[r]);
            w = w + (load(p[r]) - shift[r]) * scale[r] * g;
            b = b + g;
          }
          save(weightSum + i, w);
          save(biasSum + i, b);
        };
        int64_t k = 0;
        for (; k + V::kLanes <= n; k += V::kLanes)
          add([k](const T* q) { return simd::load<V>(q + k); }, [k](T* q, V v) { store(q + k, v); });
        if (k < n)
          add([k, n](const T* q) { return simd::loadPart<V>(q + k, n - k); },
              [k, n](T* q, V v) { storePart(q + k, v, n - k); });
      }
    };
    int64_t row = c * split.rows;
    for (; row + kGroup <= end; row += kGroup) addRows.template operator()<kGroup>(row);
    for (; row < end; row++) addRows.template operator()<1>(row);
    if (grad) grad->end();
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
}

}  // namespace

void rowNormGrad(Stream& s, const Out& dx, const In& x, const In& mean, const In& rstd, const MaybeIn& weight,
                 const In& dy, const int32_t& center) {
  if (!gradFits(s, dx, x, mean, rstd, weight, dy)) return;
  withFloat(s, x.dtype, "rowNormGrad", [&]<class T>() {
    const InputGrad<T> grad(dx, x, mean, rstd, weight, dy, center != 0);
    const int64_t together = minOf(kTogether, maxOf(1, rowsTogether(grad.x.width, grad.x.item) / 2));
    forEachRows(s, grad.x.count, grad.x.width, together, [&](int64_t i, int64_t n) {
      grad.rows(i, n);
      grad.end();
    });
  });
}

size_t rowNormGradWeightWorkspace(const Out& dWeight, const Out&, const In& x, const In&, const In&,
                                  const In&) {
  return static_cast<size_t>(partialCount(x) * itemBytes(dWeight.dtype));
}

void rowNormGradWeight(Stream& s, const Out& dWeight, const Out& dBias, const In& x, const In& mean,
                       const In& rstd, const In& dy) {
  if (!weightGradFits(s, dWeight, dBias, x, mean, rstd, dy)) return;
  withFloat(s, x.dtype, "rowNormGradWeight",
            [&]<class T>() { sumOverRows<T>(s, dWeight, dBias, x, mean, rstd, dy, nullptr); });
}

size_t rowNormGradsWorkspace(const Out&, const Out& dWeight, const Out&, const In& x, const In&, const In&,
                             const MaybeIn&, const In&, const int32_t&) {
  return static_cast<size_t>(partialCount(x) * itemBytes(dWeight.dtype));
}

void rowNormGrads(Stream& s, const Out& dx, const Out& dWeight, const Out& dBias, const In& x, const In& mean,
                  const In& rstd, const MaybeIn& weight, const In& dy, const int32_t& center) {
  if (!gradFits(s, dx, x, mean, rstd, weight, dy) || !weightGradFits(s, dWeight, dBias, x, mean, rstd, dy))
    return;
  withFloat(s, x.dtype, "rowNormGrads", [&]<class T>() {
    const InputGrad<T> grad(dx, x, mean, rstd, weight, dy, center != 0);
    sumOverRows(s, dWeight, dBias, x, mean, rstd, dy, &grad);
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
