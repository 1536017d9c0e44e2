// Max and average pooling over [N, C, H, W], a thread an output; the gradient of an average, a thread an
// input: it looks at the windows that hold it.
#include "../ops/rows/pool.h"

#include "planes.cuh"
#include "prototype.h"
#include "wg/launch.h"

WG_CUDA_PROTOTYPES(WG_POOL_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;

/// One axis of the window over one plane.
struct Axis {
  int64_t in, out, kernel, stride, pad, dilation;
};

/// The last window must begin inside the padded input; floor and ceil modes both do.
bool axisFits(const Axis& a) {
  return a.kernel >= 1 && a.stride >= 1 && a.pad >= 0 && a.dilation >= 1 && a.out >= 0 &&
         (a.out == 0 || (a.out - 1) * a.stride - a.pad < a.in + a.pad);
}
Axis heightOf(const View& small, const View& large, const Pool2dParams& p) {
  return {large.shape[2], small.shape[2], p.kernelH, p.strideH, p.padH, p.dilationH};
}
Axis widthOf(const View& small, const View& large, const Pool2dParams& p) {
  return {large.shape[3], small.shape[3], p.kernelW, p.strideW, p.padW, p.dilationW};
}

template <class T>
T lowest() {
  return fromDouble<T>(-__builtin_inf());
}

template <class T>
WG_KERNEL(kThreads)
maxWindows(Image<T> out, Image<int32_t> indices, Image<const T> in, Pixels pixels, Axis h, Axis w, T least) {
  Pixel p;
  if (!pixels.here(p)) return;
  const T* const plane = in.data + in.at(p.n, p.c, 0, 0);
  const auto height = static_cast<int32_t>(h.in), width = static_cast<int32_t>(w.in);
  const auto top = static_cast<int32_t>(p.y * h.stride - h.pad),
             left = static_cast<int32_t>(p.x * w.stride - w.pad);
  const auto bottom = top + static_cast<int32_t>((h.kernel - 1) * h.dilation),
             right = left + static_cast<int32_t>((w.kernel - 1) * w.dilation);
  T best = least;
  int32_t where = -1;
  for (int32_t y = top; y <= bottom; y += static_cast<int32_t>(h.dilation)) {
    if (y < 0 || y >= height) continue;
    for (int32_t x = left; x <= right; x += static_cast<int32_t>(w.dilation)) {
      if (x < 0 || x >= width) continue;
      // NaN wins over everything, the first of equals stays, be it the lowest value there is.
      const T value = plane[y * in.stride[2] + x * in.stride[3]];
      if (where >= 0 && !(value > best) && value == value) continue;
      best = value;
      where = y * width + x;
    }
  }
  out.data[out.at(p.n, p.c, p.y, p.x)] = best;
  indices.data[indices.at(p.n, p.c, p.y, p.x)] = where;
}

/// What an average divides by: a number given, or the window's elements, with or without padding.
struct Divisor {
  int64_t given;
  bool countPad;
  WG_DEV int64_t of(const Axis& h, const Axis& w, int64_t y, int64_t x) const {
    if (given != 0) return given;
    const int64_t rows = along(h, y), columns = along(w, x);
    return rows > 0 && columns > 0 ? rows * columns : 1;
  }
  WG_DEV int64_t along(const Axis& a, int64_t o) const {
    const int64_t first = o * a.stride - a.pad, end = first + a.kernel;
    const int64_t low = countPad || first > 0 ? first : 0, most = countPad ? a.in + a.pad : a.in;
    return (end < most ? end : most) - low;
  }
};

template <class T>
WG_KERNEL(kThreads)
averageWindows(Image<T> out, Image<const T> in, Pixels pixels, Axis h, Axis w, Divisor divisor) {
  Pixel p;
  if (!pixels.here(p)) return;
  const T* const plane = in.data + in.at(p.n, p.c, 0, 0);
  T sum = T(0);
  for (int64_t r = 0; r < h.kernel; r++) {
    const int64_t y = p.y * h.stride - h.pad + r;
    if (y < 0 || y >= h.in) continue;
    for (int64_t q = 0; q < w.kernel; q++) {
      const int64_t x = p.x * w.stride - w.pad + q;
      if (x >= 0 && x < w.in) sum += plane[y * in.stride[2] + x * in.stride[3]];
    }
  }
  out.data[out.at(p.n, p.c, p.y, p.x)] = sum / static_cast<T>(divisor.of(h, w, p.y, p.x));
}

/// The outputs whose windows hold input i: [first, end).
struct Holders {
  int64_t first, end;
};
WG_DEV Holders holdersOf(const Axis& a, const Divider<uint64_t>& stride, int64_t i) {
  const auto over = [&](int64_t n) { return static_cast<int64_t>(stride.divide(static_cast<uint64_t>(n))); };
  const int64_t last = over(i + a.pad) + 1, before = i + a.pad - a.kernel;
  return {before < 0 ? 0 : over(before) + 1, last < a.out ? last : a.out};
}

template <class T>
WG_KERNEL(kThreads, 1)
averageShares(Image<T> dx, Image<const T> dy, Pixels pixels, Axis h, Axis w, Divider<uint64_t> strideH,
              Divider<uint64_t> strideW, Divisor divisor) {
  Pixel p;
  if (!pixels.here(p)) return;
  const T* const plane = dy.data + dy.at(p.n, p.c, 0, 0);
  const Holders rows = holdersOf(h, strideH, p.y), columns = holdersOf(w, strideW, p.x);
  T sum = T(0);
  for (int64_t y = rows.first; y < rows.end; y++)
    for (int64_t x = columns.first; x < columns.end; x++)
      sum += plane[y * dy.stride[2] + x * dy.stride[3]] / static_cast<T>(divisor.of(h, w, y, x));
  dx.data[dx.at(p.n, p.c, p.y, p.x)] = sum;
}

bool averageFits(Stream& s, const char* op, const View& small, const View& large, const Pool2dParams& p) {
  const bool fits = planesMatch(small, large) && small.dtype == large.dtype && p.dilationH == 1 &&
                    p.dilationW == 1 && axisFits(heightOf(small, large, p)) &&
                    axisFits(widthOf(small, large, p));
  if (!fits) fail(s, Code::bounds, "%s: shapes and parameters do not fit together", op);
  return fits;
}

}  // namespace

void maxPool2d(Stream& s, const Out& out, const Out& indices, const In& x, const Pool2dParams& params) {
  if (!require(s,
               planesMatch(out, x) && sameShape(out, indices) && out.dtype == x.dtype &&
                   indices.dtype == DType::i32,
               "maxPool2d: out, indices (int32) and x do not fit together"))
    return;
  const Axis h = heightOf(out, x, params), w = widthOf(out, x, params);
  if (!require(s, axisFits(h) && axisFits(w) && x.shape[2] * x.shape[3] <= INT32_MAX,
               "maxPool2d: parameters do not fit the shapes"))
    return;
  const int64_t total = numel(out);
  if (total == 0) return;
  withNumber(s, x.dtype, "maxPool2d", [&]<class T>() {
    launch(s, maxWindows<T>, gridFor(total, kThreads), blockFor(total), 0, imageOf<T>(out),
           imageOf<int32_t>(indices), imageOf<const T>(x), pixelsOf(out), h, w, lowest<T>());
  });
}

void avgPool2d(Stream& s, const Out& out, const In& x, const Pool2dParams& params) {
  if (!averageFits(s, "avgPool2d", out, x, params) || numel(out) == 0) return;
  const int64_t total = numel(out);
  withFloat(s, x.dtype, "avgPool2d", [&]<class T>() {
    launch(s, averageWindows<T>, gridFor(total, kThreads), blockFor(total), 0, imageOf<T>(out),
           imageOf<const T>(x), pixelsOf(out), heightOf(out, x, params), widthOf(out, x, params),
           Divisor{params.divisor, params.countIncludePad != 0});
  });
}

void avgPool2dGrad(Stream& s, const Out& dx, const In& dy, const Pool2dParams& params) {
  if (!averageFits(s, "avgPool2dGrad", dy, dx, params) || numel(dx) == 0) return;
  const int64_t total = numel(dx);
  withFloat(s, dx.dtype, "avgPool2dGrad", [&]<class T>() {
    launch(s, averageShares<T>, gridFor(total, kThreads), blockFor(total), 0, imageOf<T>(dx),
           imageOf<const T>(dy), pixelsOf(dx), heightOf(dy, dx, params), widthOf(dy, dx, params),
           Divider<uint64_t>(static_cast<uint64_t>(params.strideH)),
           Divider<uint64_t>(static_cast<uint64_t>(params.strideW)),
           Divisor{params.divisor, params.countIncludePad != 0});
  });
}

}  // namespace wg::cuda
