// What happens to gradients and parameters around a step, over lists of tensors: norms, clipping, unscaling,
// LAMB's trust ratios and assignments.
#include "../ops/rows/optim.h"

#include "optim_step.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_OPTIM_ROWS)

namespace wg::cuda {
namespace {

constexpr int kThreads = 256;

bool isScalar(Stream& s, const View& v) {
  return require(s, (v.dtype == DType::f32 || v.dtype == DType::f64) && numel(v) == 1,
                 "optimizer: a number is not one float");
}

/// A number of the device's.
struct Scalar {
  const void* data;
  bool wide;
  WG_DEV double get() const {
    return wide ? *static_cast<const double*>(data) : static_cast<double>(*static_cast<const float*>(data));
  }
};
Scalar scalarOf(const View& v) { return {v.data, v.dtype == DType::f64}; }

/// For ops that write nothing when what they read is spoiled.
struct Guarded {
  const uint32_t* spoiled;
  WG_DEV bool ready() const { return !spoiled || *spoiled == 0; }
};

struct Assign : Guarded {
  static constexpr uint32_t kWrites = 1;
  static constexpr int kSums = 0;
  const uint8_t* leaveOut;  ///< a bool that an earlier kernel wrote, or null
  WG_DEV bool ready() const { return Guarded::ready() && !(leaveOut && *leaveOut != 0); }
  template <class T>
  WG_DEV void operator()(T (&value)[2], double*) const {
    value[0] = value[1];
  }
};

/// Divides by the scale; notes what was Inf or NaN before.
struct Unscale : Guarded {
  static constexpr uint32_t kWrites = 1;
  static constexpr int kSums = 0;
  Scalar scale;
  uint8_t* found;
  template <class T>
  WG_DEV void operator()(T (&value)[1], double*) const {
    if (value[0] - value[0] != T(0)) *found = 1;
    value[0] = value[0] * static_cast<T>(1 / scale.get());
  }
};

struct Squares {
  static constexpr uint32_t kWrites = 0;
  static constexpr int kSums = 1;
  WG_DEV bool ready() const { return true; }
  template <class T>
  WG_DEV void operator()(T (&value)[1], double* sum) const {
    sum[0] += static_cast<double>(value[0]) * static_cast<double>(value[0]);
  }
};

struct Clip {
  static constexpr uint32_t kWrites = 1;
  static constexpr int kSums = 0;
  const uint32_t* spoiled;
  Scalar norm;
  double maxNorm;
  WG_DEV double factor() const { return maxNorm / (norm.get() + 1e-6); }
  // Of a NaN norm the factor is NaN, and so are the gradients.
  WG_DEV bool ready() const { return (!spoiled || *spoiled == 0) && !(factor() >= 1); }
  template <class T>
  WG_DEV void operator()(T (&value)[1], double*) const {
    value[0] = value[0] * static_cast<T>(factor());
  }
};

/// One block: the root of the sum of `count` numbers, added in a fixed order.
WG_KERNEL(kThreads) rootOfSum(void* out, bool wide, const double* part, int64_t count) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += kThreads) sum += part[i];
  const double root = sqrt(blockSum(sum));
  if (threadIdx.x != 0) return;
  if (wide) *static_cast<double*>(out) = root;
  else *static_cast<float*>(out) = static_cast<float>(root);
}

WG_KERNEL(1)
scaleAfter(optim::Cells state, const uint8_t* found, double growth, double backoff, double interval,
           const uint32_t* spoiled) {
  if (!spoiled || *spoiled == 0) optim::moveScale(state, *found != 0, growth, backoff, interval);
}

// ---- LAMB -----------------------------------------------------------------------------------------------

/// The first pass, over [p, g, m, v]: moves the moments and sums the squares of p and of its direction.
struct LambMoments {
  static constexpr uint32_t kWrites = 4 | 8;
  static constexpr int kSums = 2;
  const Prepared<optim::Lamb>* prepared;
  WG_DEV bool ready() const { return !prepared->skip; }
  template <class T>
  WG_DEV void operator()(T (&value)[4], double* sum) const {
    prepared->rule.moments(value[1], value[2], value[3]);
    const double p = static_cast<double>(value[0]),
                 direction = static_cast<double>(prepared->rule.direction(value[0], value[2], value[3]));
    sum[0] += p * p;
    sum[1] += direction * direction;
  }
};

/// The second, over the one tensor whose trust ratio it is given.
struct LambMove {
  static constexpr uint32_t kWrites = 1;
  static constexpr int kSums = 0;
  const Prepared<optim::Lamb>* prepared;
  const double* ratio;
  WG_DEV bool ready() const { return !prepared->skip; }
  template <class T>
  WG_DEV void operator()(T (&value)[4], double*) const {
    const T direction = prepared->rule.direction(value[0], value[2], value[3]);
    value[0] = value[0] - optim::all<T>(prepared->rule.lr * *ratio) * direction;
  }
};

/// One block: the trust ratio of a tensor from the sums of its chunks.
WG_KERNEL(kThreads) trustRatio(double* ratio, const double* part, int64_t chunks) {
  double norms[2] = {0, 0};
  for (int64_t i = threadIdx.x; i < chunks; i += kThreads) {
    norms[0] += part[2 * i];
    norms[1] += part[2 * i + 1];
  }
  const double p = blockSum(norms[0]), direction = blockSum(norms[1]);
  if (threadIdx.x == 0) *ratio = p > 0 && direction > 0 ? sqrt(p / direction) : 1.0;
}

}  // namespace

void assignAll(Stream& s, const InOutList& targets, const InList& sources, const MaybeIn& skip) {
  if (!require(s, targets.count == sources.count, "assignAll: lists differ in length") ||
      !listsAgree(s, "assignAll: a source differs from its target", targets.count, targets.items,
                  sources.items) ||
      !isSkip(s, skip))
    return;
  const View* const lists[2] = {targets.items, sources.items};
  updateAll(s, lists, targets.count, Assign{{guard(s)}, skipOf(skip)});
}

void updateScale(Stream& s, const InOut& state, const In& found, const double& growth, const double& backoff,
                 const double& interval) {
  if (!isVector(s, state, 2) ||
      !require(s, numel(found) == 1 && found.dtype == DType::boolean, "updateScale: `found` is not one bool"))
    return;
  launch(s, scaleAfter, dim3(1), dim3(1), 0, cellsOf(state), static_cast<const uint8_t*>(found.data), growth,
         backoff, interval, guard(s));
}

void unscaleCheck(Stream& s, const Out& found, const InOutList& grads, const In& scale) {
  if (!isScalar(s, scale) ||
      !require(s, numel(found) == 1 && found.dtype == DType::boolean,
               "unscaleCheck: the output is not one bool") ||
      !listsAgree(s, "unscaleCheck: a gradient is not a float", grads.count, grads.items, grads.items))
    return;
  auto* any = static_cast<uint8_t*>(found.data);
  if (!check(s, cudaMemsetAsync(any, 0, 1, streamOf(s)))) return;
  const View* const lists[1] = {grads.items};
  updateAll(s, lists, grads.count, Unscale{{guard(s)}, scalarOf(scale), any});
}

void globalNorm(Stream& s, const Out& norm, const InList& grads) {
  if (!isScalar(s, norm)) return;
  if (!listsAgree(s, "globalNorm: a gradient is not a float", grads.count, grads.items, grads.items)) return;
  const int64_t chunks = chunksOf(grads.items, grads.count);
  auto* part = static_cast<double*>(s.scratch);
  if (!require(s, s.scratchBytes >= static_cast<size_t>(chunks) * sizeof(double), "globalNorm: no scratch"))
    return;
  const View* const lists[1] = {grads.items};
  updateAll(s, lists, grads.count, Squares{}, part);
  launch(s, rootOfSum, dim3(1), dim3(kThreads), 0, norm.data, norm.dtype == DType::f64, part, chunks);
}
size_t globalNormWorkspace(const Out&, const InList& grads) {
  return static_cast<size_t>(chunksOf(grads.items, grads.count)) * sizeof(double);
}

void clipScale(Stream& s, const InOutList& grads, const In& norm, const double& maxNorm) {
  if (!isScalar(s, norm)) return;
  if (!listsAgree(s, "clipScale: a gradient is not a float", grads.count, grads.items, grads.items)) return;
  const View* const lists[1] = {grads.items};
  updateAll(s, lists, grads.count, Clip{guard(s), scalarOf(norm), maxNorm});
}

size_t lambStepWorkspace(const InOutList& params, const InList&, const InOutList&, const InOutList&,
                         const InOut&, const In&, const MaybeIn&, const int32_t&) {
  int64_t most = 0;
  for (int64_t t = 0; t < params.count; t++) most = maxOf(most, chunksOf(params.items + t, 1));
  return kRuleBytes + static_cast<size_t>(2 * most + 1) * sizeof(double);
}
void lambStep(Stream& s, const InOutList& params, const InList& grads, const InOutList& m, const InOutList& v,
              const InOut& state, const In& hyper, const MaybeIn& skip, const int32_t& flags) {
  const char* const message = "optimizer step: gradients and slots do not match the parameters";
  if (!isVector(s, state, 1) || !isVector(s, hyper, 5) || !isSkip(s, skip)) return;
  for (int64_t count : {grads.count, m.count, v.count})
    if (!require(s, count == params.count, message)) return;
  for (const View* list : {grads.items, m.items, v.items})
    if (!listsAgree(s, message, params.count, params.items, list)) return;
  if (!require(s, s.scratchBytes >= lambStepWorkspace(params, grads, m, v, state, hyper, skip, flags),
               "lambStep: no scratch"))
    return;
  const auto* prepared = prepare<optim::Lamb>(s, hyper, state, skipOf(skip), flags, 0);
  if (!prepared) return;
  auto* ratio = reinterpret_cast<double*>(static_cast<char*>(s.scratch) + kRuleBytes);
  for (int64_t t = 0; t < params.count; t++) {
    const int64_t chunks = chunksOf(params.items + t, 1);
    if (chunks == 0) continue;
    const View* const lists[4] = {params.items + t, grads.items + t, m.items + t, v.items + t};
    updateAll(s, lists, 1, LambMoments{prepared}, ratio + 1);
    launch(s, trustRatio, dim3(1), dim3(kThreads), 0, ratio, ratio + 1, chunks);
    updateAll(s, lists, 1, LambMove{prepared, ratio});
  }
}

}  // namespace wg::cuda
