// Convolution without a matrix product: a thread has the sums of one place for a few lines. For depthwise
// convolutions and others with few lines, whose tiles would be mostly empty; and, in 64 bits, for sizes that
// others cannot count.
#pragma once
#include "../../ops/checks.h"
#include "../wg/index.h"
#include "../wg/launch.h"
#include "geometry.h"

namespace wg::cuda::conv {

inline constexpr int kDirectThreads = 128, kDirectLines = 4;

/// As WindowProblem, without phases. I is int32_t or int64_t.
template <class T, class I>
struct DirectProblem {
  using Index = Divider<std::conditional_t<sizeof(I) == 4, uint32_t, uint64_t>>;
  int64_t total;
  const T *source, *weight, *bias;
  T* out;
  Strides from, to;
  int64_t line, channel, tap[3];
  int64_t fromGroup, weightGroup, biasStride;
  I channels, lines;
  I size[3], kernel[3], stride[3], pad[3], dilation[3];
  Index places[3], lineGroups, groups;  ///< of out
};

/// The element of the source that a place of out sees through a tap; false: none.
template <bool backward, class T, class I>
WG_DEV bool seen(const DirectProblem<T, I>& p, int axis, I place, I tap, I& at) {
  if constexpr (backward) {
    at = place + p.pad[axis] - tap * p.dilation[axis];
    if (at < 0) return false;
    if (p.stride[axis] > 1) {
      const I quotient = at / p.stride[axis];
      if (quotient * p.stride[axis] != at) return false;
      at = quotient;
    }
  } else {
    at = place * p.stride[axis] - p.pad[axis] + tap * p.dilation[axis];
  }
  return at >= 0 && at < p.size[axis];
}

// One thread a place and kDirectLines lines of a group; neighbours have neighbouring places, and the same
// weights.
template <bool backward, class T, class I>
WG_KERNEL(kDirectThreads, 2)
direct(const WG_GRID_CONSTANT DirectProblem<T, I> p) {
  using U = std::make_unsigned_t<I>;
  for (int64_t index = int64_t{blockIdx.x} * kDirectThreads + threadIdx.x; index < p.total;
       index += int64_t{gridDim.x} * kDirectThreads) {
    I place[3];
    U rest = static_cast<U>(index);
    WG_UNROLL
    for (int i = 2; i >= 0; i--) {
      const auto d = p.places[i].both(rest);
      rest = d.quotient;
      place[i] = static_cast<I>(d.remainder);
    }
    const auto byLine = p.lineGroups.both(rest);
    const auto byGroup = p.groups.both(byLine.quotient);
    const I line0 = static_cast<I>(byLine.remainder) * kDirectLines;
    const int64_t group = static_cast<int64_t>(byGroup.remainder),
                  image = static_cast<int64_t>(byGroup.quotient);
    const T* const source = p.source + image * p.from.image + group * p.fromGroup;
    const T* const weight = p.weight + group * p.weightGroup + line0 * p.line;
    const int lines = p.lines - line0 < kDirectLines ? static_cast<int>(p.lines - line0) : kDirectLines;
    T sums[kDirectLines] = {};
    for (I c = 0; c < p.channels; c++)
      for (I z = 0; z < p.kernel[0]; z++) {
        I at[3];
        if (!seen<backward>(p, 0, place[0], z, at[0])) continue;
        for (I y = 0; y < p.kernel[1]; y++) {
          if (!seen<backward>(p, 1, place[1], y, at[1])) continue;
          const T* const row =
              source + c * p.from.channel + at[0] * p.from.space[0] + at[1] * p.from.space[1];
          const T* const taps = weight + c * p.channel + z * p.tap[0] + y * p.tap[1];
          for (I x = 0; x < p.kernel[2]; x++) {
            if (!seen<backward>(p, 2, place[2], x, at[2])) continue;
            const T value = row[at[2] * p.from.space[2]];
            WG_UNROLL
            for (int l = 0; l < kDirectLines; l++)
              if (l < lines) sums[l] += value * taps[x * p.tap[2] + l * p.line];
          }
        }
      }
    const int64_t first = group * p.lines + line0;
    T* const to = p.out + image * p.to.image + first * p.to.channel + place[0] * p.to.space[0] +
                  place[1] * p.to.space[1] + place[2] * p.to.space[2];
    WG_UNROLL
    for (int l = 0; l < kDirectLines; l++)
      if (l < lines)
        to[l * p.to.channel] = sums[l] + (p.bias == nullptr ? T(0) : p.bias[(first + l) * p.biasStride]);
  }
}

template <class T, class I>
void runDirect(Stream& s, const Geometry& g, const Operands& o) {
  DirectProblem<T, I> p{};
  const Strides w = stridesOf(o.weight);
  const int64_t* const size = o.backward ? g.out : g.in;
  const int64_t* const places = o.backward ? g.in : g.out;
  const int64_t lines = o.backward ? g.channels : g.filters, channels = o.backward ? g.filters : g.channels;
  p.source = static_cast<const T*>(o.source.data);
  p.weight = static_cast<const T*>(o.weight.data);
  p.bias = static_cast<const T*>(o.bias.data);
  p.out = static_cast<T*>(o.out.data);
  p.from = stridesOf(o.source);
  p.to = stridesOf(o.out);
  p.line = o.backward ? w.channel : w.image;
  p.channel = o.backward ? w.image : w.channel;
  p.fromGroup = channels * p.from.channel;
  p.weightGroup = g.filters * w.image;
  p.biasStride = o.bias.data ? o.bias.stride[0] : 0;
  p.channels = static_cast<I>(channels);
  p.lines = static_cast<I>(lines);
  using Index = typename DirectProblem<T, I>::Index;
  using U = std::make_unsigned_t<I>;
  for (int i = 0; i < 3; i++) {
    p.tap[i] = w.space[i];
    p.size[i] = static_cast<I>(size[i]);
    p.kernel[i] = static_cast<I>(g.kernel[i]);
    p.stride[i] = static_cast<I>(g.stride[i]);
    p.pad[i] = static_cast<I>(g.pad[i]);
    p.dilation[i] = static_cast<I>(g.dilation[i]);
    p.places[i] = Index(static_cast<U>(places[i]));
  }
  const int64_t lineGroups = ::wg::ceilDiv(lines, kDirectLines);
  p.lineGroups = Index(static_cast<U>(lineGroups));
  p.groups = Index(static_cast<U>(g.groups));
  p.total = places[0] * places[1] * places[2] * lineGroups * g.groups * g.images;
  const int64_t blocks = minOf(::wg::ceilDiv(p.total, kDirectThreads), INT32_MAX / 2);
  const auto kernel = o.backward ? direct<true, T, I> : direct<false, T, I>;
  launch(s, kernel, dim3(static_cast<uint32_t>(blocks)), dim3(kDirectThreads), 0, p);
}

}  // namespace wg::cuda::conv
