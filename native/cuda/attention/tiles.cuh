// Which tile the columns of an attention go to. Those of more than 128 columns come in parts.
#pragma once
#include "core_tile.cuh"
#include "fma_tile.cuh"
#include "scores.cuh"

namespace wg::cuda::flash {

// Tiles as large as registers allow: an element brought to a large one is multiplied more often.
template <class S>
struct Forwards {
  using Narrow = CoreTile<S, 2, 64, 64, 2, false>;
  using Wide = CoreTile<S, 2, 32, 128, 2, false>;
  using Parts = CoreTile<S, 1, 32, 128, 2, true>;
};
template <>
struct Forwards<float> {
  using Narrow = FmaTile<float, 8, 64, 3, false>;
  using Wide = FmaTile<float, 8, 128, 2, false>;
  using Parts = FmaTile<float, 4, 128, 2, true>;
};
template <>
struct Forwards<double> {
  using Parts = FmaTile<double, 4, 64, 2, true>;
};

template <class S>
struct QueryGradients {
  using Narrow = CoreTile<S, 2, 32, 64, 2, false>;
  using Wide = CoreTile<S, 1, 64, 128, 2, false>;
  using Parts = CoreTile<S, 1, 32, 64, 2, true>;
};
template <>
struct QueryGradients<float> {
  using Narrow = FmaTile<float, 4, 64, 3, false>;
  using Wide = FmaTile<float, 4, 128, 2, false>;
  using Parts = FmaTile<float, 4, 64, 2, true>;
};
template <>
struct QueryGradients<double> {
  using Parts = FmaTile<double, 2, 64, 2, true>;
};

template <class S>
struct KeyGradients {
  using Narrow = CoreTile<S, 1, 64, 64, 2, false>;
  using Wide = CoreTile<S, 1, 32, 128, 2, false>;
  using Parts = CoreTile<S, 1, 32, 64, 2, true>;
};
template <>
struct KeyGradients<float> {
  using Narrow = FmaTile<float, 4, 64, 2, false>;
  using Wide = FmaTile<float, 4, 128, 2, false>;
  using Parts = FmaTile<float, 4, 64, 2, true>;
};
template <>
struct KeyGradients<double> {
  using Parts = FmaTile<double, 2, 64, 2, true>;
};

/// f.template operator()<Tile>() for operands of so many columns.
template <class Tiles, class F>
void withTile(int depth, int width, F&& f) {
  [[maybe_unused]] const int columns = depth > width ? depth : width;
  if constexpr (requires { typename Tiles::Narrow; }) {
    if (columns <= Tiles::Narrow::kWidth) return f.template operator()<typename Tiles::Narrow>();
    if (columns <= Tiles::Wide::kWidth) return f.template operator()<typename Tiles::Wide>();
  }
  f.template operator()<typename Tiles::Parts>();
}

}  // namespace wg::cuda::flash
