// Distributions drawn by rejection, and the cumulative chances that categories are drawn by.
#include "../ops/rejection.h"
#include "../ops/rows/random.h"
#include "prototype.h"
#include "random_stream.h"
#include "wg/block.h"
#include "wg/error.h"

WG_CUDA_PROTOTYPES(WG_RANDOM_ROWS)

namespace wg::cuda {
namespace {

/// Uniform numbers of element `i`: blocks whose third counter word goes 1, 2, 3 …
struct Draws {
  const Generator& g;
  uint64_t element, blocks = 0;
  int left = 0;
  double first = 0, second = 0;

  /// In (0, 1).
  WG_DEV double next() {
    if (left-- > 0) return first;
    uint32_t d[4];
    g.draw(element, d, ++blocks);
    first = made(d[1], d[0]);
    second = made(d[3], d[2]);
    left = 1;
    return second;
  }
  WG_DEV static double made(uint32_t high, uint32_t low) {
    const uint64_t bits = static_cast<uint64_t>(high) << 32 | low;
    return (static_cast<double>(static_cast<int64_t>(bits >> 12)) + 0.5) * 0x1p-52;
  }
};

struct Poisson {
  WG_DEV double operator()(double rate, Draws& draws) const { return rejection::poisson(rate, draws); }
};
struct Gamma {
  WG_DEV double operator()(double shape, Draws& draws) const { return rejection::gamma(shape, draws); }
};

/// A thread an element: as long as it takes.
template <class T, class Make>
WG_KERNEL(kRandomThreads)
drawEach(T* out, const T* parameter, const WG_GRID_CONSTANT Offsets<2, uint64_t> places, Generator g,
         Make make, ErrorCell* error) {
  const uint64_t step = uint64_t{gridDim.x} * blockDim.x;
  for (uint64_t i = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < places.total; i += step) {
    const auto at = places(i);
    const double p = static_cast<double>(parameter[at[1]]);
    if (!(p >= 0 && p - p == 0)) {
      raise(error, 0);
      continue;
    }
    Draws draws{g, i};
    out[at[0]] = static_cast<T>(make(p, draws));
  }
}

template <class Make>
void eachElement(Stream& s, const char* name, const View& out, const View& parameter, const View& used,
                 Make make) {
  if (!isState(s, used)) return;
  if (!require(s, sameShape(out, parameter) && out.dtype == parameter.dtype,
               "random: output and parameters differ"))
    return;
  const View* const views[] = {&out, &parameter};
  const Axes<2> axes = axesOf(views);
  if (axes.total == 0) return;
  withFloat(s, out.dtype, name, [&]<class T>() {
    ErrorCell* error = errorCell(s, Code::argument, "%s: a parameter is negative or not finite", name);
    if (!error) return;
    constexpr int64_t kMostBlocks = 4096;
    const int64_t blocks = minOf(ceilDiv<int64_t>(axes.total, kRandomThreads), kMostBlocks);
    launch(s, drawEach<T, Make>, dim3(static_cast<unsigned>(blocks)), dim3(kRandomThreads), 0,
           static_cast<T*>(out.data), static_cast<const T*>(parameter.data),
           axes.template offsets<uint64_t>(), generatorOf(used), make, error);
  });
}

/// A block a row: tiles of one element a thread, each scanned and added to what came before.
template <class T>
WG_KERNEL(kRandomThreads)
accumulate(double* out, int64_t outStep, const T* weights, int64_t step, int64_t width,
           const WG_GRID_CONSTANT Offsets<2, uint64_t> rows, ErrorCell* error) {
  for (uint64_t row = blockIdx.x; row < rows.total; row += gridDim.x) {
    const auto at = rows(row);
    double sum = 0;
    bool valid = true;
    for (int64_t base = 0; base < width; base += blockDim.x) {
      const int64_t i = base + threadIdx.x;
      const T weight = i < width ? weights[at[1] + i * step] : T(0);
      valid = valid && weight >= T(0);
      const double own = static_cast<double>(weight);
      const auto scanned = blockScan(own, 0.0, Add{});
      if (i < width) out[at[0] + i * outStep] = sum + scanned.before + own;
      sum += scanned.total;
    }
    if (!valid || !(sum > 0) || sum - sum != 0) raise(error, 0);
  }
}

}  // namespace

void poisson(Stream& s, const Out& out, const In& rate, const In& used) {
  eachElement(s, "poisson", out, rate, used, Poisson{});
}
void standardGamma(Stream& s, const Out& out, const In& shape, const In& used) {
  eachElement(s, "standardGamma", out, shape, used, Gamma{});
}

void cumulativeChances(Stream& s, const Out& out, const In& weights) {
  if (!require(s, sameShape(out, weights) && out.dtype == DType::f64 && out.rank >= 1,
               "multinomial: the output is not float64 of the weights' shape"))
    return;
  View to = out, from = weights;
  const int last = --to.rank;
  from.rank = last;
  const View* const views[] = {&to, &from};
  const Axes<2> rows = axesOf(views);
  const int64_t width = out.shape[last];
  if (width == 0 || rows.total == 0) return;
  withFloat(s, weights.dtype, "multinomial", [&]<class T>() {
    ErrorCell* error = errorCell(s, Code::argument,
                                 "multinomial: weights must be finite, not negative and not all 0 in a row");
    if (!error) return;
    constexpr int64_t kMostBlocks = 65536;
    launch(s, accumulate<T>, dim3(static_cast<unsigned>(minOf(rows.total, kMostBlocks))),
           dim3(kRandomThreads), 0, static_cast<double*>(out.data), out.stride[last],
           static_cast<const T*>(weights.data), weights.stride[last], width,
           rows.template offsets<uint64_t>(), error);
  });
}

}  // namespace wg::cuda
