// What happens to gradients and parameters around a step, over lists of tensors: norms, clipping, unscaling,
// LAMB's trust ratios, averages and assignments.
#include "../ops/rows/optim.h"

#include "optim_step.h"

WG_PROTOTYPES(WG_OPTIM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

/// A sum in double of squares of T, in a fixed number of accumulators: a float's square may not fit a float.
template <class T>
struct Squares {
  using V = Vec<T>;
  using D = Vec<double>;
  D acc[4] = {D(0.0), D(0.0), D(0.0), D(0.0)};

  void add(V x, int k) {
    if constexpr (sizeof(T) == 4) {
      const D low = widenLow(x), high = widenHigh(x);
      acc[2 * k] = acc[2 * k] + low * low;
      acc[2 * k + 1] = acc[2 * k + 1] + high * high;
    } else {
      acc[k] = acc[k] + x * x;
    }
  }
  double total() const { return sumLanes((acc[0] + acc[1]) + (acc[2] + acc[3])); }
};

template <class T>
double squares(const T* p, int64_t n) {
  using V = Vec<T>;
  Squares<T> sum;
  int64_t i = 0;
  for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes) {
    sum.add(simd::load<V>(p + i), 0);
    sum.add(simd::load<V>(p + i + V::kLanes), 1);
  }
  for (; i + V::kLanes <= n; i += V::kLanes) sum.add(simd::load<V>(p + i), 0);
  if (i < n) sum.add(simd::loadPart<V>(p + i, n - i), 0);
  return sum.total();
}

/// Adds f(first, count, part) over the chunks of a tensor's n elements. Partials are kept per group of
/// chunks, as many groups as fit on the stack, and added in their order.
template <int K, class F>
void sumChunks(Stream& s, int64_t n, double (&total)[K], F f) {
  constexpr int64_t kGroups = 256;
  const int64_t size = maxOf(kListChunk, ceilDiv(ceilDiv(n, kGroups), kListChunk) * kListChunk);
  const int64_t groups = ceilDiv(n, size);
  double part[kGroups][K];
  const auto run = [&](int64_t group) {
    for (int k = 0; k < K; k++) part[group][k] = 0;
    f(group * size, minOf(size, n - group * size), part[group]);
  };
  if (groups == 1) run(0);
  else parallelSweep(s, groups, run);
  for (int64_t group = 0; group < groups; group++) {
    for (int k = 0; k < K; k++) total[k] += part[group][k];
  }
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

/// The same, and whether any value was Inf or NaN before.
template <class T>
bool unscaleBlock(T* p, int64_t n, T factor) {
  using V = Vec<T>;
  const V f(factor), zero(T(0));
  bool found = false;
  const auto strange = [&](V x) { return anyOf((x - x) != zero); };
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    const V x = simd::load<V>(p + i);
    found |= strange(x);
    store(p + i, x * f);
  }
  if (i < n) {
    const V x = simd::loadPart<V>(p + i, n - i);
    found |= strange(x);
    storePart(p + i, x * f, n - i);
  }
  return found;
}

/// f(i, count) with the blocks of one register; the last may be part of one.
template <class V, class F>
void overRegisters(int64_t n, F f) {
  for (int64_t i = 0; i < n; i += V::kLanes) f(i, minOf(V::kLanes, n - i));
}
template <class V>
V loadSome(const ElementOf<V>* p, int64_t n) {
  return n == V::kLanes ? simd::load<V>(p) : simd::loadPart<V>(p, n);
}
template <class T>
void storeSome(T* p, Vec<T> v, int64_t n) {
  if (n == Vec<T>::kLanes) store(p, v);
  else storePart(p, v, n);
}

bool isScalar(Stream& s, const View& v) {
  return require(s, numel(v) == 1 && (v.dtype == DType::f32 || v.dtype == DType::f64),
                 "optimizer: a scalar is not one float");
}
double scalarOf(const View& v) {
  return v.dtype == DType::f32 ? static_cast<double>(*static_cast<const float*>(v.data))
                               : *static_cast<const double*>(v.data);
}

/// LAMB's first pass over one tensor: updates the moments; adds the squared norms of p and of its direction.
template <class T>
void lambMoments(T* const* data, int64_t n, const optim::Lamb& rule, double* part) {
  using V = Vec<T>;
  Squares<T> values, directions;
  overRegisters<V>(n, [&](int64_t i, int64_t k) {
    const V p = loadSome<V>(data[0] + i, k);
    V mean = loadSome<V>(data[2] + i, k), square = loadSome<V>(data[3] + i, k);
    rule.moments(loadSome<V>(data[1] + i, k), mean, square);
    V direction = rule.direction(p, mean, square);
    storeSome(data[2] + i, mean, k);
    storeSome(data[3] + i, square, k);
    // With eps = 0 the lanes behind the end hold 0 / 0.
    if (k < V::kLanes) {
      T lanes[V::kLanes];
      store(lanes, direction);
      direction = simd::loadPart<V>(lanes, k);
    }
    values.add(p, 0);
    directions.add(direction, 0);
  });
  part[0] += values.total();
  part[1] += directions.total();
}

}  // namespace

void lambStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m, const InOutList& v,
              const InOut& state, const In& hyper, const MaybeIn& skip, const int32_t& flags) {
  const Slots<2> slots{{&m, &v}};
  if (!isVector(s, state, 1) || !isVector(s, hyper, 5) || !stepAgrees(s, params, grads, slots) ||
      skips(s, skip))
    return;
  const auto rule = optim::Lamb::make(numbersOf(hyper), cellsOf(state), flags, 0);
  for (int64_t t = 0; t < params.count; t++) {
    const View* const tensors[4] = {&params.items[t], &grads.items[t], &m.items[t], &v.items[t]};
    const int64_t n = numel(params.items[t]);
    withFloat(s, params.items[t].dtype, "lambStep", [&]<class T>() {
      double norms[2] = {0, 0};
      sumChunks(s, n, norms, [&](int64_t first, int64_t count, double* part) {
        overBlocks<T>(tensors, first, count,
                      [&](T* const* data, int64_t k) { lambMoments(data, k, rule, part); });
      });
      const double ratio = norms[0] > 0 && norms[1] > 0 ? __builtin_sqrt(norms[0] / norms[1]) : 1.0;
      forEachListChunk(s, &params.items[t], 1, [&](int64_t, int64_t first, int64_t count) {
        overBlocks<T>(tensors, first, count, [&](T* const* data, int64_t k) {
          using V = Vec<T>;
          overRegisters<V>(k, [&](int64_t i, int64_t lanes) {
            const V p = loadSome<V>(data[0] + i, lanes);
            const V direction =
                rule.direction(p, loadSome<V>(data[2] + i, lanes), loadSome<V>(data[3] + i, lanes));
            storeSome(data[0] + i, p - optim::all<V>(rule.lr * ratio) * direction, lanes);
          });
        });
      });
    });
  }
}

void emaStep(Stream& s, const InOutList& averages, const InList& params, const InOut& state, const In& hyper,
             const int32_t& flags) {
  if (!isVector(s, state, 1) || !isVector(s, hyper, 1)) return;
  if (!require(s, averages.count == params.count, "emaStep: lists differ in length") ||
      !listsAgree(s, "emaStep: an average differs from its parameter", params.count, averages.items,
                  params.items))
    return;
  const auto rule = optim::Ema::make(numbersOf(hyper), cellsOf(state), flags, 0);
  forEachListChunk(s, averages.items, averages.count, [&](int64_t t, int64_t first, int64_t n) {
    const View* const tensors[2] = {&averages.items[t], &params.items[t]};
    withFloat(s, averages.items[t].dtype, "emaStep", [&]<class T>() {
      using V = Vec<T>;
      overBlocks<T>(tensors, first, n, [&](T* const* data, int64_t count) {
        overRegisters<V>(count, [&](int64_t i, int64_t k) {
          V average = loadSome<V>(data[0] + i, k);
          rule(average, loadSome<V>(data[1] + i, k), static_cast<V*>(nullptr));
          storeSome(data[0] + i, average, k);
        });
      });
    });
  });
}

void assignAll(Stream& s, const InOutList& targets, const InList& sources, const MaybeIn& skip) {
  if (!require(s, targets.count == sources.count, "assignAll: lists differ in length") ||
      !listsAgree(s, "assignAll: a source differs from its target", targets.count, targets.items,
                  sources.items) ||
      skips(s, skip))
    return;
  forEachListChunk(s, targets.items, targets.count, [&](int64_t t, int64_t first, int64_t n) {
    const View* const tensors[2] = {&targets.items[t], &sources.items[t]};
    withFloat(s, targets.items[t].dtype, "assignAll", [&]<class T>() {
      overBlocks<T>(tensors, first, n, [&](T* const* data, int64_t count) {
        __builtin_memcpy(data[0], data[1], static_cast<size_t>(count) * sizeof(T));
      });
    });
  });
}

void updateScale(Stream& s, const InOut& state, const In& found, const double& growth, const double& backoff,
                 const double& interval) {
  if (!isVector(s, state, 2) ||
      !require(s, numel(found) == 1 && found.dtype == DType::boolean, "updateScale: `found` is not one bool"))
    return;
  const bool bad = *static_cast<const uint8_t*>(found.data) != 0;
  optim::moveScale(cellsOf(state), bad, growth, backoff, interval);
}

void unscaleCheck(Stream& s, const Out& found, const InOutList& grads, const In& scale) {
  if (!isScalar(s, scale) ||
      !require(s, numel(found) == 1 && found.dtype == DType::boolean,
               "unscaleCheck: the output is not one bool") ||
      !listsAgree(s, "unscaleCheck: a gradient is not a float", grads.count, grads.items, grads.items))
    return;
  const double factor = 1 / scalarOf(scale);
  uint8_t any = 0;
  forEachListChunk(s, grads.items, grads.count, [&](int64_t t, int64_t first, int64_t n) {
    const View* const tensors[1] = {&grads.items[t]};
    withFloat(s, grads.items[t].dtype, "unscaleCheck", [&]<class T>() {
      overBlocks<T>(tensors, first, n, [&](T* const* data, int64_t count) {
        if (unscaleBlock(data[0], count, static_cast<T>(factor)))
          __atomic_store_n(&any, uint8_t{1}, __ATOMIC_RELAXED);
      });
    });
  });
  *static_cast<uint8_t*>(found.data) = any;
}

void globalNorm(Stream& s, const Out& norm, const InList& grads) {
  if (!isScalar(s, norm)) return;
  if (!listsAgree(s, "globalNorm: a gradient is not a float", grads.count, grads.items, grads.items)) return;
  double total[1] = {0};
  for (int64_t t = 0; t < grads.count; t++) {
    const View* const tensors[2] = {nullptr, &grads.items[t]};
    withFloat(s, grads.items[t].dtype, "globalNorm", [&]<class T>() {
      sumChunks(s, numel(grads.items[t]), total, [&](int64_t first, int64_t n, double* part) {
        overBlocks<T>(tensors, first, n,
                      [&](T* const* data, int64_t count) { *part += squares(data[1], count); });
      });
    });
  }
  const double root = __builtin_sqrt(total[0]);
  if (norm.dtype == DType::f32) *static_cast<float*>(norm.data) = static_cast<float>(root);
  else *static_cast<double*>(norm.data) = root;
}

void clipScale(Stream& s, const InOutList& grads, const In& norm, const double& maxNorm) {
  if (!isScalar(s, norm)) return;
  if (!listsAgree(s, "clipScale: a gradient is not a float", grads.count, grads.items, grads.items)) return;
  const double factor = maxNorm / (scalarOf(norm) + 1e-6);
  if (factor >= 1) return;  // of a NaN norm the factor is NaN, and so are the gradients
  forEachListChunk(s, grads.items, grads.count, [&](int64_t t, int64_t first, int64_t n) {
    const View* const tensors[1] = {&grads.items[t]};
    withFloat(s, grads.items[t].dtype, "clipScale", [&]<class T>() {
      overBlocks<T>(tensors, first, n, [&](T* const* data, int64_t count) {
        scaleBlock(data[0], count, static_cast<T>(factor));
      });
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
