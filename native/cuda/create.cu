// Evenly spaced numbers, indices of triangles, one-hot rows and the time.
#include "../ops/rows/create.h"

#include "generate.h"
#include "prototype.h"
#include "wg/clock.h"
#include "wg/error.h"

WG_CUDA_PROTOTYPES(WG_CREATE_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 8192;

dim3 gridFor(int64_t elements) {
  return dim3(static_cast<unsigned>(minOf(ceilDiv<int64_t>(elements, kThreads), kMostBlocks)));
}

/// From the nearer end: both ends are exact and the middle is symmetric.
struct Line {
  double start, end, step;
  int64_t total;
  WG_DEV double operator()(int64_t i) const {
    const int64_t left = total - 1 - i;
    return i < total / 2 || total == 1 ? start + step * static_cast<double>(i)
                                       : end - step * static_cast<double>(left);
  }
};

/// The sum of clamp(i, 0, columns) over i < m: elements left of a diagonal.
WG_BOTH int64_t below(int64_t m, int64_t columns) {
  if (m <= 0) return 0;
  if (m <= columns + 1) return m * (m - 1) / 2;
  return columns * (columns + 1) / 2 + (m - columns - 1) * columns;
}

// Row i has clamp(i + offset, 0, columns) elements left of the diagonal; those, or the others when `upper`,
// are numbered row by row.
struct Triangle {
  int64_t rows, columns, offset;
  bool upper;
  /// Elements in the rows before `row`.
  WG_BOTH int64_t before(int64_t row) const {
    const int64_t left = below(row + offset, columns) - below(offset, columns);
    return upper ? row * columns - left : left;
  }
};

/// A thread an element: it finds its row by bisection.
template <class T>
WG_KERNEL(kThreads)
writeTriangle(T* out, int64_t count, Triangle t) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += step) {
    int64_t low = 0, high = t.rows;  // before(low) <= i < before(high)
    while (high - low > 1) {
      const int64_t middle = low + (high - low) / 2;
      if (t.before(middle) <= i) low = middle;
      else high = middle;
    }
    const int64_t split = t.offset + low < 0 ? 0 : t.offset + low < t.columns ? t.offset + low : t.columns;
    out[i] = static_cast<T>(low);
    out[count + i] = static_cast<T>((t.upper ? split : 0) + i - t.before(low));
  }
}

/// A thread an element of the output. `Bits` has the element's size, `one` those of 1.
template <class Bits, class I>
WG_KERNEL(kThreads)
writeOneHot(Bits* out, Bits one, const void* labels, DType dtype, const WG_GRID_CONSTANT Offsets<1, I> places,
            I classes, I total, ErrorCell* error) {
  const Divider<I> row(classes);
  const I step = static_cast<I>(gridDim.x) * blockDim.x;
  for (I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; i < total; i += step) {
    const Divided<I> at = row.both(i);
    const auto label = loadAny<int64_t>(labels, dtype, places(at.quotient)[0], false);
    out[i] = label == static_cast<int64_t>(at.remainder) ? one : Bits(0);
    if (at.remainder == 0 && (label < 0 || label >= static_cast<int64_t>(classes))) raise(error, label);
  }
}

WG_KERNEL(32, 1)
writeTime(int64_t* out) { *out = nanoseconds(); }

}  // namespace

void linspace(Stream& s, const Out& out, const double& start, const double& end) {
  const int64_t total = numel(out);
  const double step = total > 1 ? (end - start) / static_cast<double>(total - 1) : 0;
  withNumber(s, out.dtype, "linspace", [&]<class T>() { generate(s, out, Line{start, end, step, total}); });
}

void oneHot(Stream& s, const Out& out, const In& labels) {
  bool sound = out.rank == labels.rank + 1 && isContiguous(out) && isIndexType(labels.dtype);
  for (int i = 0; sound && i < labels.rank; i++) sound = out.shape[i] == labels.shape[i];
  if (!require(s, sound, "oneHot: the output is not labels by classes")) return;
  const int64_t classes = out.shape[labels.rank], total = numel(out);
  withAny(s, out.dtype, "oneHot", [&]<class T>() {
    if (total == 0) return;
    ErrorCell* error = errorCell(s, Code::index, "oneHot: label %%lld is out of range for %lld classes",
                                 static_cast<long long>(classes));
    if (!error) return;
    using Bits =
        std::conditional_t<sizeof(T) == 1, uint8_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>;
    const T one = 1;
    const View* const views[] = {&labels};
    const auto axes = axesOf(views);
    const auto run = [&]<class I>() {
      launch(s, writeOneHot<Bits, I>, gridFor(total), dim3(kThreads), 0, static_cast<Bits*>(out.data),
             __builtin_bit_cast(Bits, one), labels.data, labels.dtype, axes.template offsets<I>(),
             static_cast<I>(classes), static_cast<I>(total), error);
    };
    if (axes.small() && total <= INT32_MAX) run.template operator()<uint32_t>();
    else run.template operator()<uint64_t>();
  });
}

void triangleIndices(Stream& s, const Out& out, const double& rowCount, const double& columnCount,
                     const double& diagonal, const int32_t& upper) {
  const Triangle t{static_cast<int64_t>(rowCount), static_cast<int64_t>(columnCount),
                   static_cast<int64_t>(diagonal), upper != 0};
  const bool sound = out.rank == 2 && out.shape[0] == 2 && t.rows >= 0 && t.columns >= 0 &&
                     isContiguous(out) && out.shape[1] == t.before(t.rows);
  if (!require(s, sound, "triangleIndices: the output is not two rows of indices")) return;
  const int64_t count = out.shape[1];
  const auto write = [&]<class T>() {
    if (count > 0)
      launch(s, writeTriangle<T>, gridFor(count), dim3(kThreads), 0, static_cast<T*>(out.data), count, t);
  };
  if (out.dtype == DType::i32) write.template operator()<int32_t>();
  else if (out.dtype == DType::i64) write.template operator()<int64_t>();
  else unsupported(s, "triangleIndices", out.dtype);
}

void timestamp(Stream& s, const Out& out) {
  if (!require(s, out.dtype == DType::i64 && numel(out) == 1, "timestamp: the output is not one int64"))
    return;
  launch(s, writeTime, dim3(1), dim3(1), 0, static_cast<int64_t*>(out.data));
}

}  // namespace wg::cuda
