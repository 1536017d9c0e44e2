// The gradients of normalisation along the last axis. x's needs two sums of each row first, those of weight
// and bias are sums over rows: each chunk of rows has partial sums of its own, added in the order of chunks.
// Where all are wanted a few rows are summed along and across at once, so that memory is read once.
#include "norm.h"

#include "simd/shuffle.h"

WG_PROTOTYPES(WG_NORM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

/// What the gradients are made of.
template <class T>
struct Inputs {
  Rows x, dy;
  Walk means, rstds;

  Inputs(const In& in, const In& meanOfRows, const In& rstdOfRows, const In& slopes)
      : x(rowsOf(in)), dy(rowsOf(slopes)), means(walkOf(meanOfRows)), rstds(walkOf(rstdOfRows)) {}

  T mean(int64_t i) const { return *reinterpret_cast<const T*>(at(means, i)); }
  T rstd(int64_t i) const { return *reinterpret_cast<const T*>(at(rstds, i)); }
};

/// Σ g and Σ normal g of a row, g = dy weight and normal = (x - mean) rstd.
struct RowSums {
  double slope = 0, product = 0;
};

/// Σ normal dy and Σ dy of each column over some rows.
template <class T>
struct ColumnSums {
  T *weight, *bias;
};

/// Rows passed over side by side: two, and what is written of them, stay in the first-level cache.
constexpr int64_t kSide = 2;

/// Adds kRows rows from `first` on to sums of their own, to those of the columns, or, reading all once, to
/// both; the same bits however many rows are taken together and whatever else is summed.
template <int kRows, class T>
void addRows(const Inputs<T>& in, int64_t first, const Vector* weight, RowSums* rows,
             const ColumnSums<T>* columns) {
  using V = Vec<T>;
  alignas(64) T stage[2 * kRows + 1][kRowBlock];
  V mean[kRows], rstd[kRows];
  for (int r = 0; r < kRows; r++) {
    mean[r] = V(in.mean(first + r));
    rstd[r] = V(in.rstd(first + r));
  }
  for (int64_t i = 0; i < in.x.width; i += kRowBlock) {
    const int64_t n = minOf(kRowBlock, in.x.width - i);
    const T *p[kRows], *d[kRows];
    for (int r = 0; r < kRows; r++) {
      p[r] = readRow(in.x, at(in.x.start, first + r), i, n, stage[2 * r]);
      d[r] = readRow(in.dy, at(in.dy.start, first + r), i, n, stage[2 * r + 1]);
    }
    const T* const w = weight ? readVector(*weight, i, n, stage[2 * kRows]) : nullptr;
    V slope[kRows], product[kRows];
    for (int r = 0; r < kRows; r++) slope[r] = product[r] = V(T(0));
    // Behind the end of a row dy is zero, and so are the terms.
    const auto pass = [&]<bool kWeighs, bool kColumns, bool kOwn>() {
      const auto add = [&](auto load, auto save) {
        V toWeight, toBias, factor;
        if constexpr (kColumns) toWeight = load(columns->weight + i), toBias = load(columns->bias + i);
        if constexpr (kWeighs) factor = load(w);
        for (int r = 0; r < kRows; r++) {
          const V g = load(d[r]), normal = (load(p[r]) - mean[r]) * rstd[r];
          if constexpr (kColumns) {
            toWeight = toWeight + normal * g;
            toBias = toBias + g;
          }
          if constexpr (kOwn) {
            V own = g;
            if constexpr (kWeighs) own = g * factor;
            slope[r] = slope[r] + own;
            product[r] = product[r] + normal * own;
          }
        }
        if constexpr (kColumns) {
          save(columns->weight + i, toWeight);
          save(columns->bias + i, toBias);
        }
      };
      int64_t k = 0;
      for (; k + V::kLanes <= n; k += V::kLanes)
        add([k](const T* q) { return simd::load<V>(q + k); }, [k](T* q, V v) { store(q + k, v); });
      if (k < n)
        add([k, n](const T* q) { return simd::loadPart<V>(q + k, n - k); },
            [k, n](T* q, V v) { storePart(q + k, v, n - k); });
    };
    if (!rows) pass.template operator()<false, true, false>();
    else if (columns && w) pass.template operator()<true, true, true>();
    else if (columns) pass.template operator()<false, true, true>();
    else if (w) pass.template operator()<true, false, true>();
    else pass.template operator()<false, false, true>();
    for (int r = 0; rows && r < kRows; r++) {
      rows[r].slope += simd::addLanes(slope[r]);
      rows[r].product += simd::addLanes(product[r]);
    }
  }
}

/// What dx = rstd (g - even - (x - mean) slope) takes from a whole row.
template <class T>
struct RowSlopes {
  T even, slope;
};

template <class T>
RowSlopes<T> slopesOf(const RowSums& sums, int64_t width, T rstd, bool center) {
  // dx = rstd (g - Σ g / count - normal Σ normal g / count), normal = (x - mean) rstd
  const double count = static_cast<double>(width);
  return {static_cast<T>(center ? sums.slope / count : 0),
          static_cast<T>(sums.product / count * static_cast<double>(rstd))};
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
  Inputs<T> in;
  Rows dx;
  Vector weight;
  bool streams, center;

  InputGrad(const Out& out, const In& x, const In& mean, const In& rstd, const MaybeIn& w, const In& dy,
            bool centered)
      : in(x, mean, rstd, dy),
        dx(rowsOf(out)),
        weight(vectorOf(w)),
        streams(streamsPast(out, dx, 3)),
        center(centered) {}

  /// Of kRows rows, whose sums over columns may be wanted too.
  template <int kRows>
  void rows(int64_t first, const ColumnSums<T>* columns) const {
    RowSums sums[kRows];
    addRows<kRows>(in, first, &weight, sums, columns);
    for (int r = 0; r < kRows; r++) {
      const int64_t i = first + r;
      const T rstd = in.rstd(i);
      gradRow<T>(streams, dx, at(dx.start, i), in.x, at(in.x.start, i), weight, in.dy, at(in.dy.start, i),
                 in.mean(i), rstd, slopesOf(sums[r], in.x.width, rstd, center));
    }
  }
  /// After the last of some rows, on their thread.
  void end() const {
    if (streams) simd::endStreaming();
  }
};

/// f of kSide rows, again and again, and of one row for those left; f<rows>(first).
template <class F>
void forSides(int64_t first, int64_t end, F f) {
  for (; first + kSide <= end; first += kSide) f.template operator()<kSide>(first);
  for (; first < end; first++) f.template operator()<1>(first);
}

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

/// dWeight = Σ normal dy and dBias = Σ dy over rows, a few at a time; where `grad` is not null, x's gradient
/// with them.
template <class T>
void sumOverRows(Stream& s, const Out& dWeight, const Out& dBias, const Inputs<T>& in,
                 const InputGrad<T>* grad) {
  const int64_t width = in.x.width;
  if (width == 0) return;
  const Split split = splitOf(in.x.count, width);
  T* partial = static_cast<T*>(s.scratch);
  const auto chunk = [&](int64_t c) {
    T* const sums = partial + c * 2 * width;
    const ColumnSums<T> columns{sums, sums + width};
    __builtin_memset(sums, 0, static_cast<size_t>(2 * width) * sizeof(T));
    forSides(c * split.rows, minOf((c + 1) * split.rows, in.x.count), [&]<int kRows>(int64_t row) {
      if (grad) grad->template rows<kRows>(row, &columns);
      else addRows<kRows, T>(in, row, nullptr, nullptr, &columns);
    });
    if (grad) grad->end();
  };
  if (split.chunks == 1) chunk(0);
  else parallelSweep(s, split.chunks, chunk);
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
    forEachRows(s, grad.in.x.count, grad.in.x.width, kTogether, [&](int64_t i, int64_t n) {
      forSides(i, i + n, [&]<int kRows>(int64_t row) { grad.template rows<kRows>(row, nullptr); });
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
  withFloat(s, x.dtype, "rowNormGradWeight", [&]<class T>() {
    sumOverRows<T>(s, dWeight, dBias, {x, mean, rstd, dy}, nullptr);
  });
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
    sumOverRows(s, dWeight, dBias, grad.in, &grad);
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
