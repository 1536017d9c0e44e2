// Greedy non-maximum suppression. Boxes find their ranks by counting those before them; then one block goes
// through them by rank, a box to each of its threads at a time: these are held against the boxes kept so far,
// then against each other.
#include "../../ops/checks.h"
#include "../../ops/rows/image.h"
#include "../prototype.h"
#include "../wg/block.h"
#include "../wg/launch.h"

WG_CUDA_PROTOTYPES(WG_IMAGE_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;

struct Box {
  double left, top, right, bottom, area;
};

struct NmsProblem {
  const void *boxes, *scores;
  int64_t boxStride, cornerStride, scoreStride;
  int32_t n;
  double threshold;
};

/// Whether box i comes before j: by falling score, NaN first as a sort would put it, equal ones by their
/// order.
WG_DEV bool before(double a, int32_t i, double b, int32_t j) {
  const bool aNan = a != a, bNan = b != b;
  if (aNan || bNan) return aNan && bNan ? i < j : aNan;
  return a > b || (a == b && i < j);
}

WG_DEV double overlap(const Box& a, const Box& b) {
  const double left = a.left > b.left ? a.left : b.left, right = a.right < b.right ? a.right : b.right;
  const double top = a.top > b.top ? a.top : b.top, bottom = a.bottom < b.bottom ? a.bottom : b.bottom;
  const double width = right > left ? right - left : 0, height = bottom > top ? bottom - top : 0;
  return width * height / (a.area + b.area - width * height);
}

// One thread a box.
template <class T>
WG_KERNEL(kThreads)
rank(NmsProblem p, int32_t* order) {
  const int32_t i = static_cast<int32_t>(blockIdx.x * kThreads + threadIdx.x);
  if (i >= p.n) return;
  const T* const scores = static_cast<const T*>(p.scores);
  const double mine = static_cast<double>(scores[i * p.scoreStride]);
  int32_t place = 0;
  for (int32_t j = 0; j < p.n; j++)
    place += before(static_cast<double>(scores[j * p.scoreStride]), j, mine, i) ? 1 : 0;
  order[place] = i;
}

// One block for all.
template <class T>
WG_KERNEL(kThreads)
suppress(NmsProblem p, const int32_t* order, Box* kept, int32_t* keep, int64_t keepStride, int64_t room,
         int32_t* count, int32_t fill) {
  WG_SHARED(Box, boxes, [kThreads]);
  WG_SHARED(int, free, [kThreads]);
  const int t = static_cast<int>(threadIdx.x);
  int32_t used = 0;
  for (int32_t first = 0; first < p.n; first += kThreads) {
    const int here = p.n - first < kThreads ? p.n - first : kThreads;
    Box mine{};
    bool alive = t < here;
    if (alive) {
      const T* const corner = static_cast<const T*>(p.boxes) + order[first + t] * p.boxStride;
      const auto at = [&](int64_t k) { return static_cast<double>(corner[k * p.cornerStride]); };
      mine = {at(0), at(1), at(2), at(3), (at(2) - at(0)) * (at(3) - at(1))};
    }
    for (int32_t k = 0; k < used && alive; k++) alive = !(overlap(kept[k], mine) > p.threshold);
    boxes[t] = mine;
    free[t] = alive;
    syncBlock();
    for (int j = 0; j < here; j++) {
      if (!free[j]) continue;  // as all threads see: it is written before the last barrier or not again
      if (t == j) {
        if (used < room) keep[used * keepStride] = order[first + j];
        kept[used] = mine;
      }
      used++;
      if (t > j && alive && overlap(boxes[j], mine) > p.threshold) free[t] = alive = false;
      syncBlock();
    }
    syncBlock();
  }
  for (int64_t i = used + t; i < room; i += kThreads) keep[i * keepStride] = fill;
  if (t == 0) *count = used;
}

}  // namespace

/// The kept boxes, then the order.
size_t nmsWorkspace(const Out&, const Out&, const In&, const In& scores, const double&, const int32_t&) {
  return scores.rank == 1 ? static_cast<size_t>(scores.shape[0]) * (sizeof(Box) + sizeof(int32_t)) : 0;
}

void nms(Stream& s, const Out& keep, const Out& count, const In& boxes, const In& scores,
         const double& threshold, const int32_t& fill) {
  const int64_t n = scores.rank == 1 ? scores.shape[0] : -1;
  if (!require(s,
               n >= 0 && n <= INT32_MAX && boxes.rank == 2 && boxes.shape[0] == n && boxes.shape[1] == 4 &&
                   keep.rank == 1 && keep.dtype == DType::i32 && count.rank == 0 &&
                   count.dtype == DType::i32 && boxes.dtype == scores.dtype,
               "nms: wants boxes [n, 4], scores [n], keep [m] and count [] of int32"))
    return;
  if (!require(s, n == 0 || s.scratchBytes >= nmsWorkspace(keep, count, boxes, scores, threshold, fill),
               "nms: the workspace is too small"))
    return;
  withFloat(s, boxes.dtype, "nms", [&]<class T>() {
    const NmsProblem p{boxes.data,      scores.data,      boxes.stride[0],
                       boxes.stride[1], scores.stride[0], static_cast<int32_t>(n),
                       threshold};
    Box* const kept = static_cast<Box*>(s.scratch);
    int32_t* const order = reinterpret_cast<int32_t*>(kept + n);
    if (n > 0)
      launch(s, rank<T>, dim3(static_cast<uint32_t>(::wg::ceilDiv(n, kThreads))), dim3(kThreads), 0, p,
             order);
    launch(s, suppress<T>, dim3(1), dim3(kThreads), 0, p, order, kept, static_cast<int32_t*>(keep.data),
           keep.stride[0], keep.shape[0], static_cast<int32_t*>(count.data), fill);
  });
}

}  // namespace wg::cuda
