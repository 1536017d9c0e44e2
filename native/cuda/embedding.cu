// Rotary position embeddings and bags of embeddings.
#include "../ops/rows/embedding.h"

#include "index_set.cuh"
#include "prototype.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_EMBEDDING_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
struct Turn {
  T* out;
  const T *x, *cos, *sin;
  Offsets<4, uint64_t> rows;  ///< of out, x, cos, sin
  int64_t step[4];
  Divider<uint64_t> half;
  uint64_t total;          ///< pairs
  int64_t apart, partner;  ///< from one pair to the next, and from a pair's first element to its second
  T sign;
};

/// A thread turns a pair (a, b) by its angle: elements 2k and 2k + 1, or k and k + half.
template <class T>
WG_KERNEL(kThreads)
turnPairs(Turn<T> a) {
  const uint64_t e = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (e >= a.total) return;
  const auto at = a.half.both(e);
  const auto row = a.rows(at.quotient);
  const int64_t k = static_cast<int64_t>(at.remainder), first = k * a.apart, second = first + a.partner;
  const T p = a.x[row[1] + first * a.step[1]], q = a.x[row[1] + second * a.step[1]];
  const T c = a.cos[row[2] + k * a.step[2]], d = a.sin[row[3] + k * a.step[3]] * a.sign;
  a.out[row[0] + first * a.step[0]] = p * c - q * d;
  a.out[row[0] + second * a.step[0]] = q * c + p * d;
}

/// A vector of integers.
struct Integers {
  const void* data;
  int64_t step, count;
  DType type;
  WG_DEV int64_t operator[](int64_t i) const { return loadIndex(data, type, i * step); }
};
Integers integersOf(const View& v) { return {v.data, v.stride[0], v.shape[0], v.dtype}; }

/// Offsets start at 0 and never fall; the last bag ends with the indices, of which there are `most`. Indices,
/// where there are any, name one of `rows` rows.
WG_KERNEL(kThreads)
checkBags(Integers offsets, int64_t most, Integers indices, int64_t rows, ErrorCell* cell) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < offsets.count) {
    const int64_t here = offsets[i], before = i == 0 ? 0 : offsets[i - 1];
    if (i == 0 && here != 0) raise(cell, here);
    else if (here < before || here > most) raiseLine(cell, 1, here, i, before);
  }
  if (i < indices.count) {
    const int64_t row = indices[i];
    if (row < 0 || row >= rows) raiseLine(cell, 2, row);
  }
}
ErrorCell* bagsCell(Stream& s, int64_t most, int64_t rows) {
  return errorCell(s, Code::index,
                   "embeddingBag: offset %%lld of bag 0 must be in [0, 0]\n"
                   "embeddingBag: offset %%lld of bag %%lld must be in [%%lld, %lld]\n"
                   "embeddingBag: index %%lld is out of range for %lld rows",
                   static_cast<long long>(most), static_cast<long long>(rows));
}
void check(Stream& s, const Integers& offsets, int64_t most, const Integers& indices, int64_t rows,
           ErrorCell* cell) {
  const int64_t n = maxOf(offsets.count, indices.count);
  if (n > 0) launch(s, checkBags, gridFor(n, kThreads), blockFor(n), 0, offsets, most, indices, rows, cell);
}

template <class T>
struct Bags {
  T* out;           ///< [bags, width]
  int64_t* places;  ///< where maxima come from; null: no maxima
  const T* weight;
  int64_t rowStep, step, width;
  Integers indices, offsets;
  const T* scales;  ///< or null
  int64_t scaleStep;
  bool mean;
  double padding;
  const ErrorCell* cell;
};

/// A block a bag, a thread a column of it.
template <class T>
WG_KERNEL(kThreads, 1)
foldBags(Bags<T> a) {
  if (a.cell->set != 0) return;
  const int64_t bag = blockIdx.x;
  const int64_t first = a.offsets[bag],
                end = bag + 1 < a.offsets.count ? a.offsets[bag + 1] : a.indices.count;
  for (int64_t x = threadIdx.x; x < a.width; x += blockDim.x) {
    T value = T(0);
    int64_t place = -1, count = 0;
    for (int64_t i = first; i < end; i++) {
      const int64_t row = a.indices[i];
      if (static_cast<double>(row) == a.padding) continue;
      count++;
      const T own = a.weight[row * a.rowStep + x * a.step];
      if (a.places) {
        if (place < 0 || own > value || (own != own && value == value)) {
          value = own;
          place = row;
        }
      } else {
        value += own * (a.scales ? a.scales[i * a.scaleStep] : T(1));
      }
    }
    if (a.mean && count > 1) value /= static_cast<T>(count);
    a.out[bag * a.width + x] = value;
    if (a.places) a.places[bag * a.width + x] = place;
  }
}

/// A thread an index: the last bag that begins at it or before.
WG_KERNEL(kThreads)
numberBags(int64_t* out, int64_t step, int64_t total, Integers offsets, const ErrorCell* cell) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= total || cell->set != 0) return;
  int64_t low = 0, high = offsets.count;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    if (offsets[middle] <= i) low = middle;
    else high = middle;
  }
  out[i * step] = low;
}

}  // namespace

void rotate(Stream& s, const Out& out, const In& x, const In& cos, const In& sin, const int32_t& interleaved,
            const int32_t& inverse) {
  const int last = x.rank - 1;
  bool fits = last >= 0 && sameShape(out, x) && cos.rank == x.rank && sameShape(cos, sin) &&
              out.dtype == x.dtype && cos.dtype == x.dtype && sin.dtype == x.dtype &&
              2 * cos.shape[last] == x.shape[last];
  for (int i = 0; fits && i < last; ++i) fits = cos.shape[i] == x.shape[i];
  if (!require(s, fits, "rotate: input, cosines and sines do not fit together") || numel(x) == 0) return;
  const View rows[] = {leadingAxes(out, last), leadingAxes(x, last), leadingAxes(cos, last),
                       leadingAxes(sin, last)};
  const int64_t half = cos.shape[last], total = numel(cos);
  withFloat(s, x.dtype, "rotate", [&]<class T>() {
    Turn<T> a{};
    a.out = static_cast<T*>(out.data);
    a.x = static_cast<const T*>(x.data);
    a.cos = static_cast<const T*>(cos.data);
    a.sin = static_cast<const T*>(sin.data);
    a.rows = axesOf<4>({&rows[0], &rows[1], &rows[2], &rows[3]}).template offsets<uint64_t>();
    a.step[0] = out.stride[last];
    a.step[1] = x.stride[last];
    a.step[2] = cos.stride[last];
    a.step[3] = sin.stride[last];
    a.half = Divider<uint64_t>(static_cast<uint64_t>(half));
    a.total = static_cast<uint64_t>(total);
    a.apart = interleaved != 0 ? 2 : 1;
    a.partner = interleaved != 0 ? 1 : half;
    a.sign = inverse != 0 ? T(-1) : T(1);
    launch(s, turnPairs<T>, gridFor(total, kThreads), blockFor(total), 0, a);
  });
}

void embeddingBag(Stream& s, const Out& out, const Out& places, const In& weight, const In& indices,
                  const In& offsets, const MaybeIn& scales, const int32_t& mode, const double& padding) {
  const bool max = mode == 2;
  const bool fits =
      weight.rank == 2 && indices.rank == 1 && offsets.rank == 1 && out.rank == 2 &&
      out.shape[0] == offsets.shape[0] && out.shape[1] == weight.shape[1] && out.dtype == weight.dtype &&
      isIndexType(indices.dtype) && isIndexType(offsets.dtype) && places.dtype == DType::i64 &&
      isContiguous(out) && isContiguous(places) && (!max || sameShape(places, out)) &&
      (!scales.data ||
       (scales.rank == 1 && scales.shape[0] == indices.shape[0] && scales.dtype == weight.dtype && !max));
  if (!require(s, fits, "embeddingBag: weight, indices, offsets and results do not fit together")) return;
  const Integers where = integersOf(indices), starts = integersOf(offsets);
  ErrorCell* const cell = bagsCell(s, where.count, weight.shape[0]);
  if (!cell) return;
  check(s, starts, where.count, where, weight.shape[0], cell);
  if (numel(out) == 0) return;
  withFloat(s, weight.dtype, "embeddingBag", [&]<class T>() {
    const Bags<T> a{static_cast<T*>(out.data),
                    max ? static_cast<int64_t*>(places.data) : nullptr,
                    static_cast<const T*>(weight.data),
                    weight.stride[0],
                    weight.stride[1],
                    weight.shape[1],
                    where,
                    starts,
                    static_cast<const T*>(scales.data),
                    scales.data ? scales.stride[0] : 0,
                    mode == 1,
                    padding,
                    cell};
    launch(s, foldBags<T>, gridFor(starts.count, 1), blockFor(a.width), 0, a);
  });
}

void bagNumbers(Stream& s, const Out& out, const In& offsets) {
  if (!require(s, out.rank == 1 && out.dtype == DType::i64 && offsets.rank == 1 && isIndexType(offsets.dtype),
               "bagNumbers: wants int64 results and integer offsets"))
    return;
  const Integers starts = integersOf(offsets);
  const int64_t total = out.shape[0];
  ErrorCell* const cell = bagsCell(s, total, 0);
  if (!cell) return;
  check(s, starts, total, {nullptr, 0, 0, DType::i64}, 0, cell);
  if (total == 0 || starts.count == 0) return;
  launch(s, numberBags, gridFor(total, kThreads), blockFor(total), 0, static_cast<int64_t*>(out.data),
         out.stride[0], total, starts, static_cast<const ErrorCell*>(cell));
}

}  // namespace wg::cuda
