// Max and average pooling over [N, C, H, W]. One plane is one thread's work;
// within it whole output rows are built tap by tap, so that the inner loop runs
// along the row whatever the window.
#include "../ops/rows/pool.h"

#include "planes.h"
#include "pool2d_lines.h"

WG_PROTOTYPES(WG_POOL_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// The last window must begin inside the padded input; floor and ceil modes
/// both do.
bool axisFits(const Axis& a) {
  return a.kernel >= 1 && a.stride >= 1 && a.pad >= 0 && a.dilation >= 1 && a.out >= 0 &&
         (a.out == 0 || (a.out - 1) * a.stride - a.pad < a.in + a.pad);
}

template <class T>
T lowest() {
  if constexpr (static_cast<T>(0.5) != T(0)) return -static_cast<T>(__builtin_inf());
  else return fromDouble<T>(-__builtin_inf());
}

/// Whether windows are pairs of neighbours that all lie inside the input.
bool isPairs(const Axis& a) {
  return a.kernel == 2 && a.stride == 2 && a.pad == 0 && a.dilation == 1 && 2 * a.out <= a.in;
}

/// best[i] and where[i] against the tap's values; NaN wins over everything, the
/// first of equals stays.
template <class T, int64_t kStride>
void take(T* best, int32_t* where, const T* row, int64_t stride, int64_t count, int32_t first, int32_t step) {
  const int64_t each = kStride > 0 ? kStride : stride;
  for (int64_t i = 0; i < count; ++i) {
    const T value = row[i * each];
    const bool better = (value > best[i]) | (value != value);
    best[i] = better ? value : best[i];
    where[i] = better ? first + static_cast<int32_t>(i) * step : where[i];
  }
}

template <class T>
void maxPlane(const View& out, const View& indices, const View& x, const Axis& h, const Axis& w,
              int64_t image, int64_t channel) {
  const T* const from = planeOf<T>(x, image, channel);
  T* const to = planeOf<T>(out, image, channel);
  int32_t* const index = planeOf<int32_t>(indices, image, channel);
  if constexpr (__is_same(T, float)) {
    const bool dense = x.stride[3] == 1 && out.stride[3] == 1 && indices.stride[3] == 1;
    if (dense && isPairs(h) && isPairs(w))
      return maxPairs(to, out.stride[2], index, indices.stride[2], from, x.stride[2], w.in, h.out, w.out);
    if (dense && hasLines(w)) {
      const auto run = w.stride == 1 ? maxLines<1> : maxLines<2>;
      return run(to, out.stride[2], index, indices.stride[2], from, x.stride[2], h, w);
    }
  }
  T best[kStrip];
  int32_t where[kStrip];
  for (int64_t y = 0; y < h.out; ++y)
    for (int64_t x0 = 0; x0 < w.out; x0 += kStrip) {
      const int64_t count = minOf(kStrip, w.out - x0);
      for (int64_t i = 0; i < count; ++i) best[i] = lowest<T>(), where[i] = -1;
      for (int64_t r = 0; r < h.kernel; ++r) {
        const int64_t row = y * h.stride - h.pad + r * h.dilation;
        if (row < 0 || row >= h.in) continue;
        for (int64_t q = 0; q < w.kernel; ++q) {
          int64_t begin, end;
          w.range(q, x0, x0 + count, begin, end);
          if (begin >= end) continue;
          const int64_t column = begin * w.stride - w.pad + q * w.dilation, stride = w.stride * x.stride[3];
          const T* const values = from + row * x.stride[2] + column * x.stride[3];
          const auto first = static_cast<int32_t>(row * w.in + column), step = static_cast<int32_t>(w.stride);
          // Nothing is greater than the lowest value: the window's first tap is
          // its winner until beaten.
          for (int64_t i = begin - x0; i < end - x0; ++i)
            where[i] = where[i] < 0 ? first + static_cast<int32_t>(i - begin + x0) * step : where[i];
          T* const b = best + (begin - x0);
          int32_t* const at = where + (begin - x0);
          if (stride == 1) take<T, 1>(b, at, values, stride, end - begin, first, step);
          else if (stride == 2) take<T, 2>(b, at, values, stride, end - begin, first, step);
          else take<T, 0>(b, at, values, stride, end - begin, first, step);
        }
      }
      T* const outRow = to + y * out.stride[2] + x0 * out.stride[3];
      int32_t* const indexRow = index + y * indices.stride[2] + x0 * indices.stride[3];
      if (out.stride[3] == 1 && indices.stride[3] == 1) {
        for (int64_t i = 0; i < count; ++i) outRow[i] = best[i], indexRow[i] = where[i];
      } else {
        for (int64_t i = 0; i < count; ++i)
          outRow[i * out.stride[3]] = best[i], indexRow[i * indices.stride[3]] = where[i];
      }
    }
}

Axis heightOf(const View& small, const View& large, const Pool2dParams& p) {
  return {large.shape[2], small.shape[2], p.kernelH, p.strideH, p.padH, p.dilationH};
}
Axis widthOf(const View& small, const View& large, const Pool2dParams& p) {
  return {large.shape[3], small.shape[3], p.kernelW, p.strideW, p.padW, p.dilationW};
}

Divisors divisorsOf(const Axis& h, const Axis& w, const Pool2dParams& p) {
  return {h, w, static_cast<double>(p.divisor), p.countIncludePad != 0};
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
  withNumber(s, x.dtype, "maxPool2d", [&]<class T>() {
    eachPlane(s, {x.shape[0], x.shape[1]}, maxOf(x.shape[2] * x.shape[3], h.out * w.out),
              [&](int64_t image, int64_t channel) { maxPlane<T>(out, indices, x, h, w, image, channel); });
  });
}

void avgPool2d(Stream& s, const Out& out, const In& x, const Pool2dParams& params) {
  if (!averageFits(s, "avgPool2d", out, x, params)) return;
  const Axis h = heightOf(out, x, params), w = widthOf(out, x, params);
  const Divisors divisors = divisorsOf(h, w, params);
  withFloat(s, x.dtype, "avgPool2d", [&]<class T>() {
    eachPlane(s, {x.shape[0], x.shape[1]}, maxOf(x.shape[2] * x.shape[3], h.out * w.out),
              [&](int64_t image, int64_t channel) {
                const T* const from = planeOf<T>(x, image, channel);
                T* const to = planeOf<T>(out, image, channel);
                if constexpr (__is_same(T, float)) {
                  const bool dense = x.stride[3] == 1 && out.stride[3] == 1;
                  if (dense && isPairs(h) && isPairs(w))
                    return averagePairs(to, out.stride[2], from, x.stride[2], h.out, w.out,
                                        static_cast<float>(divisors.at(0, 0)));
                  if (dense && hasLines(w)) {
                    const auto run = w.stride == 1 ? averageLines<1> : averageLines<2>;
                    return run(to, out.stride[2], from, x.stride[2], divisors);
                  }
                }
                T sums[kStrip];
                for (int64_t y = 0; y < h.out; ++y)
                  for (int64_t x0 = 0; x0 < w.out; x0 += kStrip) {
                    const int64_t count = minOf(kStrip, w.out - x0);
                    for (int64_t i = 0; i < count; ++i) sums[i] = T(0);
                    for (int64_t r = 0; r < h.kernel; ++r) {
                      const int64_t row = y * h.stride - h.pad + r;
                      if (row < 0 || row >= h.in) continue;
                      for (int64_t q = 0; q < w.kernel; ++q) {
                        int64_t begin, end;
                        w.range(q, x0, x0 + count, begin, end);
                        const int64_t stride = w.stride * x.stride[3];
                        const T* const values =
                            from + row * x.stride[2] + (begin * w.stride - w.pad + q) * x.stride[3];
                        for (int64_t i = begin; i < end; ++i) sums[i - x0] += values[(i - begin) * stride];
                      }
                    }
                    for (int64_t i = 0; i < count; ++i)
                      to[y * out.stride[2] + (x0 + i) * out.stride[3]] =
                          sums[i] / static_cast<T>(divisors.at(y, x0 + i));
                  }
              });
  });
}

void avgPool2dGrad(Stream& s, const Out& dx, const In& dy, const Pool2dParams& params) {
  if (!averageFits(s, "avgPool2dGrad", dy, dx, params)) return;
  const Axis h = heightOf(dy, dx, params), w = widthOf(dy, dx, params);
  const Divisors divisors = divisorsOf(h, w, params);
  withFloat(s, dx.dtype, "avgPool2dGrad", [&]<class T>() {
    eachPlane(s, {dx.shape[0], dx.shape[1]}, dx.shape[2] * dx.shape[3] + h.out * w.out,
              [&](int64_t image, int64_t channel) {
                zeroPlane<T>(dx, image, channel);
                const T* const from = planeOf<T>(dy, image, channel);
                T* const to = planeOf<T>(dx, image, channel);
                if constexpr (__is_same(T, float)) {
                  const bool dense = dx.stride[3] == 1 && dy.stride[3] == 1;
                  if (dense && isPairs(h) && isPairs(w))
                    return averagePairsGrad(to, dx.stride[2], from, dy.stride[2], h.out, w.out,
                                            static_cast<float>(divisors.at(0, 0)));
                  if (dense && hasLines(w))
                    return averageLinesGrad(to, dx.stride[2], from, dy.stride[2], divisors);
                }
                for (int64_t y = 0; y < h.out; ++y)
                  for (int64_t x = 0; x < w.out; ++x) {
                    const T share =
                        from[y * dy.stride[2] + x * dy.stride[3]] / static_cast<T>(divisors.at(y, x));
                    const int64_t top = y * h.stride - h.pad, left = x * w.stride - w.pad;
                    for (int64_t row = maxOf(top, 0); row < minOf(top + h.kernel, h.in); ++row)
                      for (int64_t col = maxOf(left, 0); col < minOf(left + w.kernel, w.in); ++col)
                        to[row * dx.stride[2] + col * dx.stride[3]] += share;
                  }
              });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
