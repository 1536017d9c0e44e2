// One axis read at another number of places: every output is a weighted sum of a few neighbours. Images are
// resized an axis at a time; the weights are made in float64 as they are needed.
#include "../ops/resample.h"

#include "kernel.h"

WG_PROTOTYPES(WG_IMAGE_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// to[i] += weight * from[i]
template <class T>
void addRow(T* to, int64_t toStep, const T* from, int64_t fromStep, int64_t count, T weight) {
  if (toStep == 1 && fromStep == 1) {
    for (int64_t i = 0; i < count; ++i) to[i] += weight * from[i];
  } else {
    for (int64_t i = 0; i < count; ++i) to[i * toStep] += weight * from[i * fromStep];
  }
}

/// to[i] = weight * from[i]
template <class T>
void setRow(T* to, int64_t toStep, const T* from, int64_t fromStep, int64_t count, T weight) {
  if (toStep == 1 && fromStep == 1) {
    for (int64_t i = 0; i < count; ++i) to[i] = weight * from[i];
  } else {
    for (int64_t i = 0; i < count; ++i) to[i * toStep] = weight * from[i * fromStep];
  }
}

/// Outputs whose taps, or taps of an output whose weights, stand on the stack at a time.
constexpr int64_t kBlock = 64;

/// Calls piece(k0, k1, weights) for the taps of a filter, some at a time.
template <class T>
void eachWeight(const resample::Filter& f, const auto& piece) {
  T weights[kBlock];
  for (int64_t k0 = 0; k0 < f.count; k0 += kBlock) {
    const int64_t k1 = minOf(k0 + kBlock, f.count);
    for (int64_t k = k0; k < k1; ++k) weights[k - k0] = static_cast<T>(f.weight(k));
    piece(k0, k1, weights);
  }
}

template <class T>
void smoothForward(const View& out, const View& x, const ResampleParams& p, int64_t a0, int64_t a1,
                   int64_t o0, int64_t o1) {
  const int64_t inner = x.shape[2], step = x.stride[1];
  for (int64_t o = o0; o < o1; ++o) {
    const resample::Filter f = resample::filterOf(p, o, x.shape[1]);
    const auto rowOf = [&](int64_t a) {
      return static_cast<T*>(out.data) + a * out.stride[0] + o * out.stride[1];
    };
    for (int64_t a = a0; a < a1; ++a)
      for (int64_t b = 0; b < inner; ++b) rowOf(a)[b * out.stride[2]] = T(0);
    eachWeight<T>(f, [&](int64_t k0, int64_t k1, const T* weights) {
      for (int64_t a = a0; a < a1; ++a) {
        const T* const from = static_cast<const T*>(x.data) + a * x.stride[0] + (f.first + k0) * step;
        T* const row = rowOf(a);
        if (inner >= 4) {
          for (int64_t k = 0; k < k1 - k0; ++k)
            addRow(row, out.stride[2], from + k * step, x.stride[2], inner, weights[k]);
          continue;
        }
        for (int64_t b = 0; b < inner; ++b) {
          T sum = 0;
          for (int64_t k = 0; k < k1 - k0; ++k) sum += weights[k] * from[b * x.stride[2] + k * step];
          row[b * out.stride[2]] += sum;
        }
      }
    });
  }
}

/// Rows i0 … i1 - 1 of [A, columns]: elements `width` apart of dx[a], each with its whole axis.
template <class T>
void smoothBackward(const View& dx, const View& dy, const ResampleParams& p, int64_t i0, int64_t i1,
                    int64_t width, int64_t columns) {
  const int64_t in = dx.shape[1], inner = dx.shape[2];
  const auto each = [&](const auto& row) {
    for (int64_t i = i0; i < i1; ++i) {
      const int64_t a = i / columns, b = i % columns * width;
      row(static_cast<T*>(dx.data) + a * dx.stride[0] + b * dx.stride[2],
          static_cast<const T*>(dy.data) + a * dy.stride[0] + b * dy.stride[2], minOf(width, inner - b));
    }
  };
  each([&](T* to, const T*, int64_t count) {
    for (int64_t i = 0; i < in; ++i)
      for (int64_t b = 0; b < count; ++b) to[i * dx.stride[1] + b * dx.stride[2]] = T(0);
  });
  for (int64_t o = 0; o < dy.shape[1]; ++o) {
    const resample::Filter f = resample::filterOf(p, o, in);
    eachWeight<T>(f, [&](int64_t k0, int64_t k1, const T* weights) {
      each([&](T* to, const T* from, int64_t count) {
        for (int64_t k = k0; k < k1; ++k)
          addRow(to + (f.first + k) * dx.stride[1], dx.stride[2], from + o * dy.stride[1], dy.stride[2],
                 count, weights[k - k0]);
      });
    });
  }
}

template <class T>
void forwardRows(const View& out, const View& x, const ResampleParams& p, int64_t a0, int64_t a1, int64_t o0,
                 int64_t o1) {
  const int64_t in = x.shape[1], inner = x.shape[2];
  resample::Taps taps[kBlock];
  for (int64_t o = o0; o < o1; ++o) taps[o - o0] = resample::tapsOf(p, o, out.shape[1], in);
  for (int64_t a = a0; a < a1; ++a) {
    const T* const from = static_cast<const T*>(x.data) + a * x.stride[0];
    T* const to = static_cast<T*>(out.data) + a * out.stride[0];
    for (int64_t o = o0; o < o1; ++o) {
      const resample::Taps& t = taps[o - o0];
      T* const row = to + o * out.stride[1];
      if (inner >= 4) {
        for (int64_t k = 0; k < t.count; ++k) {
          const T* const source = from + resample::clamped(t.first + k, in) * x.stride[1];
          const T weight = static_cast<T>(p.mode == resample::area ? 1.0 : t.weight[k]);
          if (k == 0) setRow(row, out.stride[2], source, x.stride[2], inner, weight);
          else addRow(row, out.stride[2], source, x.stride[2], inner, weight);
        }
        if (p.mode == resample::area)
          for (int64_t b = 0; b < inner; ++b) row[b * out.stride[2]] *= static_cast<T>(t.weight[0]);
        continue;
      }
      for (int64_t b = 0; b < inner; ++b) {
        const T* const source = from + b * x.stride[2];
        T sum = 0;
        if (p.mode == resample::area) {
          for (int64_t k = 0; k < t.count; ++k) sum += source[(t.first + k) * x.stride[1]];
          sum *= static_cast<T>(t.weight[0]);
        } else {
          sum = static_cast<T>(t.weight[0]) * source[resample::clamped(t.first, in) * x.stride[1]];
          for (int64_t k = 1; k < t.count; ++k)
            sum += static_cast<T>(t.weight[k]) * source[resample::clamped(t.first + k, in) * x.stride[1]];
        }
        row[b * out.stride[2]] = sum;
      }
    }
  }
}

/// Elements [b0, b1) of every row of one dx[a]: the whole axis belongs to one chunk, so outputs add up in
/// their order.
template <class T>
void backwardRows(const View& dx, const View& dy, const ResampleParams& p, int64_t a, int64_t b0,
                  int64_t b1) {
  const int64_t in = dx.shape[1], out = dy.shape[1];
  T* const to = static_cast<T*>(dx.data) + a * dx.stride[0] + b0 * dx.stride[2];
  const T* const from = static_cast<const T*>(dy.data) + a * dy.stride[0] + b0 * dy.stride[2];
  for (int64_t i = 0; i < in; ++i)
    for (int64_t b = 0; b < b1 - b0; ++b) to[i * dx.stride[1] + b * dx.stride[2]] = T(0);
  for (int64_t o = 0; o < out; ++o) {
    const resample::Taps t = resample::tapsOf(p, o, out, in);
    for (int64_t k = 0; k < t.count; ++k)
      addRow(to + resample::clamped(t.first + k, in) * dx.stride[1], dx.stride[2], from + o * dy.stride[1],
             dy.stride[2], b1 - b0, static_cast<T>(t.weight[p.mode == resample::area ? 0 : k]));
  }
}

void each(Stream& s, int64_t chunks, const auto& chunk) {
  if (chunks == 1) chunk(0);
  else parallelFor(s, chunks, chunk);
}

}  // namespace

void resample(Stream& s, const Out& out, const In& x, const ResampleParams& params) {
  if (!resampleFits(s, "resample", out, x, params) || numel(out) == 0) return;
  if (!require(s, x.shape[1] > 0, "resample: an empty axis")) return;
  withFloat(s, out.dtype, "resample", [&]<class T>() {
    const int64_t blocks = ceilDiv(out.shape[1], kBlock), outer = out.shape[0];
    const bool covers = params.mode == resample::area || resample::isSmooth(params);
    const int64_t reads = covers ? 2 * ceilDiv(x.shape[1], out.shape[1]) : 4;
    const int64_t work = minOf(out.shape[1], kBlock) * out.shape[2] * maxOf(reads, 1);
    const int64_t group = maxOf(65536 / maxOf(work, 1), 1), groups = ceilDiv(outer, group);
    each(s, blocks * groups, [&](int64_t piece) {
      const int64_t o = piece % blocks * kBlock, a = piece / blocks * group;
      const int64_t a1 = minOf(a + group, outer), o1 = minOf(o + kBlock, out.shape[1]);
      if (resample::isSmooth(params)) smoothForward<T>(out, x, params, a, a1, o, o1);
      else forwardRows<T>(out, x, params, a, a1, o, o1);
    });
  });
}

void resampleGrad(Stream& s, const Out& dx, const In& dy, const ResampleParams& params) {
  if (!resampleFits(s, "resampleGrad", dx, dy, params) || numel(dx) == 0) return;
  withFloat(s, dx.dtype, "resampleGrad", [&]<class T>() {
    const int64_t inner = dx.shape[2], width = minOf(inner, 256), columns = ceilDiv(inner, width);
    const int64_t work = (dx.shape[1] + dy.shape[1]) * width;
    const int64_t group = maxOf(65536 / maxOf(work, 1), 1), total = dx.shape[0] * columns;
    each(s, ceilDiv(total, group), [&](int64_t piece) {
      const int64_t begin = piece * group, end = minOf(begin + group, total);
      if (resample::isSmooth(params)) return smoothBackward<T>(dx, dy, params, begin, end, width, columns);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t b = i % columns * width;
        backwardRows<T>(dx, dy, params, i / columns, b, minOf(b + width, inner));
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
