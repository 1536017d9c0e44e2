// Convolutions on tensor cores, over images whose channels lie together: k runs over the taps and, within
// each, over the channels of a group, rounded up to whole pieces of 16 bytes.
#pragma once
#include "../gemm/gather_copies.cuh"
#include "../gemm/tensor.cuh"
#include "patches.cuh"

namespace wg::cuda::conv {

/// As WindowProblem: convolution and, by phases, its input gradient.
template <class T_>
struct CoreWindowProblem : WindowShape {
  using T = T_;
  using Large = gemm::LargeTensorTile<T>;
  int64_t m, n, k;           ///< of the first phase, which is the largest
  const T *source, *weight;  ///< [image, space, group, channel], [group, line, tap, channel]
  gemm::Floats<T> out, bias;
  Strides from, to;                ///< of the source, whose channels lie together, and out
  int64_t line, tap[3];            ///< strides of the weights
  int64_t fromGroup, weightGroup;  ///< to the next group
  int64_t biasStride;
  Divider<uint32_t> padded;  ///< channels, rounded up
  bool aligned;

  struct Member : WindowMember {
    const CoreWindowProblem& p;

    WG_DEV Member(const CoreWindowProblem& problem, uint32_t index)
        : WindowMember(problem, index), p(problem) {}
    WG_DEV int32_t k() const { return static_cast<int32_t>(p.padded.divisor()) * taps(); }

    struct Tap {
      int32_t channel, t[3];
    };
    WG_DEV Tap tapOf(int32_t k) const {
      const Divided<uint32_t> c = p.padded.both(static_cast<uint32_t>(k));
      const Divided<uint32_t> x = axis(2).taps.both(c.quotient);
      const Divided<uint32_t> y = axis(1).taps.both(x.quotient);
      return {static_cast<int32_t>(c.remainder),
              {static_cast<int32_t>(y.quotient), static_cast<int32_t>(y.remainder),
               static_cast<int32_t>(x.remainder)}};
    }

    template <class Tile, bool alongK>
    WG_DEV auto left(int32_t row0, int32_t k0, int32_t kEnd) const;
    template <class Tile, bool alongK>
    WG_DEV auto right(int32_t col0, int32_t k0, int32_t kEnd) const;
    WG_DEV auto output() const;
  };
  WG_DEV Member member(uint32_t index) const { return {*this, index}; }
};

/// The weights as [line, k].
template <class T>
struct CoreFilters {
  static constexpr bool kAlongK = true;
  typename CoreWindowProblem<T>::Member member;

  struct Row {
    int32_t line;
  };
  struct Step {
    int64_t offset;
    int32_t count;
  };
  WG_DEV Row row(int32_t line) const { return {line}; }
  WG_DEV Step step(int32_t k) const {
    const auto tap = member.tapOf(k);
    int64_t offset = tap.channel;
    WG_UNROLL
    for (int i = 0; i < 3; i++)
      offset += (member.axis(i).first + tap.t[i] * member.axis(i).apart) * member.p.tap[i];
    return {offset, member.p.channels - tap.channel};
  }
  WG_DEV bool inside(const Row& r, const Step&) const { return r.line < member.p.lines; }
  WG_DEV int64_t offset(const Row& r, const Step& s) const { return r.line * member.p.line + s.offset; }
  WG_DEV int32_t count(const Row&, const Step& s) const { return s.count; }
};

/// The source as [place, k].
template <class T>
struct CoreWindows {
  static constexpr bool kAlongK = true;
  typename CoreWindowProblem<T>::Member member;

  using Row = WindowMember::Spot;
  struct Step {
    WindowMember::Spot tap;
    int32_t count;
  };
  WG_DEV Row row(int32_t n) const { return member.spotOf(n, member.p.from); }
  WG_DEV Step step(int32_t k) const {
    const auto tap = member.tapOf(k);
    Step s{{tap.channel, {}}, member.p.channels - tap.channel};
    WG_UNROLL
    for (int i = 0; i < 3; i++) {
      s.tap.at[i] = tap.t[i] * member.axis(i).reach;
      s.tap.offset += s.tap.at[i] * member.p.from.space[i];
    }
    return s;
  }
  WG_DEV bool inside(const Row& r, const Step& s) const { return member.inside(r, s.tap); }
  WG_DEV int64_t offset(const Row& r, const Step& s) const { return r.offset + s.tap.offset; }
  WG_DEV int32_t count(const Row&, const Step& s) const { return s.count; }
};

template <class T>
struct CoreWindowOutput {
  typename CoreWindowProblem<T>::Member member;
  gemm::Floats<T> data;

  WG_DEV int64_t rowOffset(int32_t line) const { return line * member.p.to.channel; }
  WG_DEV int64_t colOffset(int32_t n) const { return member.placeOffset(n, member.p.to); }
  WG_DEV float bias(int32_t line, int32_t) const {
    if (member.p.bias.data == nullptr) return 0.0f;
    return member.p.bias.get((int64_t{member.group} * member.p.lines + line) * member.p.biasStride);
  }
  WG_DEV bool packs() const { return member.p.aligned; }
  WG_DEV void put(int64_t at, float sum) const { data.put(at, sum); }
  WG_DEV void putFour(int64_t at, const gemm::Four& sums) const { data.putFour(at, sums); }
};

template <class T>
template <class Tile, bool>
WG_DEV auto CoreWindowProblem<T>::Member::left(int32_t row0, int32_t k0, int32_t kEnd) const {
  return gemm::GatherCopies<Tile, CoreFilters<T>>({*this}, p.weight + group * p.weightGroup, row0, k0, kEnd);
}
template <class T>
template <class Tile, bool>
WG_DEV auto CoreWindowProblem<T>::Member::right(int32_t col0, int32_t k0, int32_t kEnd) const {
  return gemm::GatherCopies<Tile, CoreWindows<T>>({*this}, p.source + group * p.fromGroup, col0, k0, kEnd);
}
template <class T>
WG_DEV auto CoreWindowProblem<T>::Member::output() const {
  return CoreWindowOutput<T>{*this, p.out.from(int64_t{group} * p.lines * p.to.channel)};
}

/// The weight gradient: dWeight[filter, (tap, channel)] = sum over place of dy[place, filter] *
/// x[place + tap, channel], whose result is dense, rounded-up channels included.
template <class T_>
struct CoreWeightProblem : PatchShape {
  using T = T_;
  using Large = gemm::LargeTensorTile<T, sizeof(T) == 2 ? 2 : 1>;
  int64_t m, n, k;
  const T *x, *dy;
  int64_t dyPlace;            ///< from place to place of dy
  int64_t xGroup, dyGroup;    ///< to the next group
  gemm::TensorOutput<T> out;  ///< [group, filter, tap, channel]
  int32_t channels;
  Divider<uint32_t> padded;

  using PatchShape::PatchShape;

  struct Member {
    const CoreWeightProblem& p;
    uint32_t group;

    WG_DEV int32_t m() const { return static_cast<int32_t>(p.m); }
    WG_DEV int32_t n() const { return static_cast<int32_t>(p.n); }
    WG_DEV int32_t k() const { return static_cast<int32_t>(p.k); }
    template <class Tile, bool alongK>
    WG_DEV gemm::MatrixCopies<Tile, alongK> left(int32_t row0, int32_t k0, int32_t kEnd) const {
      return {p.dy + group * p.dyGroup, p.dyPlace, row0, m(), k0, kEnd};
    }
    template <class Tile, bool alongK>
    WG_DEV auto right(int32_t col0, int32_t k0, int32_t kEnd) const;
    WG_DEV gemm::TensorOutput<T> output() const {
      gemm::TensorOutput<T> o = p.out;
      o.data = o.data.from(group * p.m * p.n);
      return o;
    }
  };
  WG_DEV Member member(uint32_t index) const { return {*this, index}; }
};

/// x as [(tap, channel), place].
template <class T>
struct CorePatches {
  static constexpr bool kAlongK = false;
  const CoreWeightProblem<T>& p;

  using Step = PatchShape::Spot;
  struct Row : Step {
    int32_t count;
  };
  WG_DEV Row row(int32_t n) const {
    const Divided<uint32_t> c = p.padded.both(static_cast<uint32_t>(n));
    const int32_t channel = static_cast<int32_t>(c.remainder);
    Row r{p.tapOf(Coordinates::of(p.taps, c.quotient), channel), p.channels - channel};
    if (n >= p.n) r.at[2] = -kOutside;
    return r;
  }
  WG_DEV Step step(int32_t k) const { return p.placeOf(k); }
  WG_DEV bool inside(const Row& r, const Step& s) const { return p.inside(r, s); }
  WG_DEV int64_t offset(const Row& r, const Step& s) const { return r.offset + s.offset; }
  WG_DEV int32_t count(const Row& r, const Step&) const { return r.count; }
};

template <class T>
template <class Tile, bool>
WG_DEV auto CoreWeightProblem<T>::Member::right(int32_t col0, int32_t k0, int32_t kEnd) const {
  return gemm::GatherCopies<Tile, CorePatches<T>>({p}, p.x + group * p.xGroup, col0, k0, kEnd);
}

}  // namespace wg::cuda::conv
