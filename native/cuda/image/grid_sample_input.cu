// The gradient of gridSample by its input. Which points see an element is found first: taps are counted by
// element, given places, and put into the order of their points; then every element adds up its own. So sums
// have one order, without atomics on floats.
#include "../prototype.h"
#include "../wg/atomic.h"
#include "../wg/block.h"
#include "../wg/launch.h"
#include "points.cuh"

WG_CUDA_PROTOTYPES(WG_IMAGE_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = kPointThreads, kScanThreads = 256;

/// Images that are worked on at a time share this many taps and elements, or an image is worked on alone.
constexpr int64_t kAtOnce = 1 << 22;

/// The scratch of one image, after the others' of its kind.
struct Bins {
  uint32_t *next, *first;  ///< by element: where its next tap goes; where its taps begin, and one more
  uint32_t* taken;         ///< taps as they came
  uint32_t* point;         ///< taps in order
  void* weight;
  int64_t elements, taps;
};

struct Sizes {
  int64_t elements, taps, images;  ///< of an image; images at once
  int64_t bytes(int64_t item) const {
    return images * ((2 * elements + 1) * 4 + taps * 8 + taps * item) + 64;
  }
};
Sizes sizesOf(const View& dx, const View& grid, const GridSampleParams& params) {
  const int64_t width = params.mode == grid::nearest ? 1 : params.mode == grid::linear ? 2 : 4;
  int64_t taps = grid.shape[1] * grid.shape[2] * grid.shape[3];
  for (int64_t i = 0; i < grid.shape[4]; i++) taps *= width;
  const int64_t elements = dx.shape[2] * dx.shape[3] * dx.shape[4];
  return {elements, taps, maxOf(minOf(kAtOnce / maxOf(maxOf(taps, elements), 1), dx.shape[0]), 1)};
}

Bins binsOf(void* scratch, const Sizes& sizes, int64_t item) {
  Bins b{};
  char* at = static_cast<char*>(scratch);
  b.weight = at;
  at += sizes.images * sizes.taps * item;
  const auto words = [&at](int64_t count) {
    uint32_t* const p = reinterpret_cast<uint32_t*>(at);
    at += count * 4;
    return p;
  };
  b.taken = words(sizes.images * sizes.taps);
  b.point = words(sizes.images * sizes.taps);
  b.next = words(sizes.images * sizes.elements);
  b.first = words(sizes.images * (sizes.elements + 1));
  b.elements = sizes.elements;
  b.taps = sizes.taps;
  return b;
}

WG_KERNEL(kThreads) clear(uint32_t* words, int64_t count) {
  for (int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x; i < count;
       i += int64_t{gridDim.x} * kThreads)
    words[i] = 0;
}

/// The number of the element that a tap sees, and of the tap among all of its image.
template <class T>
WG_DEV int64_t elementOf(const Points<T>& p, const PointTaps& t, int z, int y, int x) {
  return (t.index[2][z] * p.size[1] + t.index[1][y]) * p.size[2] + t.index[0][x];
}
WG_DEV uint32_t tapOf(const PointTaps& t, int64_t point, int z, int y, int x) {
  const int64_t number = ((point * t.count[2] + z) * t.count[1] + y) * t.count[0] + x;
  return static_cast<uint32_t>(number);
}

enum class Step { count, take, order };

// One thread a point of the images [0, images).
template <class T, Step step>
WG_KERNEL(kThreads, 8)
bin(const WG_GRID_CONSTANT Points<T> p, Bins b, int64_t total) {
  WG_SHARED(PointTaps, table, [kThreads]);
  for (int64_t n = int64_t{blockIdx.x} * kThreads + threadIdx.x; n < total;
       n += int64_t{gridDim.x} * kThreads) {
    const auto at = p.at(static_cast<uint64_t>(n));
    PointTaps& taps = table[threadIdx.x];
    p.find(at, taps);
    uint32_t* const next = b.next + at.image * b.elements;
    const uint32_t* const first = b.first + at.image * (b.elements + 1);
    uint32_t* const taken = b.taken + at.image * b.taps;
    eachTap(taps, [&](int z, int y, int x) {
      const int64_t element = elementOf(p, taps, z, y, x);
      if constexpr (step == Step::count) {
        atomicAdd(next + element, 1u);
      } else if constexpr (step == Step::take) {
        taken[atomicAdd(next + element, 1u)] = tapOf(taps, at.place, z, y, x);
      } else {
        // Its place among the taps of the element: elements have few, unless many points coincide.
        const uint32_t mine = tapOf(taps, at.place, z, y, x), begin = first[element],
                       end = first[element + 1];
        uint32_t before = 0;
        for (uint32_t i = begin; i < end; i++) before += taken[i] < mine ? 1 : 0;
        const int64_t to = at.image * b.taps + begin + before;
        b.point[to] = static_cast<uint32_t>(at.place);
        const double weight = taps.weight[0][x] * taps.weight[1][y] * taps.weight[2][z];
        static_cast<T*>(b.weight)[to] = static_cast<T>(weight);
      }
    });
  }
}

// One block an image: counts become where each element's taps begin.
WG_KERNEL(kScanThreads) scan(Bins b) {
  uint32_t* const next = b.next + int64_t{blockIdx.x} * b.elements;
  uint32_t* const first = b.first + int64_t{blockIdx.x} * (b.elements + 1);
  uint32_t carry = 0;
  for (int64_t i0 = 0; i0 < b.elements; i0 += kScanThreads) {
    const int64_t i = i0 + threadIdx.x;
    const Scanned<uint32_t> s = blockScan(i < b.elements ? next[i] : 0u, 0u, Add{});
    if (i < b.elements) next[i] = first[i] = carry + s.before;
    carry += s.total;
  }
  if (threadIdx.x == 0) first[b.elements] = carry;
}

// One thread an element of dx, the images being those that were binned.
template <class T>
WG_KERNEL(kThreads, 8)
gather(T* dx, const WG_GRID_CONSTANT Offsets<1, uint64_t> to, const T* dy, const WG_GRID_CONSTANT Points<T> p,
       Bins b) {
  const int64_t total = static_cast<int64_t>(to.total);
  for (int64_t n = int64_t{blockIdx.x} * kThreads + threadIdx.x; n < total;
       n += int64_t{gridDim.x} * kThreads) {
    const int64_t element = n % b.elements, plane = n / b.elements;
    const int64_t channel = plane % p.channels, image = plane / p.channels;
    const uint32_t* const first = b.first + image * (b.elements + 1);
    const uint32_t* const point = b.point + image * b.taps;
    const T* const weight = static_cast<const T*>(b.weight) + image * b.taps;
    const T* const from = dy + image * p.sampleStride[0] + channel * p.sampleStride[1];
    T sum = 0;
    for (uint32_t i = first[element]; i < first[element + 1]; i++)
      sum += weight[i] * from[p.at(point[i]).sample];
    dx[to(static_cast<uint64_t>(n))[0]] = sum;
  }
}

dim3 gridOf(int64_t total) {
  return dim3(static_cast<uint32_t>(maxOf(minOf(::wg::ceilDiv(total, kThreads), 1 << 20), 1)));
}

template <class T>
void run(Stream& s, const View& dx, const View& dy, const View& grid, const GridSampleParams& params,
         const Sizes& sizes) {
  const Bins bins = binsOf(s.scratch, sizes, sizeof(T));
  Points<T> points = pointsOf<T>(dx, grid, dy, params);
  for (int64_t image = 0; image < dx.shape[0]; image += sizes.images) {
    const int64_t images = minOf(sizes.images, dx.shape[0] - image);
    const int64_t total = images * static_cast<int64_t>(points.perImage);
    View part = dx;
    part.shape[0] = images;
    T* const to = static_cast<T*>(dx.data) + image * dx.stride[0];
    const T* const from = static_cast<const T*>(dy.data) + image * dy.stride[0];
    launch(s, clear, gridOf(images * sizes.elements), dim3(kThreads), 0, bins.next, images * sizes.elements);
    launch(s, bin<T, Step::count>, gridOf(total), dim3(kThreads), 0, points, bins, total);
    launch(s, scan, dim3(static_cast<uint32_t>(images)), dim3(kScanThreads), 0, bins);
    launch(s, bin<T, Step::take>, gridOf(total), dim3(kThreads), 0, points, bins, total);
    launch(s, bin<T, Step::order>, gridOf(total), dim3(kThreads), 0, points, bins, total);
    launch(s, gather<T>, gridOf(numel(part)), dim3(kThreads), 0, to,
           axesOf<1>({&part}).template offsets<uint64_t>(), from, points, bins);
    points.grid += images * grid.stride[0];
  }
}

}  // namespace

size_t gridSampleGradInputWorkspace(const Out& dx, const In&, const In& grid,
                                    const GridSampleParams& params) {
  if (dx.rank != 5 || grid.rank != 5 || grid.shape[4] > 3) return 0;
  return static_cast<size_t>(sizesOf(dx, grid, params).bytes(itemBytes(dx.dtype)));
}

void gridSampleGradInput(Stream& s, const Out& dx, const In& dy, const In& grid,
                         const GridSampleParams& params) {
  if (!gridSampleFits(s, "gridSampleGradInput", dx, grid, dy, params) || numel(dx) == 0) return;
  const Sizes sizes = sizesOf(dx, grid, params);
  if (!require(s,
               s.scratch != nullptr && s.scratchBytes >= gridSampleGradInputWorkspace(dx, dy, grid, params),
               "gridSampleGradInput: the workspace is too small"))
    return;
  if (sizes.taps > UINT32_MAX)
    return fail(s, Code::unsupported,
                "gridSampleGradInput: more than 2^32 taps to an image are not supported");
  withFloat(s, dx.dtype, "gridSampleGradInput", [&]<class T>() { run<T>(s, dx, dy, grid, params, sizes); });
}

}  // namespace wg::cuda
