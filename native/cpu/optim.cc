// Optimizer steps over all parameters at once: one pass reads and writes each value once. Everything is
// checked before the first write, so a step happens whole or not at all. PyTorch's formulas, its order of
// roundings included.
#include "../ops/rows/optim.h"

#include "lists.h"
#include "simd/vec.h"

WG_PROTOTYPES(WG_OPTIM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

double numberAt(const View& v, int i) { return static_cast<const double*>(v.data)[i * v.stride[0]]; }
bool isVector(Stream& s, const View& v, int64_t size) {
  return require(s, v.dtype == DType::f64 && v.rank == 1 && v.shape[0] >= size,
                 "optimizer: state or hyper-parameters are not float64 vectors");
}

/// base^n for a whole n >= 0.
double power(double base, double n) {
  double result = 1.0;
  for (uint64_t k = static_cast<uint64_t>(n < 0 ? 0.0 : n); k != 0; k >>= 1) {
    if ((k & 1) != 0) result *= base;
    base *= base;
  }
  return result;
}

struct Sgd {
  double lr, momentum, dampening, decay;
  bool first, hasMomentum, nesterov;
};

template <class T>
void sgdBlock(T* p, const T* g, T* m, int64_t n, const Sgd& h) {
  using V = Vec<T>;
  const V lr(static_cast<T>(h.lr)), decay(static_cast<T>(h.decay)), momentum(static_cast<T>(h.momentum));
  const V keep(static_cast<T>(1.0 - h.dampening));
  const auto step = [&](V& value, V grad, V& buffer) {
    if (h.decay != 0) grad = grad + decay * value;
    if (h.hasMomentum) {
      buffer = h.first ? grad : momentum * buffer + keep * grad;
      grad = h.nesterov ? grad + momentum * buffer : buffer;
    }
    value = value - lr * grad;
  };
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    V value = simd::load<V>(p + i), buffer = h.hasMomentum ? simd::load<V>(m + i) : V(T(0));
    step(value, simd::load<V>(g + i), buffer);
    store(p + i, value);
    if (h.hasMomentum) store(m + i, buffer);
  }
  if (i < n) {
    V value = simd::loadPart<V>(p + i, n - i),
      buffer = h.hasMomentum ? simd::loadPart<V>(m + i, n - i) : V(T(0));
    step(value, simd::loadPart<V>(g + i, n - i), buffer);
    storePart(p + i, value, n - i);
    if (h.hasMomentum) storePart(m + i, buffer, n - i);
  }
}

struct Adam {
  double beta1, beta2, eps, decay;
  double stepSize, rootCorrection, shrink;  // lr / (1 - b1^t), sqrt(1 - b2^t), 1 - lr * decay
  bool decoupled;
};

template <class T>
void adamBlock(T* p, const T* g, T* m, T* v, int64_t n, const Adam& h) {
  using V = Vec<T>;
  const V beta1(static_cast<T>(h.beta1)), rest1(static_cast<T>(1.0 - h.beta1));
  const V beta2(static_cast<T>(h.beta2)), rest2(static_cast<T>(1.0 - h.beta2));
  const V eps(static_cast<T>(h.eps)), decay(static_cast<T>(h.decay)), shrink(static_cast<T>(h.shrink));
  const V stepSize(static_cast<T>(h.stepSize)), root(static_cast<T>(1.0 / h.rootCorrection));
  const auto step = [&](V& value, V grad, V& mean, V& square) {
    if (h.decay != 0) {
      if (h.decoupled) value = value * shrink;
      else grad = grad + decay * value;
    }
    mean = beta1 * mean + rest1 * grad;
    square = beta2 * square + rest2 * grad * grad;
    value = value - stepSize * (mean / (sqrt(square) * root + eps));
  };
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    V value = simd::load<V>(p + i), mean = simd::load<V>(m + i), square = simd::load<V>(v + i);
    step(value, simd::load<V>(g + i), mean, square);
    store(p + i, value);
    store(m + i, mean);
    store(v + i, square);
  }
  if (i < n) {
    V value = simd::loadPart<V>(p + i, n - i), mean = simd::loadPart<V>(m + i, n - i);
    V square = simd::loadPart<V>(v + i, n - i);
    step(value, simd::loadPart<V>(g + i, n - i), mean, square);
    storePart(p + i, value, n - i);
    storePart(m + i, mean, n - i);
    storePart(v + i, square, n - i);
  }
}

/// body over [first, first + n) of up to four tensors, whole when contiguous, else in staged blocks. The
/// second is only read.
template <class T, class F>
void overBlocks(const View* const (&tensors)[4], int64_t first, int64_t n, F body) {
  Block<T> block[4];
  bool direct = true;
  for (int k = 0; k < 4; k++) {
    if (tensors[k] == nullptr) continue;
    block[k].walk = walkOf(*tensors[k]);
    direct = direct && block[k].walk.direct;
  }
  const int64_t size = direct ? n : kStageBytes / static_cast<int64_t>(sizeof(T));
  for (int64_t i = 0; i < n; i += size) {
    const int64_t count = minOf(size, n - i);
    T* pointer[4] = {};
    for (int k = 0; k < 4; k++) {
      if (tensors[k] != nullptr) pointer[k] = block[k].read(first + i, count);
    }
    body(pointer[0], pointer[1], pointer[2], pointer[3], count);
    for (int k = 0; k < 4; k++) {
      if (tensors[k] != nullptr && k != 1) block[k].write(first + i, count);
    }
  }
}

/// Sum of squares of contiguous values in double: a float's square may not fit a float.
template <class T>
double squares(const T* p, int64_t n) {
  using V = Vec<T>;
  using D = Vec<double>;
  D acc[4] = {D(0.0), D(0.0), D(0.0), D(0.0)};
  const auto add = [&acc](V x, int k) {
    if constexpr (sizeof(T) == 4) {
      const D low = widenLow(x), high = widenHigh(x);
      acc[2 * k] = acc[2 * k] + low * low;
      acc[2 * k + 1] = acc[2 * k + 1] + high * high;
    } else {
      acc[k] = acc[k] + x * x;
    }
  };
  int64_t i = 0;
  for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes) {
    add(simd::load<V>(p + i), 0);
    add(simd::load<V>(p + i + V::kLanes), 1);
  }
  for (; i + V::kLanes <= n; i += V::kLanes) add(simd::load<V>(p + i), 0);
  if (i < n) add(simd::loadPart<V>(p + i, n - i), 0);
  return sumLanes((acc[0] + acc[1]) + (acc[2] + acc[3]));
}

/// Multiplies contiguous values by `factor`.
template <class T>
void scaleBlock(T* p, int64_t n, T factor) {
  using V = Vec<T>;
  const V f(factor);
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) store(p + i, simd::load<V>(p + i) * f);
  if (i < n) storePart(p + i, simd::loadPart<V>(p + i, n - i) * f, n - i);
}

}  // namespace

void sgdStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& momentum,
             const InOut& state, const In& hyper, const int32_t& nesterov) {
  if (!isVector(s, state, 1) || !isVector(s, hyper, 4)) return;
  const bool hasMomentum = momentum.count > 0;
  if (!require(s, grads.count == params.count && (!hasMomentum || momentum.count == params.count),
               "sgdStep: lists differ in length"))
    return;
  if (!listsAgree(s, "sgdStep: a gradient differs from its parameter", params.count, params.items,
                  grads.items))
    return;
  if (hasMomentum && !listsAgree(s, "sgdStep: a momentum differs from its parameter", params.count,
                                 params.items, momentum.items))
    return;
  const Sgd h{numberAt(hyper, 0),      numberAt(hyper, 1), numberAt(hyper, 2), numberAt(hyper, 3),
              numberAt(state, 0) == 0, hasMomentum,        nesterov != 0};
  forEachListChunk(s, params.items, params.count, [&](int64_t t, int64_t first, int64_t n) {
    const View* const tensors[4] = {&params.items[t], &grads.items[t],
                                    hasMomentum ? &momentum.items[t] : nullptr, nullptr};
    withFloat(s, params.items[t].dtype, "sgdStep", [&]<class T>() {
      overBlocks<T>(tensors, first, n,
                    [&](T* p, const T* g, T* m, T*, int64_t count) { sgdBlock(p, g, m, count, h); });
    });
  });
  static_cast<double*>(state.data)[0] += 1;
}

void adamStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m, const InOutList& v,
              const InOut& state, const In& hyper, const int32_t& decoupled) {
  if (!isVector(s, state, 1) || !isVector(s, hyper, 5)) return;
  const int64_t count = params.count;
  if (!require(s, grads.count == count && m.count == count && v.count == count,
               "adamStep: lists differ in length"))
    return;
  if (!listsAgree(s, "adamStep: a gradient differs from its parameter", count, params.items, grads.items) ||
      !listsAgree(s, "adamStep: a first moment differs from its parameter", count, params.items, m.items) ||
      !listsAgree(s, "adamStep: a second moment differs from its parameter", count, params.items, v.items)) {
    return;
  }
  const double lr = numberAt(hyper, 0), beta1 = numberAt(hyper, 1), beta2 = numberAt(hyper, 2);
  const double step = numberAt(state, 0) + 1;
  Adam h{beta1,
         beta2,
         numberAt(hyper, 3),
         numberAt(hyper, 4),
         lr / (1 - power(beta1, step)),
         __builtin_sqrt(1 - power(beta2, step)),
         1 - lr * numberAt(hyper, 4),
         decoupled != 0};
  forEachListChunk(s, params.items, count, [&](int64_t t, int64_t first, int64_t n) {
    const View* const tensors[4] = {&params.items[t], &grads.items[t], &m.items[t], &v.items[t]};
    withFloat(s, params.items[t].dtype, "adamStep", [&]<class T>() {
      overBlocks<T>(tensors, first, n, [&](T* p, const T* g, T* mean, T* square, int64_t k) {
        adamBlock(p, g, mean, square, k, h);
      });
    });
  });
  static_cast<double*>(state.data)[0] = step;
}

void globalNorm(Stream& s, const Out& norm, const InList& grads) {
  if (!require(s, numel(norm) == 1 && (norm.dtype == DType::f32 || norm.dtype == DType::f64),
               "globalNorm: the output is not one float"))
    return;
  if (!listsAgree(s, "globalNorm: a gradient is not a float", grads.count, grads.items, grads.items)) return;
  double total = 0;
  const auto partOf = [&](int64_t t, int64_t first, int64_t n) {
    double part = 0;
    withFloat(s, grads.items[t].dtype, "globalNorm", [&]<class T>() {
      const View* const tensors[4] = {nullptr, &grads.items[t], nullptr, nullptr};
      overBlocks<T>(tensors, first, n,
                    [&](T*, const T* g, T*, T*, int64_t count) { part += squares(g, count); });
    });
    return part;
  };
  // Partials are kept per group of chunks, as many groups as fit on the stack, and added in their order.
  for (int64_t t = 0; t < grads.count; t++) {
    constexpr int64_t kGroups = 256;
    const int64_t n = numel(grads.items[t]),
                  size = maxOf(kListChunk, ceilDiv(ceilDiv(n, kGroups), kListChunk) * kListChunk);
    const int64_t groups = ceilDiv(n, size);
    double part[kGroups];
    const auto run = [&](int64_t group) {
      part[group] = partOf(t, group * size, minOf(size, n - group * size));
    };
    if (groups == 1) run(0);
    else parallelFor(s, groups, run);
    for (int64_t group = 0; group < groups; group++) total += part[group];
  }
  const double root = __builtin_sqrt(total);
  if (norm.dtype == DType::f32) *static_cast<float*>(norm.data) = static_cast<float>(root);
  else *static_cast<double*>(norm.data) = root;
}

void clipScale(Stream& s, const InOutList& grads, const In& norm, const double& maxNorm) {
  if (!require(s, numel(norm) == 1 && (norm.dtype == DType::f32 || norm.dtype == DType::f64),
               "clipScale: the norm is not one float"))
    return;
  if (!listsAgree(s, "clipScale: a gradient is not a float", grads.count, grads.items, grads.items)) return;
  const double value = norm.dtype == DType::f32 ? static_cast<double>(*static_cast<const float*>(norm.data))
                                                : *static_cast<const double*>(norm.data);
  const double factor = maxNorm / (value + 1e-6);
  if (factor >= 1) return;  // of a NaN norm the factor is NaN, and so are the gradients
  forEachListChunk(s, grads.items, grads.count, [&](int64_t t, int64_t first, int64_t n) {
    const View* const tensors[4] = {&grads.items[t], nullptr, nullptr, nullptr};
    withFloat(s, grads.items[t].dtype, "clipScale", [&]<class T>() {
      overBlocks<T>(tensors, first, n,
                    [&](T* g, T*, T*, T*, int64_t count) { scaleBlock(g, count, static_cast<T>(factor)); });
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
