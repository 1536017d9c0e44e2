// Runs of equal elements, binary search and histograms.
#include "../ops/rows/sort.h"

#include "order.h"
#include "reduction.h"

WG_PROTOTYPES(WG_SORT_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

bool isPlace(DType t) { return t == DType::i32 || t == DType::i64; }

template <class T>
int64_t countRuns(const View& values, const View& inverse, const View& counts, const View& x,
                  const MaybeIn& order) {
  const Rows from = rowsOf(x), to = rowsOf(values), numbers = rowsOf(inverse), sizes = rowsOf(counts);
  const int64_t room = values.shape[0];
  char* row = static_cast<char*>(x.data);
  int64_t run = -1, length = 0;
  const auto close = [&] {
    if (run >= 0 && run < room)
      putInteger(static_cast<char*>(counts.data) + run * sizes.step, counts.dtype, length);
  };
  for (int64_t i = 0; i < x.shape[0]; i++) {
    const T value = elementAt<T>(row, from.step, i);
    if (i == 0 || value != elementAt<T>(row, from.step, i - 1)) {
      close();
      length = 0;
      if (++run < room) put(static_cast<char*>(values.data) + run * to.step, value);
    }
    length++;
    int64_t place = i;
    if (order.data != nullptr)
      place = elementAt<int32_t>(static_cast<const char*>(order.data), order.stride[0] * 4, i);
    putInteger(static_cast<char*>(inverse.data) + place * numbers.step, inverse.dtype, run);
  }
  close();
  return run + 1;
}

/// First position whose element is not below (right: is above) `value`; NaN is above everything.
template <class T>
int64_t lowerBound(const char* row, int64_t step, int64_t n, T value, bool right) {
  int64_t low = 0, high = n;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    const T own = elementAt<T>(row, step, middle);
    if (right ? own > value : own >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}
template <class T>
int64_t lowerBoundThrough(const char* row, int64_t step, int64_t n, T value, bool right, const Rows& order,
                          const char* orderRow, DType orderType) {
  int64_t low = 0, high = n;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    const int64_t place = orderType == DType::i64 ? elementAt<int64_t>(orderRow, order.step, middle)
                                                  : elementAt<int32_t>(orderRow, order.step, middle);
    if (place < 0 || place >= n) return -1;
    const T own = elementAt<T>(row, step, place);
    if (right ? own > value : own >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

int64_t histogramPieces(const View& x, int64_t bins) {
  const int64_t n = numel(x);
  return n <= kChunk || bins > 65536 ? 1 : minOf(16, ceilDiv(n, kChunk));
}

}  // namespace

void runs(Stream& s, const Out& values, const Out& inverse, const Out& counts, const Out& total, const In& x,
          const MaybeIn& order) {
  const bool lines = x.rank == 1 && values.rank == 1 && sameShape(inverse, x) && sameShape(counts, values) &&
                     total.rank == 1 && total.shape[0] == 1;
  const bool types =
      values.dtype == x.dtype && isPlace(inverse.dtype) && isPlace(counts.dtype) && total.dtype == DType::i64;
  bool ordered = order.data == nullptr || (order.dtype == DType::i32 && sameShape(order, x));
  if (!require(s, lines && types && ordered, "runs: results and input do not fit")) return;
  for (int64_t i = 0; order.data != nullptr && ordered && i < x.shape[0]; i++) {
    const int32_t place = elementAt<int32_t>(static_cast<const char*>(order.data), order.stride[0] * 4, i);
    ordered = place >= 0 && place < x.shape[0];
  }
  if (!require(s, ordered, "runs: the order is no permutation")) return;
  withAny(s, x.dtype, "runs", [&]<class T>() {
    putInteger(static_cast<char*>(total.data), total.dtype, countRuns<T>(values, inverse, counts, x, order));
  });
}

void searchsorted(Stream& s, const Out& out, const In& sorted, const In& x, const MaybeIn& sorter,
                  const int32_t& right) {
  bool fits = x.rank >= 1 && sameShape(out, x) && sorted.rank == x.rank && sorted.dtype == x.dtype &&
              isPlace(out.dtype);
  for (int i = 0; fits && i < x.rank - 1; i++) fits = sorted.shape[i] == x.shape[i];
  const bool through = sorter.data != nullptr;
  fits = fits && (!through || (sameShape(sorter, sorted) && isPlace(sorter.dtype)));
  if (!require(s, fits, "searchsorted: results and inputs do not fit") || numel(x) == 0) return;
  constexpr int64_t kPart = 4096;
  const Rows from = rowsOf(x), to = rowsOf(out), in = rowsOf(sorted), order = through ? rowsOf(sorter) : in;
  const int64_t parts = ceilDiv(from.width, kPart);
  withAny(s, x.dtype, "searchsorted", [&]<class T>() {
    forEachRow(s, from.count * parts, 4 * minOf(kPart, from.width), [&](int64_t k) {
      const int64_t row = k / parts, start = k % parts * kPart;
      const char *values = at(from.start, row), *line = at(in.start, row), *places = at(order.start, row);
      char* target = at(to.start, row);
      for (int64_t i = start, end = minOf(start + kPart, from.width); i < end; i++) {
        const T value = elementAt<T>(values, from.step, i);
        const int64_t found = through ? lowerBoundThrough(line, in.step, in.width, value, right != 0, order,
                                                          places, sorter.dtype)
                                      : lowerBound(line, in.step, in.width, value, right != 0);
        if (found < 0)
          return fail(s, Code::index, "searchsorted: the sorter names a place outside the axis of size %lld",
                      static_cast<long long>(in.width));
        putInteger(target + i * to.step, out.dtype, found);
      }
    });
  });
}

size_t histogramWorkspace(const Out& counts, const In& x, const In&) {
  const int64_t bins = numel(counts);
  return static_cast<size_t>(histogramPieces(x, bins) * bins * 8);
}

void histogram(Stream& s, const Out& counts, const In& x, const In& range) {
  const bool fits = counts.rank == 1 && range.rank == 1 && range.shape[0] == 2 && counts.dtype == x.dtype &&
                    range.dtype == x.dtype;
  if (!require(s, fits, "histogram: counts, input and range do not fit")) return;
  withFloat(s, x.dtype, "histogram", [&]<class T>() {
    const Walk from = walkOf(x);
    const int64_t bins = counts.shape[0], pieces = histogramPieces(x, bins);
    T low = elementAt<T>(static_cast<const char*>(range.data), range.stride[0] * from.item, 0);
    T high = elementAt<T>(static_cast<const char*>(range.data), range.stride[0] * from.item, 1);
    if (!(low - low == 0 && high - high == 0 && low <= high))
      return fail(s, Code::argument, "histc: the range [%g, %g] is not finite or turned around",
                  static_cast<double>(low), static_cast<double>(high));
    if (low == high) {
      low -= 1;
      high += 1;
    }
    if (!require(s, s.scratchBytes >= static_cast<size_t>(pieces * bins * 8),
                 "histogram: too little scratch"))
      return;
    int64_t* partial = static_cast<int64_t*>(s.scratch);
    const int64_t piece = ceilDiv(from.total, pieces);
    const auto count = [&](int64_t k) {
      int64_t* own = partial + k * bins;
      for (int64_t b = 0; b < bins; b++) own[b] = 0;
      alignas(64) T stage[kStageBytes / sizeof(T)];
      constexpr int64_t kBlock = kStageBytes / static_cast<int64_t>(sizeof(T));
      for (int64_t i = k * piece, end = minOf(i + piece, from.total); i < end; i += kBlock) {
        const int64_t n = minOf(kBlock, end - i);
        gather(stage, from, i, n);
        for (int64_t j = 0; j < n; j++) {
          const T v = stage[j];
          if (!(v >= low && v <= high)) continue;
          const int64_t bin = static_cast<int64_t>((v - low) / (high - low) * static_cast<T>(bins));
          own[minOf(bin, bins - 1)]++;
        }
      }
    };
    if (pieces == 1) count(0);
    else parallelFor(s, pieces, count);
    char* to = static_cast<char*>(counts.data);
    for (int64_t b = 0; b < bins; b++) {
      int64_t total = 0;
      for (int64_t k = 0; k < pieces; k++) total += partial[k * bins + b];
      put(to + b * counts.stride[0] * from.item, static_cast<T>(total));
    }
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
