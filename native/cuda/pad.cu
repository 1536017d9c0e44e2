// Borders that repeat what lies inside: reflected, replicated or from the other side. The gradient of an
// element adds up, in row-major order, what came from it.
#include "../ops/rows/pad.h"

#include "prototype.h"
#include "views.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_PAD_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256, kAxes = 3;

/// One of the last three axes, of `size` elements inside and `padded` in all. Axes a view lacks have size 1.
struct Border {
  int64_t size, padded, before;
  int64_t step, paddedStep;
};

/// A view as [outer..., D, H, W].
struct Shape {
  int64_t size[kAxes], step[kAxes];
};
Shape shapeOf(const View& v) {
  Shape s;
  for (int i = 0; i < kAxes; i++) {
    const int axis = v.rank - kAxes + i;
    s.size[i] = axis < 0 ? 1 : v.shape[axis];
    s.step[i] = axis < 0 ? 0 : v.stride[axis];
  }
  return s;
}

/// Where padded index i comes from.
WG_DEV int64_t origin(int32_t mode, int64_t i, const Border& b) {
  int64_t j = i - b.before;
  const int64_t n = b.size;
  if (mode == 1) return j < 0 ? 0 : j >= n ? n - 1 : j;
  if (mode == 2) return j < 0 ? j + n : j >= n ? j - n : j;
  j = j < 0 ? -j : j;
  return j >= n ? 2 * (n - 1) - j : j;
}

/// The padded index that comes from j and follows `last`, -1 at first; `padded` after all of them.
WG_DEV int64_t nextFrom(int32_t mode, int64_t j, int64_t last, const Border& b) {
  const int64_t n = b.size, own = b.before + j;
  if (mode == 1) {
    const int64_t first = j == 0 ? 0 : own, end = j == n - 1 ? b.padded : own + 1;
    const int64_t next = last < first ? first : last + 1;
    return next < end ? next : b.padded;
  }
  if (mode == 2) {
    int64_t next = last < 0 ? (own >= n ? own - n : own) : last + n;
    return next < b.padded ? next : b.padded;
  }
  const int64_t mirrored = b.before - j, far = b.before + 2 * (n - 1) - j;
  if (last < mirrored && j > 0 && mirrored >= 0) return mirrored;
  if (last < own) return own;
  return last < far && far > own && far < b.padded ? far : b.padded;
}

/// Of out (padded) and x, or of dy and dx.
struct Pads {
  Border border[kAxes];
  Offsets<2, uint64_t> outer;  ///< of the padded view and the inner one
  Divider<uint64_t> width, height, depth;
  uint64_t total;
  int32_t mode;
};

/// A thread an element of out.
template <class W>
WG_KERNEL(kThreads)
padElements(W* out, const W* x, Pads a) {
  uint64_t e = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (e >= a.total) return;
  const auto w = a.width.both(e), h = a.height.both(w.quotient), d = a.depth.both(h.quotient);
  const auto plane = a.outer(d.quotient);
  const int64_t i[kAxes] = {static_cast<int64_t>(d.remainder), static_cast<int64_t>(h.remainder),
                            static_cast<int64_t>(w.remainder)};
  int64_t to = plane[0], from = plane[1];
  WG_UNROLL
  for (int k = 0; k < kAxes; k++) {
    to += i[k] * a.border[k].paddedStep;
    from += origin(a.mode, i[k], a.border[k]) * a.border[k].step;
  }
  out[to] = x[from];
}

/// A thread an element of dx.
template <class T>
WG_KERNEL(kThreads)
padSums(T* dx, const T* dy, Pads a) {
  uint64_t e = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (e >= a.total) return;
  const auto w = a.width.both(e), h = a.height.both(w.quotient), d = a.depth.both(h.quotient);
  const auto plane = a.outer(d.quotient);
  const int64_t j[kAxes] = {static_cast<int64_t>(d.remainder), static_cast<int64_t>(h.remainder),
                            static_cast<int64_t>(w.remainder)};
  const Border &deep = a.border[0], &high = a.border[1], &wide = a.border[2];
  T sum = T(0);
  for (int64_t p = nextFrom(a.mode, j[0], -1, deep); p < deep.padded; p = nextFrom(a.mode, j[0], p, deep))
    for (int64_t q = nextFrom(a.mode, j[1], -1, high); q < high.padded; q = nextFrom(a.mode, j[1], q, high)) {
      const T* const row = dy + plane[0] + p * deep.paddedStep + q * high.paddedStep;
      for (int64_t r = nextFrom(a.mode, j[2], -1, wide); r < wide.padded; r = nextFrom(a.mode, j[2], r, wide))
        sum = static_cast<T>(sum + row[r * wide.paddedStep]);
    }
  dx[plane[1] + j[0] * deep.step + j[1] * high.step + j[2] * wide.step] = sum;
}

/// False, with the op failed, when the border is wider than what it repeats, which TypeScript has checked.
bool padsOf(Stream& s, const View& padded, const View& x, const PadParams& q, bool overPadded, Pads* a) {
  bool fit = padded.rank == x.rank && padded.dtype == x.dtype && x.rank >= 1;
  for (int i = 0; fit && i < x.rank - kAxes; i++) fit = padded.shape[i] == x.shape[i];
  if (!require(s, fit, "pad: shapes or dtypes differ")) return false;
  const Shape p = shapeOf(padded), o = shapeOf(x);
  const int64_t before[kAxes] = {q.beforeD, q.beforeH, q.beforeW};
  for (int i = 0; i < kAxes; i++) {
    const int64_t n = o.size[i], first = before[i], last = p.size[i] - n - first;
    const int64_t most = q.mode == 0 ? n - 1 : n;
    const bool any = first != 0 || last != 0;
    fit = fit && first >= 0 && last >= 0 &&
          (!any || (n > 0 && (q.mode == 1 || (first <= most && last <= most))));
    a->border[i] = {n, p.size[i], first, o.step[i], p.step[i]};
  }
  if (!require(s, fit, "pad: a border is wider than what it repeats")) return false;
  const View walked = overPadded ? padded : x;
  a->total = static_cast<uint64_t>(numel(walked));
  if (a->total == 0) return false;
  const int64_t* const size = overPadded ? p.size : o.size;
  const View outer[] = {leadingAxes(padded, x.rank - kAxes), leadingAxes(x, x.rank - kAxes)};
  a->outer = axesOf<2>({&outer[0], &outer[1]}).offsets<uint64_t>();
  a->depth = Divider<uint64_t>(static_cast<uint64_t>(size[0]));
  a->height = Divider<uint64_t>(static_cast<uint64_t>(size[1]));
  a->width = Divider<uint64_t>(static_cast<uint64_t>(size[2]));
  a->mode = q.mode;
  return true;
}

}  // namespace

void pad(Stream& s, const Out& out, const In& x, const PadParams& q) {
  Pads a{};
  if (!padsOf(s, out, x, q, true, &a)) return;
  const auto total = static_cast<int64_t>(a.total);
  withWord(x.dtype, [&]<class W>() {
    launch(s, padElements<W>, gridFor(total, kThreads), blockFor(total), 0, static_cast<W*>(out.data),
           static_cast<const W*>(x.data), a);
  });
}

void padGrad(Stream& s, const Out& dx, const In& dy, const PadParams& q) {
  Pads a{};
  if (!padsOf(s, dy, dx, q, false, &a)) return;
  const auto total = static_cast<int64_t>(a.total);
  withNumber(s, dx.dtype, "padGrad", [&]<class T>() {
    launch(s, padSums<T>, gridFor(total, kThreads), blockFor(total), 0, static_cast<T*>(dx.data),
           static_cast<const T*>(dy.data), a);
  });
}

}  // namespace wg::cuda
