// Lists of tensors in one launch: up to kTensors of them go along as kernel arguments, cut into chunks of one
// size, a block each, so that many small parameters and one large one spread over the device alike.
#pragma once
#include "../ops/checks.h"
#include "wg/block.h"
#include "wg/index.h"
#include "wg/launch.h"
#include "wg/vector.h"

namespace wg::cuda {

inline constexpr int kListTensors = 128;      // some kilobytes of arguments, of the 32 that a launch takes
inline constexpr int64_t kListChunk = 32768;  // elements of a block
inline constexpr int kListThreads = 256;

/// N lists in step: tensor t of each has the same elements.
template <int N>
struct TensorBatch {
  int32_t count;
  int32_t start[kListTensors + 1];  ///< number of each tensor's first chunk
  int64_t size[kListTensors];
  void* data[N][kListTensors];  ///< contiguous; null: this list is absent
  bool packed[kListTensors];    ///< every pointer may be used with packs of 16 bytes
};

/// The elements of one block: of tensor `tensor`, from `first`, `count` of them.
struct Chunk {
  int tensor;
  int64_t first, count;
};

template <int N>
WG_DEV Chunk chunkOf(const TensorBatch<N>& batch) {
  const int chunk = static_cast<int>(blockIdx.x);
  int low = 0, high = batch.count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (batch.start[middle] <= chunk) low = middle;
    else high = middle;
  }
  const int64_t first = (chunk - batch.start[low]) * kListChunk, left = batch.size[low] - first;
  return {low, first, left < kListChunk ? left : kListChunk};
}

/// f(offset, n) for this thread's share of a chunk: packs of n neighbours where memory allows, then what is
/// left one by one. n is a std::integral_constant.
template <class T, class F>
WG_DEV void overChunk(const Chunk& c, bool packed, F f) {
  constexpr int n = kPackCount<T>;
  int64_t done = 0;
  if (packed) {
    done = c.count / n * n;
    for (int64_t i = static_cast<int64_t>(threadIdx.x) * n; i < done;
         i += static_cast<int64_t>(kListThreads) * n)
      f(c.first + i, std::integral_constant<int, n>());
  }
  for (int64_t i = done + threadIdx.x; i < c.count; i += kListThreads)
    f(c.first + i, std::integral_constant<int, 1>());
}

/// The i-th tensors of several lists agree in shape and dtype, and the dtype is a float.
inline bool listsAgree(Stream& s, const char* message, int64_t count, const View* a, const View* b) {
  for (int64_t i = 0; i < count; i++) {
    const bool isFloat = a[i].dtype == DType::f32 || a[i].dtype == DType::f64;
    if (!require(s, isFloat && sameShape(a[i], b[i]) && a[i].dtype == b[i].dtype, message)) return false;
  }
  return true;
}

/// One tensor of each list, when its elements lie apart; cut into chunks alike.
template <int N>
struct LooseTensors {
  Offsets<N, uint64_t> places;
  void* data[N];  ///< null: this list is absent
};

/// The tensors of one dtype: those that lie in memory without gaps, in one order in every list, by batches,
/// batched(batch, first, chunks); others one by one, loose(tensors, first, chunks). Chunks are numbered from
/// `first` on through all calls. lists[k] may be null.
template <int N, class Batched, class Loose>
void forEachBatch(DType dtype, const View* const (&lists)[N], int64_t count, int64_t& first, Batched batched,
                  Loose loose) {
  constexpr int64_t kMostChunks = int64_t{1} << 30;
  TensorBatch<N> batch{};
  const auto flush = [&] {
    if (batch.count == 0) return;
    batched(batch, first, batch.start[batch.count]);
    first += batch.start[batch.count];
    batch.count = 0;
  };
  for (int64_t t = 0; t < count; t++) {
    const int64_t size = numel(lists[0][t]), chunks = ceilDiv<int64_t>(size, kListChunk);
    if (lists[0][t].dtype != dtype || size == 0) continue;
    const View* views[N];
    void* data[N];
    for (int k = 0; k < N; k++) {
      views[k] = (lists[k] ? lists[k] : lists[0]) + t;
      data[k] = lists[k] ? lists[k][t].data : nullptr;
    }
    const auto axes = axesOf<N>(views, Reorder::yes);
    bool dense = true;
    for (int k = 0; k < N; k++) dense = dense && axes.dense(k);
    if (!dense) {
      flush();
      LooseTensors<N> tensors{axes.template offsets<uint64_t>(), {}};
      for (int k = 0; k < N; k++) tensors.data[k] = data[k];
      loose(tensors, first, static_cast<int>(chunks));
      first += chunks;
      continue;
    }
    if (batch.count == kListTensors || batch.start[batch.count] + chunks > kMostChunks) flush();
    const int i = batch.count++;
    batch.size[i] = size;
    batch.packed[i] = true;
    for (int k = 0; k < N; k++) {
      batch.data[k][i] = data[k];
      batch.packed[i] = batch.packed[i] && aligned16(data[k]);
    }
    batch.start[i + 1] = batch.start[i] + static_cast<int32_t>(chunks);
  }
  flush();
}

/// Chunks of all tensors of a list, whatever their dtypes.
inline int64_t chunksOf(const View* items, int64_t count) {
  int64_t chunks = 0;
  for (int64_t t = 0; t < count; t++) chunks += ceilDiv<int64_t>(numel(items[t]), kListChunk);
  return chunks;
}

/// Loads n neighbours of every list that is there, calls f on each element, stores the lists in `writes`.
template <class T, int n, uint32_t writes, int N, class F>
WG_DEV void applyAt(void* const (&data)[N], int64_t i, F f) {
  Pack<T, n> x[N];
  WG_UNROLL
  for (int k = 0; k < N; k++) {
    if (data[k]) {
      x[k] = load<Pack<T, n>>(static_cast<const T*>(data[k]) + i);
      continue;
    }
    WG_UNROLL
    for (int j = 0; j < n; j++) x[k][j] = T(0);
  }
  WG_UNROLL
  for (int j = 0; j < n; j++) {
    T value[N];
    WG_UNROLL
    for (int k = 0; k < N; k++) value[k] = x[k][j];
    f(value);
    WG_UNROLL
    for (int k = 0; k < N; k++) x[k][j] = value[k];
  }
  WG_UNROLL
  for (int k = 0; k < N; k++)
    if ((writes >> k & 1) != 0 && data[k]) store(static_cast<T*>(data[k]) + i, x[k]);
}

// What is done to the elements of lists in step is a functor:
//   kWrites       the lists it changes, a bit each
//   kSums         numbers it sums up per chunk, into sums[chunk * kSums …], in a fixed order
//   ready()       whether to run at all
//   operator()(T (&values)[N], double* sum)

template <class Update>
WG_DEV void writeSums(double* sums, int64_t chunk, double* sum) {
  WG_UNROLL
  for (int k = 0; k < Update::kSums; k++) {
    const double total = blockSum(sum[k]);
    if (threadIdx.x == 0) sums[chunk * Update::kSums + k] = total;
  }
}

template <class T, int N, class Update>
WG_KERNEL(kListThreads, 1)
updateBatch(const WG_GRID_CONSTANT TensorBatch<N> batch, const WG_GRID_CONSTANT Update update, double* sums,
            int64_t firstChunk) {
  if (!update.ready()) return;
  const Chunk chunk = chunkOf(batch);
  void* data[N];
  WG_UNROLL
  for (int k = 0; k < N; k++) data[k] = batch.data[k][chunk.tensor];
  double sum[Update::kSums + 1] = {};
  overChunk<T>(chunk, batch.packed[chunk.tensor], [&](int64_t i, auto count) {
    applyAt<T, decltype(count)::value, Update::kWrites>(data, i, [&](T(&value)[N]) { update(value, sum); });
  });
  writeSums<Update>(sums, firstChunk + blockIdx.x, sum);
}

template <class T, int N, class Update>
WG_KERNEL(kListThreads, 1)
updateLoose(const WG_GRID_CONSTANT LooseTensors<N> tensors, const WG_GRID_CONSTANT Update update,
            double* sums, int64_t firstChunk) {
  if (!update.ready()) return;
  const uint64_t begin = uint64_t{blockIdx.x} * kListChunk, end = begin + kListChunk;
  double sum[Update::kSums + 1] = {};
  for (uint64_t i = begin + threadIdx.x; i < end && i < tensors.places.total; i += kListThreads) {
    const auto at = tensors.places(i);
    T value[N];
    WG_UNROLL
    for (int k = 0; k < N; k++)
      value[k] = tensors.data[k] ? static_cast<const T*>(tensors.data[k])[at[k]] : T(0);
    update(value, sum);
    WG_UNROLL
    for (int k = 0; k < N; k++)
      if ((Update::kWrites >> k & 1) != 0 && tensors.data[k])
        static_cast<T*>(tensors.data[k])[at[k]] = value[k];
  }
  writeSums<Update>(sums, firstChunk + blockIdx.x, sum);
}

/// Applies the update to all tensors of the lists.
template <int N, class Update>
void updateAll(Stream& s, const View* const (&lists)[N], int64_t count, const Update& update,
               double* sums = nullptr) {
  int64_t chunk = 0;
  const auto ofType = [&]<class T>(DType dtype) {
    const auto run = [&](auto kernel, const auto& tensors, int64_t first, int chunks) {
      launch(s, kernel, dim3(static_cast<unsigned>(chunks)), dim3(kListThreads), 0, tensors, update, sums,
             first);
    };
    forEachBatch<N>(
        dtype, lists, count, chunk,
        [&](const TensorBatch<N>& batch, int64_t first, int chunks) {
          run(updateBatch<T, N, Update>, batch, first, chunks);
        },
        [&](const LooseTensors<N>& tensors, int64_t first, int chunks) {
          run(updateLoose<T, N, Update>, tensors, first, chunks);
        });
  };
  ofType.template operator()<float>(DType::f32);
  ofType.template operator()<double>(DType::f64);
}

}  // namespace wg::cuda
