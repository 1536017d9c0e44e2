// Kernels whose elements follow from their number in row-major order alone: out[i] = make(i), a double that
// is converted as it is stored.
#pragma once
#include "../ops/checks.h"
#include "convert.h"
#include "wg/index.h"
#include "wg/launch.h"

namespace wg::cuda {

inline constexpr int kGenerateThreads = 256;
inline constexpr int64_t kGenerateBlocks = 8192;

template <class I, class F>
WG_KERNEL(kGenerateThreads)
generateKernel(void* out, DType dtype, const WG_GRID_CONSTANT Offsets<1, I> places,
               const WG_GRID_CONSTANT F make) {
  const I step = static_cast<I>(gridDim.x) * blockDim.x;
  for (I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; i < places.total; i += step)
    storeAny(out, dtype, places(i)[0], make(static_cast<int64_t>(i)));
}

template <class F>
void generate(Stream& s, const View& out, const F& make) {
  const View* const views[] = {&out};
  const Axes<1> axes = axesOf(views);
  if (axes.total == 0) return;
  const int64_t blocks = ceilDiv<int64_t>(axes.total, kGenerateThreads);
  const dim3 grid(static_cast<unsigned>(minOf(blocks, kGenerateBlocks)));
  withIndex(axes, [&](auto index) {
    using I = decltype(index);
    launch(s, generateKernel<I, F>, grid, dim3(kGenerateThreads), 0, out.data, out.dtype,
           axes.template offsets<I>(), make);
  });
}

}  // namespace wg::cuda
