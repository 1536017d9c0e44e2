// The weight gradient as a matrix product over all places of all images:
//   dWeight[filter, (channel, tap)] = sum over place of dy[filter, place] * x[channel, place + tap]
#pragma once
#include "../gemm/product.cuh"
#include "patches.cuh"

namespace wg::cuda::conv {

template <class T_>
struct WeightProblem : PatchShape {
  using T = T_;
  using Large = void;  // four windows to a thread leave no registers for more sums
  int64_t m, n, k;
  const T *x, *dy;
  T* dWeight;
  Strides ofDy, ofWeight;
  int64_t xGroup, dyGroup, weightGroup;

  using PatchShape::PatchShape;

  struct Member {
    const WeightProblem& p;
    uint32_t group;

    WG_DEV int32_t m() const { return static_cast<int32_t>(p.m); }
    WG_DEV int32_t n() const { return static_cast<int32_t>(p.n); }
    WG_DEV int32_t k() const { return static_cast<int32_t>(p.k); }
    template <class Tile>
    WG_DEV auto left(int32_t row0, int32_t k0, int32_t) const;
    template <class Tile>
    WG_DEV auto right(int32_t col0, int32_t k0, int32_t) const;
    WG_DEV auto output() const;
  };
  WG_DEV Member member(uint32_t index) const { return {*this, index}; }
};

/// dy as [filter, place].
template <class T>
struct Slopes {
  static constexpr bool kAlongK = false;
  const WeightProblem<T>& p;

  struct Row {
    int32_t filter;
  };
  struct Step {
    int64_t offset;
    bool valid;
  };
  WG_DEV Row row(int32_t filter) const { return {filter}; }
  WG_DEV Step step(int32_t k) const {
    const auto place = Coordinates::of(p.places, static_cast<uint32_t>(k));
    int64_t offset = place.outer * p.ofDy.image;
    WG_UNROLL
    for (int i = 0; i < 3; i++) offset += place.at[i] * p.ofDy.space[i];
    return {offset, k < p.k};
  }
  WG_DEV bool inside(const Row& r, const Step& s) const { return r.filter < p.m && s.valid; }
  WG_DEV int64_t offset(const Row& r, const Step& s) const { return r.filter * p.ofDy.channel + s.offset; }
};

/// x as [(channel, tap), place].
template <class T>
struct Patches {
  static constexpr bool kAlongK = false;
  const WeightProblem<T>& p;

  using Row = PatchShape::Spot;
  using Step = PatchShape::Spot;
  WG_DEV Row row(int32_t n) const {
    const auto tap = Coordinates::of(p.taps, static_cast<uint32_t>(n));
    Row r = p.tapOf(tap, tap.outer * p.ofX.channel);
    if (n >= p.n) r.at[2] = -kOutside;
    return r;
  }
  WG_DEV Step step(int32_t k) const {
    Step s = p.placeOf(k);
    if (k >= p.k) s.at[1] = kOutside;
    return s;
  }
  WG_DEV bool inside(const Row& r, const Step& s) const { return p.inside(r, s); }
  WG_DEV int64_t offset(const Row& r, const Step& s) const { return r.offset + s.offset; }
};

template <class T>
struct WeightOutput {
  const WeightProblem<T>& p;
  T* data;

  WG_DEV int64_t rowOffset(int32_t filter) const { return filter * p.ofWeight.image; }
  WG_DEV int64_t colOffset(int32_t n) const {
    const auto tap = Coordinates::of(p.taps, static_cast<uint32_t>(n));
    int64_t offset = tap.outer * p.ofWeight.channel;
    WG_UNROLL
    for (int i = 0; i < 3; i++) offset += tap.at[i] * p.ofWeight.space[i];
    return offset;
  }
  WG_DEV T bias(int32_t, int32_t) const { return T(0); }
  WG_DEV void put(int64_t at, T sum) const { data[at] = sum; }
  WG_DEV bool packs() const { return false; }
};

template <class T>
template <class Tile>
WG_DEV auto WeightProblem<T>::Member::left(int32_t row0, int32_t k0, int32_t) const {
  return gemm::GatherLoader<Tile, Slopes<T>>({p}, p.dy + group * p.dyGroup, row0, k0);
}
template <class T>
template <class Tile>
WG_DEV auto WeightProblem<T>::Member::right(int32_t col0, int32_t k0, int32_t) const {
  return gemm::GatherLoader<Tile, Patches<T>>({p}, p.x + group * p.xGroup, col0, k0);
}
template <class T>
WG_DEV auto WeightProblem<T>::Member::output() const {
  return WeightOutput<T>{p, p.dWeight + group * p.weightGroup};
}

}  // namespace wg::cuda::conv
