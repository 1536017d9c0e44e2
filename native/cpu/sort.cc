// Sorting rows along the last axis, and their k best, k-th and most frequent elements. Rows that fit a
// thread's scratch are sorted each by one thread; longer ones, one after the other, by all.
#include "../ops/rows/sort.h"

#include "order.h"
#include "reduction.h"

WG_PROTOTYPES(WG_SORT_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

constexpr int64_t kCounterBytes = kSortPieces * kDigits * 8;

template <class T>
bool isLong(int64_t width) {
  return width >= kLongRow || sortBytes<T>(width) > static_cast<int64_t>(kWorkerScratchBytes);
}
size_t workspaceFor(const View& x) {
  const int64_t width = x.rank > 0 ? x.shape[x.rank - 1] : 1;
  const auto bytes = [&]<class T>() {
    return isLong<T>(width) ? static_cast<size_t>(sortBytes<T>(width) + kCounterBytes) : size_t{0};
  };
  switch (itemBytes(x.dtype)) {
    case 8:
      return bytes.template operator()<double>();
    case 4:
      return bytes.template operator()<float>();
    default:
      return bytes.template operator()<uint8_t>();
  }
}

/// use(row number, sorted keys and places, whether other threads are free to help) for every row of x.
template <class T, class Use>
void eachSortedRow(Stream& s, const Rows& x, bool descending, Use use) {
  using K = Key<T>;
  const K flip = descending ? static_cast<K>(~K(0)) : K(0);
  if (!isLong<T>(x.width)) {
    forEachRow(s, x.count, 8 * x.width, [&](int64_t i) {
      void* memory = workerScratch();
      if (memory == nullptr) return fail(s, Code::outOfMemory, "sort: no scratch memory");
      SortRoom<K> room = sortRoom<K>(memory, x.width);
      readKeys<T>(room, at(x.start, i), x.step, 0, x.width, flip);
      radixSort(room, x.width);
      use(i, room, false);
    });
    return;
  }
  if (!require(s, s.scratchBytes >= static_cast<size_t>(sortBytes<T>(x.width) + kCounterBytes),
               "sort: too little scratch"))
    return;
  auto* counters = static_cast<int64_t(*)[kDigits]>(s.scratch);
  const int64_t piece = ceilDiv(x.width, kSortPieces);
  for (int64_t i = 0; i < x.count; i++) {
    SortRoom<K> room = sortRoom<K>(static_cast<char*>(s.scratch) + kCounterBytes, x.width);
    parallelFor(s, kSortPieces, [&](int64_t k) {
      readKeys<T>(room, at(x.start, i), x.step, k * piece, minOf((k + 1) * piece, x.width), flip);
    });
    radixSortLong(s, room, x.width, counters);
    if (failed(s)) return;  // cancelled half-way: the places are no permutation
    use(i, room, true);
  }
}

struct Outputs {
  Rows values, indices;
};

/// Element `from` of x's row becomes element `to` of the results' row.
template <class T>
void emit(const Outputs& out, int64_t row, int64_t to, const char* x, int64_t step, int32_t from) {
  put(at(out.values.start, row) + to * out.values.step, elementAt<T>(x, step, from));
  put(at(out.indices.start, row) + to * out.indices.step, from);
}

/// The first `count` places of every sorted row.
template <class T>
void sortRows(Stream& s, const Outputs& out, const Rows& x, bool descending, int64_t count) {
  eachSortedRow<T>(s, x, descending, [&](int64_t i, const SortRoom<Key<T>>& room, bool helped) {
    const char* row = at(x.start, i);
    char *values = at(out.values.start, i), *indices = at(out.indices.start, i);
    const auto some = [&](int64_t start, int64_t end) {
      for (int64_t j = start; j < end; j++) {
        put(values + j * out.values.step, elementAt<T>(row, x.step, room.places[j]));
        put(indices + j * out.indices.step, room.places[j]);
      }
    };
    if (!helped) return some(0, count);
    const int64_t piece = ceilDiv(count, kSortPieces);
    parallelFor(s, kSortPieces, [&](int64_t k) { some(k * piece, minOf((k + 1) * piece, count)); });
  });
}

template <class T>
void topRows(Stream& s, const Outputs& out, const Rows& x, bool largest, int64_t count) {
  using K = Key<T>;
  const K flip = largest ? static_cast<K>(~K(0)) : K(0);
  forEachRow(s, x.count, 8 * x.width, [&](int64_t i) {
    void* memory = workerScratch();
    if (memory == nullptr) return fail(s, Code::outOfMemory, "topk: no scratch memory");
    const char* row = at(x.start, i);
    const auto key = [&](int64_t j) { return static_cast<K>(keyOf(elementAt<T>(row, x.step, j)) ^ flip); };
    int64_t better;
    const K last = selectKey<K>(x.width, count - 1, key, better);
    SortRoom<K> room = sortRoom<K>(memory, count);
    int64_t found = 0, equal = count - better;
    for (int64_t j = 0; found < count; j++) {
      const K own = key(j);
      if (own > last || (own == last && equal-- <= 0)) continue;
      room.keys[found] = own;
      room.places[found++] = static_cast<int32_t>(j);
    }
    radixSort(room, count);
    for (int64_t j = 0; j < count; j++) emit<T>(out, i, j, row, x.step, room.places[j]);
  });
}

enum Rule : int32_t { kAsItIs, kMedian, kMedianOfNumbers };

template <class T>
int64_t placeOfKth(const char* row, int64_t step, int64_t n, int64_t k, int32_t rule) {
  using K = Key<T>;
  if (rule != kAsItIs && kIsFloat<T>) {
    int64_t numbers = 0, firstNaN = -1;
    for (int64_t j = 0; j < n; j++) {
      const T x = elementAt<T>(row, step, j);
      if (x == x) numbers++;
      else if (firstNaN < 0) firstNaN = j;
    }
    if (firstNaN >= 0 && (rule == kMedian || numbers == 0)) return firstNaN;
    k = (numbers - 1) / 2;
  }
  if (n <= kShortRow) {
    K keys[kShortRow];
    int32_t places[kShortRow];
    readKeys<T>(SortRoom<K>{keys, keys, places, places}, row, step, 0, n, K(0));
    insertionSort(keys, places, n);
    return places[k];
  }
  const auto key = [&](int64_t j) { return keyOf(elementAt<T>(row, step, j)); };
  int64_t smaller;
  const K wanted = selectKey<K>(n, k, key, smaller);
  for (int64_t j = 0, left = k - smaller;; j++) {
    if (key(j) == wanted && left-- == 0) return j;
  }
}

bool resultsFit(Stream& s, const View& values, const View& indices, const View& x, bool sameWidth) {
  bool fits = x.rank >= 1 && values.rank == x.rank && sameShape(values, indices) && values.dtype == x.dtype &&
              indices.dtype == DType::i32;
  for (int i = 0; fits && i < x.rank - (sameWidth ? 0 : 1); i++) fits = values.shape[i] == x.shape[i];
  fits = fits && x.shape[x.rank - 1] <= 0x7fffffff;
  return require(s, fits, "sort: results and input do not fit");
}

}  // namespace

size_t sortWorkspace(const Out&, const Out&, const In& x, const int32_t&) { return workspaceFor(x); }
size_t topkWorkspace(const Out&, const Out&, const In& x, const int32_t&) { return workspaceFor(x); }
size_t modeWorkspace(const Out&, const Out&, const In& x) { return workspaceFor(x); }

void sort(Stream& s, const Out& values, const Out& indices, const In& x, const int32_t& descending) {
  if (!resultsFit(s, values, indices, x, true) || numel(x) == 0) return;
  const Outputs out = {rowsOf(values), rowsOf(indices)};
  withAny(s, x.dtype, "sort",
          [&]<class T>() { sortRows<T>(s, out, rowsOf(x), descending != 0, out.values.width); });
}

void topk(Stream& s, const Out& values, const Out& indices, const In& x, const int32_t& largest) {
  if (!resultsFit(s, values, indices, x, false) || numel(values) == 0) return;
  const Rows rows = rowsOf(x);
  const int64_t count = values.shape[x.rank - 1];
  if (!require(s, count <= rows.width, "topk: k is larger than the axis")) return;
  const Outputs out = {rowsOf(values), rowsOf(indices)};
  withAny(s, x.dtype, "topk", [&]<class T>() {
    // Selecting reads a row once for each byte of a key; sorting all of it pays when it is short or nearly
    // all is wanted.
    const bool few =
        sortBytes<T>(count) <= static_cast<int64_t>(kWorkerScratchBytes) && count * 2 <= rows.width;
    if (few && rows.width > kShortRow) topRows<T>(s, out, rows, largest != 0, count);
    else sortRows<T>(s, out, rows, largest != 0, count);
  });
}

void kthvalue(Stream& s, const Out& values, const Out& indices, const In& x, const double& k,
              const int32_t& rule) {
  if (!resultsFit(s, values, indices, x, false)) return;
  const Rows rows = rowsOf(x);
  const int64_t wanted = rule == kAsItIs ? fromDouble<int64_t>(k) : (rows.width - 1) / 2;
  if (!require(s, values.shape[x.rank - 1] == 1 && wanted >= 0 && wanted < rows.width,
               "kthvalue: k is outside the axis"))
    return;
  const Outputs out = {rowsOf(values), rowsOf(indices)};
  withAny(s, x.dtype, "kthvalue", [&]<class T>() {
    forEachRow(s, rows.count, 4 * rows.width, [&](int64_t i) {
      const char* row = at(rows.start, i);
      const int64_t place = placeOfKth<T>(row, rows.step, rows.width, wanted, rule);
      emit<T>(out, i, 0, row, rows.step, static_cast<int32_t>(place));
    });
  });
}

void mode(Stream& s, const Out& values, const Out& indices, const In& x) {
  if (!resultsFit(s, values, indices, x, false)) return;
  const Rows rows = rowsOf(x);
  if (!require(s, values.shape[x.rank - 1] == 1 && rows.width > 0, "mode: the axis is empty")) return;
  const Outputs out = {rowsOf(values), rowsOf(indices)};
  withAny(s, x.dtype, "mode", [&]<class T>() {
    eachSortedRow<T>(s, rows, false, [&](int64_t i, const SortRoom<Key<T>>& room, bool) {
      int64_t most = 0, run = 0;
      int32_t best = 0;
      for (int64_t j = 0; j < rows.width; j++) {
        // NaN equals nothing, itself included.
        const bool isNaN = kIsFloat<T> && room.keys[j] == static_cast<Key<T>>(~Key<T>(0));
        run = j > 0 && room.keys[j] == room.keys[j - 1] && !isNaN ? run + 1 : 1;
        const bool ends = j + 1 == rows.width || room.keys[j + 1] != room.keys[j] || isNaN;
        if (ends && run > most) {
          most = run;
          best = room.places[j];
        }
      }
      emit<T>(out, i, 0, at(rows.start, i), rows.step, best);
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
