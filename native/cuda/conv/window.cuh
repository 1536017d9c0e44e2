// Convolution and its input gradient as a matrix product that reads images through a window:
//   out[line, place] = sum over k = (channel, tap) of weight[line, k] * source[place + tap, channel]
// where lines are filters, or channels when going back. With stride s the input gradient falls apart into s^3
// phases, one for each residue of its coordinates: each sees some of the taps alone and is dense.
#pragma once
#include "../gemm/product.cuh"
#include "geometry.h"

namespace wg::cuda::conv {

/// Strides an axis may have going back; beyond, taps are so far apart that the direct kernel does.
inline constexpr int kMostPhases = 16;

/// One residue of an axis: place p of it reads element origin + p * step + t * reach through its tap t, which
/// is tap first + t * apart of the weights.
struct AxisPhase {
  Divider<uint32_t> taps, places;
  int32_t tapCount, placeCount;
  int32_t first, apart;
  int32_t origin, reach;
};

/// Marks a row or a step beyond the end; no coordinate that occurs comes back from it.
inline constexpr int32_t kOutside = 1 << 30;

/// A number as coordinates of three axes and what is left of it.
struct Coordinates {
  uint32_t outer;
  int32_t at[3];

  static WG_DEV Coordinates of(const Divider<uint32_t> (&by)[3], uint32_t i) {
    const Divided<uint32_t> x = by[2].both(i);
    const Divided<uint32_t> y = by[1].both(x.quotient);
    const Divided<uint32_t> z = by[0].both(y.quotient);
    return {z.quotient,
            {static_cast<int32_t>(z.remainder), static_cast<int32_t>(y.remainder),
             static_cast<int32_t>(x.remainder)}};
  }
};

/// What a window sees: of every problem that reads images through one.
struct WindowShape {
  int32_t images, channels, lines;  ///< the latter two of one group
  int32_t size[3], step[3], phases[3];
  AxisPhase phase[3][kMostPhases];
};

/// A group and one residue of each axis.
struct WindowMember {
  const WindowShape& shape;
  uint32_t group, at[3];  ///< the phases

  WG_DEV WindowMember(const WindowShape& s, uint32_t index) : shape(s) {
    const uint32_t x = static_cast<uint32_t>(s.phases[2]), y = static_cast<uint32_t>(s.phases[1]),
                   z = static_cast<uint32_t>(s.phases[0]);
    group = index / x / y / z;
    at[0] = index / x / y % z, at[1] = index / x % y, at[2] = index % x;
  }
  WG_DEV const AxisPhase& axis(int i) const { return shape.phase[i][at[i]]; }
  WG_DEV int32_t m() const { return shape.lines; }
  WG_DEV int32_t n() const {
    return shape.images * axis(0).placeCount * axis(1).placeCount * axis(2).placeCount;
  }
  WG_DEV int32_t taps() const { return axis(0).tapCount * axis(1).tapCount * axis(2).tapCount; }

  struct Pixel {
    uint32_t image, place[3];
  };
  WG_DEV Pixel pixelOf(int32_t n) const {
    const Divided<uint32_t> x = axis(2).places.both(static_cast<uint32_t>(n));
    const Divided<uint32_t> y = axis(1).places.both(x.quotient);
    const Divided<uint32_t> z = axis(0).places.both(y.quotient);
    return {z.quotient, {z.remainder, y.remainder, x.remainder}};
  }

  /// Of the source, relative to which taps lie.
  struct Spot {
    int64_t offset;
    int32_t at[3];
  };
  WG_DEV Spot spotOf(int32_t n, const Strides& from) const {
    const Pixel pixel = pixelOf(n);
    Spot r{pixel.image * from.image, {}};
    WG_UNROLL
    for (int i = 0; i < 3; i++) {
      r.at[i] = axis(i).origin + static_cast<int32_t>(pixel.place[i]) * shape.step[i];
      r.offset += r.at[i] * from.space[i];
    }
    if (n >= this->n()) r.at[2] = -kOutside;
    return r;
  }
  WG_DEV bool inside(const Spot& r, const Spot& tap) const {
    bool in = true;
    WG_UNROLL
    for (int i = 0; i < 3; i++)
      in = in && static_cast<uint32_t>(r.at[i] + tap.at[i]) < static_cast<uint32_t>(shape.size[i]);
    return in;
  }
  /// Where place n of out lies.
  WG_DEV int64_t placeOffset(int32_t n, const Strides& to) const {
    const Pixel pixel = pixelOf(n);
    int64_t offset = pixel.image * to.image;
    WG_UNROLL
    for (int i = 0; i < 3; i++)
      offset += (static_cast<int32_t>(pixel.place[i]) * shape.phases[i] + static_cast<int32_t>(at[i])) *
                to.space[i];
    return offset;
  }
};

template <class T_>
struct WindowProblem : WindowShape {
  using T = T_;
  using Large = gemm::LooseTile;
  int64_t m, n, k;  ///< of the first phase, which is the largest
  const T *source, *weight, *bias;
  T* out;
  Strides from, to;                            ///< of the source and out
  int64_t line, channel, tap[3];               ///< strides of the weights
  int64_t fromGroup, weightGroup, biasStride;  ///< to the next group
  bool aligned;

  struct Member : WindowMember {
    const WindowProblem& p;

    WG_DEV Member(const WindowProblem& problem, uint32_t index) : WindowMember(problem, index), p(problem) {}
    WG_DEV int32_t k() const { return p.channels * taps(); }

    struct Tap {
      uint32_t channel, t[3];
    };
    WG_DEV Tap tapOf(int32_t k) const {
      const Divided<uint32_t> x = axis(2).taps.both(static_cast<uint32_t>(k));
      const Divided<uint32_t> y = axis(1).taps.both(x.quotient);
      const Divided<uint32_t> z = axis(0).taps.both(y.quotient);
      return {z.quotient, {z.remainder, y.remainder, x.remainder}};
    }

    template <class Tile>
    WG_DEV auto left(int32_t row0, int32_t k0, int32_t) const;
    template <class Tile>
    WG_DEV auto right(int32_t col0, int32_t k0, int32_t) const;
    WG_DEV auto output() const;
  };
  WG_DEV Member member(uint32_t index) const { return {*this, index}; }
};

/// The weights as [line, k].
template <class T>
struct Filters {
  static constexpr bool kAlongK = false;
  typename WindowProblem<T>::Member member;

  struct Row {
    int32_t line;
  };
  struct Step {
    int64_t offset;
    bool valid;
  };
  WG_DEV Row row(int32_t line) const { return {line}; }
  WG_DEV Step step(int32_t k) const {
    const auto tap = member.tapOf(k);
    int64_t offset = tap.channel * member.p.channel;
    WG_UNROLL
    for (int i = 0; i < 3; i++)
      offset +=
          (member.axis(i).first + static_cast<int32_t>(tap.t[i]) * member.axis(i).apart) * member.p.tap[i];
    return {offset, k < member.k()};
  }
  WG_DEV bool inside(const Row& r, const Step& s) const { return r.line < member.p.lines && s.valid; }
  WG_DEV int64_t offset(const Row& r, const Step& s) const { return r.line * member.p.line + s.offset; }
};

/// The source as [place, k].
template <class T>
struct Windows {
  static constexpr bool kAlongK = true;
  typename WindowProblem<T>::Member member;

  using Row = WindowMember::Spot;
  using Step = Row;
  WG_DEV Row row(int32_t n) const { return member.spotOf(n, member.p.from); }
  WG_DEV Step step(int32_t k) const {
    const auto tap = member.tapOf(k);
    Step s{tap.channel * member.p.from.channel, {}};
    WG_UNROLL
    for (int i = 0; i < 3; i++) {
      s.at[i] = static_cast<int32_t>(tap.t[i]) * member.axis(i).reach;
      s.offset += s.at[i] * member.p.from.space[i];
    }
    if (k >= member.k()) s.at[1] = kOutside;
    return s;
  }
  WG_DEV bool inside(const Row& r, const Step& s) const { return member.inside(r, s); }
  WG_DEV int64_t offset(const Row& r, const Step& s) const { return r.offset + s.offset; }
};

template <class T>
struct WindowOutput {
  typename WindowProblem<T>::Member member;
  T* data;

  WG_DEV int64_t rowOffset(int32_t line) const { return line * member.p.to.channel; }
  WG_DEV int64_t colOffset(int32_t n) const { return member.placeOffset(n, member.p.to); }
  WG_DEV T bias(int32_t line, int32_t) const {
    if (member.p.bias == nullptr) return T(0);
    return member.p.bias[(int64_t{member.group} * member.p.lines + line) * member.p.biasStride];
  }
  WG_DEV void put(int64_t at, T sum) const { data[at] = sum; }
  WG_DEV bool packs() const { return member.p.aligned; }
};

template <class T>
template <class Tile>
WG_DEV auto WindowProblem<T>::Member::left(int32_t row0, int32_t k0, int32_t) const {
  return gemm::GatherLoader<Tile, Filters<T>>({*this}, p.weight + group * p.weightGroup, row0, k0);
}
template <class T>
template <class Tile>
WG_DEV auto WindowProblem<T>::Member::right(int32_t col0, int32_t k0, int32_t) const {
  return gemm::GatherLoader<Tile, Windows<T>>({*this}, p.source + group * p.fromGroup, col0, k0);
}
template <class T>
WG_DEV auto WindowProblem<T>::Member::output() const {
  return WindowOutput<T>{*this, p.out + int64_t{group} * p.lines * p.to.channel};
}

}  // namespace wg::cuda::conv
