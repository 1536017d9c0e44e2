// The stream of draws behind random kernels: see native/ops/philox.h. `used`, [seed, offset], is read on the
// device, so that a replayed graph draws anew.
#pragma once
#include "../ops/checks.h"
#include "../ops/philox.h"
#include "wg/index.h"
#include "wg/launch.h"
#include "wg/vector.h"

namespace wg::cuda {

struct Generator {
  const int64_t* used;
  int64_t step;

  /// Block number `i` of this op.
  WG_DEV void draw(uint64_t i, uint32_t (&draws)[4], uint64_t third = 0) const {
    const auto seed = static_cast<uint64_t>(used[0]), counter = static_cast<uint64_t>(used[step]) + i;
    uint64_t d[4];
    philox::block<uint64_t>(counter & 0xffffffff, counter >> 32, static_cast<uint32_t>(seed),
                            static_cast<uint32_t>(seed >> 32), d, third);
    WG_UNROLL
    for (int k = 0; k < 4; k++) draws[k] = static_cast<uint32_t>(d[k]);
  }
};

inline bool isState(Stream& s, const View& v) {
  return require(s, v.dtype == DType::i64 && v.rank == 1 && v.shape[0] == 2,
                 "random: the state is not int64 [seed, offset]");
}
inline Generator generatorOf(const View& used) {
  return {static_cast<const int64_t*>(used.data), used.stride[0]};
}

/// Uniform number number `i` of a block of draws: in [0, 1), with all the mantissa's bits.
template <class T>
WG_DEV T unit(const uint32_t (&draws)[4], int i) {
  if constexpr (sizeof(T) == 4) return static_cast<float>(draws[i] >> 8) * 0x1p-24f;
  else {
    const uint64_t bits = static_cast<uint64_t>(draws[2 * i + 1]) << 32 | draws[2 * i];
    return static_cast<double>(static_cast<int64_t>(bits >> 11)) * 0x1p-53;
  }
}

inline constexpr int kRandomThreads = 256;

/// A thread a block of draws, which makes n elements: make(elements, draws, the same elements of x).
template <class T, int n, class I, class Make>
WG_KERNEL(kRandomThreads)
randomKernel(T* out, const T* x, const WG_GRID_CONSTANT Offsets<2, I> places, bool dense, Generator g,
             const WG_GRID_CONSTANT Make make) {
  const I step = static_cast<I>(gridDim.x) * blockDim.x;
  for (I i = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; i * n < places.total; i += step) {
    uint32_t draws[4];
    g.draw(static_cast<uint64_t>(i), draws);
    T from[n], to[n];
    typename Offsets<2, I>::At at[n] = {};
    WG_UNROLL
    for (int j = 0; j < n; j++) {
      const I element = i * n + j < places.total ? i * n + j : places.total - 1;
      if (!dense) at[j] = places(element);
      from[j] = x ? x[dense ? static_cast<int64_t>(element) : static_cast<int64_t>(at[j][1])] : T(0);
    }
    make(to, draws, from);
    if (dense && (i + 1) * n <= places.total) {
      Pack<T, n> pack;
      WG_UNROLL
      for (int j = 0; j < n; j++) pack[j] = to[j];
      store(out + static_cast<int64_t>(i) * n, pack);
      continue;
    }
    WG_UNROLL
    for (int j = 0; j < n; j++)
      if (i * n + j < places.total)
        out[dense ? static_cast<int64_t>(i) * n + j : static_cast<int64_t>(at[j][0])] = to[j];
  }
}

/// `input` may be null. n elements come from one block of draws.
template <class T, int n, class Make>
void generateRandom(Stream& s, const View& out, const View* input, const View& used, const Make& make) {
  const View* const views[] = {&out, input ? input : &out};
  const Axes<2> axes = axesOf(views);
  if (axes.total == 0) return;
  const bool dense = axes.dense(0) && (!input || axes.dense(1)) &&
                     reinterpret_cast<uintptr_t>(out.data) % (sizeof(T) * n < 16 ? sizeof(T) * n : 16) == 0;
  constexpr int64_t kMostBlocks = 8192;
  const int64_t blocks = ceilDiv<int64_t>(ceilDiv<int64_t>(axes.total, n), kRandomThreads);
  withIndex(axes, [&](auto index) {
    using I = decltype(index);
    launch(s, randomKernel<T, n, I, Make>, dim3(static_cast<unsigned>(minOf(blocks, kMostBlocks))),
           dim3(kRandomThreads), 0, static_cast<T*>(out.data),
           input ? static_cast<const T*>(input->data) : nullptr, axes.template offsets<I>(), dense,
           generatorOf(used), make);
  });
}

}  // namespace wg::cuda
