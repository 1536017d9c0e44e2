// fill, arange, copy, and the search for what is not finite.
#include "../ops/rows/memory.h"

#include "elementwise.h"
#include "generate.h"
#include "prototype.h"

WG_CUDA_PROTOTYPES(WG_MEMORY_ROWS)

namespace wg::cuda {
namespace {

template <class T>
struct Same {
  WG_DEV T operator()(T x) const { return x; }
};

/// Moves bits: x, which has out's dtype or is a number.
void move(Stream& s, const View& out, const View* x, double number) {
  const Source inputs[] = {{x, number, out.dtype}};
  switch (itemBytes(out.dtype)) {
    case 1:
      runElementwise(s, Same<uint8_t>{}, out, out.dtype, inputs);
      break;
    case 2:
      runElementwise(s, Same<uint16_t>{}, out, out.dtype, inputs);
      break;
    case 4:
      runElementwise(s, Same<uint32_t>{}, out, out.dtype, inputs);
      break;
    default:
      runElementwise(s, Same<uint64_t>{}, out, out.dtype, inputs);
  }
}

bool isByte(DType t) { return t == DType::u8 || t == DType::i8 || t == DType::boolean; }

struct Steps {
  double start, step;
  WG_DEV double operator()(int64_t i) const { return start + static_cast<double>(i) * step; }
};

constexpr int kThreads = 256;

/// Sets *found when an element is NaN or infinite. Every thread that finds one writes the same.
template <class T, class I>
WG_KERNEL(kThreads)
findNonFinite(uint8_t* found, const void* x, DType dtype, const WG_GRID_CONSTANT Offsets<1, I> places) {
  const I step = static_cast<I>(gridDim.x) * blockDim.x;
  bool bad = false;
  for (I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; i < places.total; i += step) {
    const int64_t at = places.rank == 0 ? 0 : places(i)[0];
    const T value =
        dtype == kDTypeOf<T> ? load<T>(static_cast<const T*>(x) + at) : loadAny<T>(x, dtype, at, false);
    bad |= value - value != T(0);
  }
  if (bad) *found = 1;
}

}  // namespace

void fill(Stream& s, const Out& out, const double& value) { move(s, out, nullptr, value); }

void copy(Stream& s, const Out& out, const In& x) {
  if (!require(s, sameShape(out, x), "copy: shapes differ")) return;
  if (out.dtype == x.dtype || (isByte(out.dtype) && isByte(x.dtype) && out.dtype != DType::boolean))
    return move(s, out, &x, 0);
  const DType dtype = computeOf(x.dtype);
  withAny(s, dtype, "copy", [&]<class T>() {
    const Source inputs[] = {sourceOf(x, kDTypeOf<T>)};
    runElementwise(s, Same<T>{}, out, kDTypeOf<T>, inputs);
  });
}

void arange(Stream& s, const Out& out, const double& start, const double& step) {
  if (out.dtype == DType::boolean) return unsupported(s, "arange", out.dtype);
  generate(s, out, Steps{start, step});
}

void anyNonFinite(Stream& s, const Out& out, const In& x) {
  if (!require(s, out.dtype == DType::boolean && numel(out) == 1, "anyNonFinite: the output is not one bool"))
    return;
  auto* found = static_cast<uint8_t*>(out.data);
  if (!check(s, cudaMemsetAsync(found, 0, 1, streamOf(s)))) return;
  const DType dtype = computeOf(x.dtype);
  const View* const views[] = {&x};
  const auto axes = axesOf(views, Reorder::yes);
  if (axes.total == 0 || (dtype != DType::f32 && dtype != DType::f64)) return;
  constexpr int64_t kMostBlocks = 1024;
  const dim3 grid(static_cast<unsigned>(minOf(ceilDiv<int64_t>(axes.total, kThreads), kMostBlocks)));
  withFloat(s, dtype, "anyNonFinite", [&]<class T>() {
    withIndex(axes, [&](auto index) {
      using I = decltype(index);
      launch(s, findNonFinite<T, I>, grid, dim3(kThreads), 0, found, x.data, x.dtype,
             axes.template offsets<I>());
    });
  });
}

}  // namespace wg::cuda
