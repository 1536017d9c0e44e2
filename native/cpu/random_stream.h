// The stream of draws behind random kernels. Every element's draws follow from its logical position alone
// (ops/philox.h), so neither threads nor strides change them. Draws are made a block of 1,024 at a time into
// the first-level cache and shaped from there.
#pragma once
#include "../ops/philox.h"
#include "simd/vec.h"
#include "walk.h"

namespace wg::cpu {
inline namespace WG_ISA {

inline constexpr int64_t kDraws = 1024;

struct Generator {
  uint32_t key0, key1;
  uint64_t offset;

  /// 32-bit draws [4 * first, 4 * first + kDraws) of this op.
  void draw(uint64_t first, uint32_t* to) const {
    using L = simd::Vec<uint64_t>;
    L step;
    for (int k = 0; k < L::kLanes; k++) step.raw[k] = static_cast<uint64_t>(k);
    for (uint64_t b = 0; b < kDraws / 4; b += L::kLanes) {
      const L counter = L(offset + first + b) + step;
      L d[4];
      philox::block(counter & L(uint64_t{0xffffffff}), counter >> 32, key0, key1, d);
      // Lane k holds block b + k: its four draws lie side by side in the stream.
      uint64_t even[L::kLanes], odd[L::kLanes];
      store(even, d[0] | (d[1] << 32));
      store(odd, d[2] | (d[3] << 32));
      for (int k = 0; k < L::kLanes; k++) {
        __builtin_memcpy(to + 4 * (b + static_cast<uint64_t>(k)), &even[k], 8);
        __builtin_memcpy(to + 4 * (b + static_cast<uint64_t>(k)) + 2, &odd[k], 8);
      }
    }
  }
};

inline int64_t& wordAt(const View& v, int i) { return static_cast<int64_t*>(v.data)[i * v.stride[0]]; }
inline bool isState(Stream& s, const View& v) {
  return require(s, v.dtype == DType::i64 && v.rank == 1 && v.shape[0] == 2,
                 "random: the state is not int64 [seed, offset]");
}
inline Generator generatorOf(const View& used) {
  const uint64_t seed = static_cast<uint64_t>(wordAt(used, 0));
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
          static_cast<uint64_t>(wordAt(used, 1))};
}

/// Draws an element takes.
template <class T>
inline constexpr int64_t kWords = static_cast<int64_t>(sizeof(T) / 4);

/// Uniform number number `i` of a block of draws: in [0, 1), with all the mantissa's bits.
inline float unit(const uint32_t* draws, int64_t i, float) {
  return static_cast<float>(draws[i] >> 8) * 0x1p-24f;
}
inline double unit(const uint32_t* draws, int64_t i, double) {
  const uint64_t bits = static_cast<uint64_t>(draws[2 * i + 1]) << 32 | draws[2 * i];
  return static_cast<double>(static_cast<int64_t>(bits >> 11)) * 0x1p-53;
}

/// Writes n elements from their draws, a block at a time: make(to, draws, x, n), x being the same elements of
/// `input`.
template <class T, class Make>
inline void generate(Stream& s, const View& out, const View* input, const Generator& g, Make make) {
  constexpr int64_t kBlock = kDraws / kWords<T>;
  const Walk to = walkOf(out), from = input != nullptr ? walkOf(*input) : to;
  const auto chunk = [&](int64_t c) __attribute__((noinline)) {
    alignas(64) uint32_t draws[kDraws];
    alignas(64) T made[kBlock], read[kBlock];
    for (int64_t i = c * kChunk, end = minOf(i + kChunk, to.total); i < end; i += kBlock) {
      const int64_t n = minOf(kBlock, end - i);
      g.draw(static_cast<uint64_t>(i * kWords<T> / 4), draws);
      if (input != nullptr) gather(read, from, i, n);
      make(made, draws, read, n);
      scatter(to, made, i, n);
    }
  };
  if (to.total <= kChunk) chunk(0);
  else parallelSweep(s, ceilDiv(to.total, kChunk), chunk);
}

}  // namespace WG_ISA
}  // namespace wg::cpu
