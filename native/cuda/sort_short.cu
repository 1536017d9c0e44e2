// Rows that fit into shared memory: a block reads, sorts and writes one row, or several shorter ones at once.
#include "bitonic.cuh"
#include "keys.cuh"
#include "sort_short.h"
#include "wg/launch.h"

namespace wg::cuda {
namespace {

constexpr int kThreads = 512;
constexpr uint32_t kTile = 1024;  // elements of a block, where rows are shorter than that

template <class T>
struct Short {
  T* values;
  int32_t* indices;
  const T* x;
  Offsets<3, uint64_t> rows;  ///< of values, indices and x
  int64_t step[3];
  uint32_t width, count, padded, perBlock;
  Key<T> flip;
};

template <class T>
WG_KERNEL(kThreads)
shortRows(Short<T> a) {
  using K = Key<T>;
  WG_SHARED(K, keys, [kShortRow]);
  WG_SHARED(uint16_t, places, [kShortRow]);
  const uint64_t first = uint64_t{blockIdx.x} * a.perBlock;
  const uint32_t total = a.padded * a.perBlock;
  for (uint32_t e = threadIdx.x; e < total; e += blockDim.x) {
    const uint32_t place = e & (a.padded - 1);
    const uint64_t row = first + e / a.padded;
    K key = static_cast<K>(~K(0));  // behind all elements, whose places are lower
    if (place < a.width && row < a.rows.total)
      key = static_cast<K>(keyOf(a.x[a.rows(row)[2] + place * a.step[2]]) ^ a.flip);
    keys[e] = key;
    places[e] = static_cast<uint16_t>(place);
  }
  bitonicSort(keys, places, a.padded, total);
  for (uint32_t e = threadIdx.x; e < total; e += blockDim.x) {
    const uint32_t at = e & (a.padded - 1);
    const uint64_t row = first + e / a.padded;
    if (at >= a.count || row >= a.rows.total) continue;
    const auto start = a.rows(row);
    a.values[start[0] + at * a.step[0]] = a.x[start[2] + places[e] * a.step[2]];
    a.indices[start[1] + at * a.step[1]] = places[e];
  }
}

}  // namespace

void sortShortRows(Stream& s, const View& values, const View& indices, const View& x, bool descending) {
  const int last = x.rank - 1;
  const View rows[] = {leadingAxes(values, last), leadingAxes(indices, last), leadingAxes(x, last)};
  withAny(s, x.dtype, "sort", [&]<class T>() {
    Short<T> a{};
    a.values = static_cast<T*>(values.data);
    a.indices = static_cast<int32_t*>(indices.data);
    a.x = static_cast<const T*>(x.data);
    a.rows = axesOf<3>({&rows[0], &rows[1], &rows[2]}).template offsets<uint64_t>();
    a.step[0] = values.stride[last];
    a.step[1] = indices.stride[last];
    a.step[2] = x.stride[last];
    a.width = static_cast<uint32_t>(x.shape[last]);
    a.count = static_cast<uint32_t>(values.shape[last]);
    a.padded = powerAbove(a.width);
    a.perBlock =
        a.padded >= kTile ? 1 : static_cast<uint32_t>(minOf(kTile / a.padded, powerAbove(numel(rows[2]))));
    a.flip = descending ? static_cast<Key<T>>(~Key<T>(0)) : Key<T>(0);
    launch(s, shortRows<T>, gridFor(static_cast<int64_t>(a.rows.total), a.perBlock),
           blockFor(a.padded * a.perBlock / 2, kThreads), 0, a);
  });
}

}  // namespace wg::cuda
