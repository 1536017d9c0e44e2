// Which tile the gradients of attention's queries are made in.
#include "grad_query.cuh"

namespace wg::cuda::flash {
namespace {

template <class Tile>
void run(Stream& s, const Backward<typename Tile::T>& p, int64_t batch) {
  constexpr size_t kBytes =
      (2 * Tile::kKeptSize + 2 * Tile::kPassingSize + Tile::kWeightSize) * sizeof(typename Tile::T);
  eachGrid<Tile>(s, p.scores.queries, p.depth, batch, p.scores.heads, p.scores.right >= 0,
                 [&](const Blocks& blocks, dim3 grid) {
                   launch(s, gradQuery<Tile>, grid, dim3(Tile::kThreads), kBytes, p, blocks);
                 });
}

}  // namespace

template <class T>
void runGradQuery(Stream& s, const Backward<T>& p, int64_t batch) {
  if constexpr (sizeof(T) == 8) {
    run<Tile<T, 2, 64, 2, true>>(s, p, batch);
  } else {
    const int columns = p.depth > p.width ? p.depth : p.width;
    if (columns <= 64) run<Tile<T, 4, 64, 3, false>>(s, p, batch);
    else if (columns <= 128) run<Tile<T, 4, 128, 2, false>>(s, p, batch);
    else run<Tile<T, 4, 64, 2, true>>(s, p, batch);
  }
}
template void runGradQuery<float>(Stream&, const Backward<float>&, int64_t);
template void runGradQuery<double>(Stream&, const Backward<double>&, int64_t);

}  // namespace wg::cuda::flash
