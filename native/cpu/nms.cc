// Greedy non-maximum suppression: boxes by falling score, each dropped if it overlaps one kept before by more
// than the threshold. Equal scores go by their order, NaN first as a sort would put it.
#include "../ops/rows/image.h"
#include "kernel.h"

WG_PROTOTYPES(WG_IMAGE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

struct Box {
  double left, top, right, bottom, area;
};

bool before(double a, int32_t i, double b, int32_t j) {
  const bool aNan = a != a, bNan = b != b;
  if (aNan || bNan) return aNan && bNan ? i < j : aNan;
  return a > b || (a == b && i < j);
}

/// Heap sort: no recursion, no memory.
template <class Less>
void sortBy(int32_t* order, int64_t n, const Less& less) {
  const auto sink = [&](int64_t root, int64_t end) {
    for (int64_t child; (child = 2 * root + 1) < end; root = child) {
      if (child + 1 < end && less(order[child], order[child + 1])) ++child;
      if (!less(order[root], order[child])) return;
      const int32_t other = order[root];
      order[root] = order[child];
      order[child] = other;
    }
  };
  for (int64_t root = n / 2; root-- > 0;) sink(root, n);
  for (int64_t end = n; end-- > 1;) {
    const int32_t last = order[end];
    order[end] = order[0];
    order[0] = last;
    sink(0, end);
  }
}

double overlap(const Box& a, const Box& b) {
  const double left = a.left > b.left ? a.left : b.left, right = a.right < b.right ? a.right : b.right;
  const double top = a.top > b.top ? a.top : b.top, bottom = a.bottom < b.bottom ? a.bottom : b.bottom;
  const double width = right > left ? right - left : 0, height = bottom > top ? bottom - top : 0;
  return width * height / (a.area + b.area - width * height);
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
    Box* const kept = static_cast<Box*>(s.scratch);
    int32_t* const order = reinterpret_cast<int32_t*>(kept + n);
    const auto score = [&](int64_t i) {
      return static_cast<double>(static_cast<const T*>(scores.data)[i * scores.stride[0]]);
    };
    for (int64_t i = 0; i < n; ++i) order[i] = static_cast<int32_t>(i);
    sortBy(order, n, [&](int32_t i, int32_t j) { return before(score(i), i, score(j), j); });
    int64_t used = 0;
    for (int64_t i = 0;
         i < n && !__atomic_load_n(reinterpret_cast<const bool*>(s.cancelled), __ATOMIC_RELAXED); ++i) {
      const T* const corner = static_cast<const T*>(boxes.data) + order[i] * boxes.stride[0];
      const auto at = [&](int64_t k) { return static_cast<double>(corner[k * boxes.stride[1]]); };
      const Box box{at(0), at(1), at(2), at(3), (at(2) - at(0)) * (at(3) - at(1))};
      bool free = true;
      for (int64_t k = 0; k < used && free; ++k) free = !(overlap(kept[k], box) > threshold);
      if (!free) continue;
      if (used < keep.shape[0]) static_cast<int32_t*>(keep.data)[used * keep.stride[0]] = order[i];
      kept[used++] = box;
    }
    for (int64_t i = used; i < keep.shape[0]; ++i)
      static_cast<int32_t*>(keep.data)[i * keep.stride[0]] = fill;
    *static_cast<int32_t*>(count.data) = static_cast<int32_t>(used);
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
