// Which tile the gradients of attention's keys and values are made in.
#include "grad_key.cuh"

namespace wg::cuda::flash {
namespace {

template <class Tile>
void run(Stream& s, const Backward<typename Tile::T>& p, int64_t batch, int64_t keyHeads) {
  constexpr size_t kBytes =
      (2 * Tile::kKeptSize + 2 * Tile::kPassingSize + Tile::kWeightSize) * sizeof(typename Tile::T);
  const int64_t columns = maxOf(p.depth, p.width);
  eachGrid<Tile>(s, p.scores.keys, columns, batch, keyHeads, false, [&](const Blocks& blocks, dim3 grid) {
    launch(s, gradKey<Tile>, grid, dim3(Tile::kThreads), kBytes, p, blocks);
  });
}

}  // namespace

template <class T>
void runGradKey(Stream& s, const Backward<T>& p, int64_t batch, int64_t keyHeads) {
  if constexpr (sizeof(T) == 8) {
    run<Tile<T, 2, 64, 2, true>>(s, p, batch, keyHeads);
  } else {
    const int columns = p.depth > p.width ? p.depth : p.width;
    if (columns <= 64) run<Tile<T, 4, 64, 2, false>>(s, p, batch, keyHeads);
    else if (columns <= 128) run<Tile<T, 4, 128, 2, false>>(s, p, batch, keyHeads);
    else run<Tile<T, 4, 64, 2, true>>(s, p, batch, keyHeads);
  }
}
template void runGradKey<float>(Stream&, const Backward<float>&, int64_t, int64_t);
template void runGradKey<double>(Stream&, const Backward<double>&, int64_t, int64_t);

}  // namespace wg::cuda::flash
