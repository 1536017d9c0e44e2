// Random numbers. Every element's draws follow from its logical position alone (ops/philox.h), so neither
// threads nor strides change them. Draws are made a block of 1,024 at a time into the first-level cache and
// shaped from there.
#include "../ops/rows/random.h"

#include "../ops/philox.h"

#include "../ops/trig.h"
#include "simd/vec.h"
#include "walk.h"

WG_PROTOTYPES(WG_RANDOM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

constexpr int64_t kDraws = 1024;

struct Generator {
  uint32_t key0, key1;
  uint64_t offset;

  /// 32-bit draws [4 * first, 4 * first + kDraws) of this op.
  void draw(uint64_t first, uint32_t* to) const {
    using L = Vec<uint64_t>;
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

int64_t& wordAt(const View& v, int i) { return static_cast<int64_t*>(v.data)[i * v.stride[0]]; }
bool isState(Stream& s, const View& v) {
  return require(s, v.dtype == DType::i64 && v.rank == 1 && v.shape[0] == 2,
                 "random: the state is not int64 [seed, offset]");
}
Generator generatorOf(const View& used) {
  const uint64_t seed = static_cast<uint64_t>(wordAt(used, 0));
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
          static_cast<uint64_t>(wordAt(used, 1))};
}

/// Draws an element takes.
template <class T>
constexpr int64_t kWords = static_cast<int64_t>(sizeof(T) / 4);

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
void generate(Stream& s, const View& out, const View* input, const Generator& g, Make make) {
  constexpr int64_t kBlock = kDraws / kWords<T>;
  const Walk to = walkOf(out), from = input != nullptr ? walkOf(*input) : to;
  const auto chunk = [&](int64_t c) {
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
  else parallelFor(s, ceilDiv(to.total, kChunk), chunk);
}

/// Pairs of normal numbers from pairs of uniform ones, a whole block.
template <class T>
void boxMuller(T* to, const uint32_t* draws, T mean, T deviation) {
  using V = Vec<T>;
  constexpr int64_t kPairs = kDraws / kWords<T> / 2;
  alignas(64) T first[kPairs], second[kPairs];
  constexpr T kStep = sizeof(T) == 4 ? T(0x1p-24) : T(0x1p-53);
  for (int64_t i = 0; i < kPairs; i++) {
    first[i] = unit(draws, 2 * i, T(0)) + kStep;  // in (0, 1]: its logarithm is finite
    second[i] = unit(draws, 2 * i + 1, T(0));
  }
  for (int64_t i = 0; i < kPairs; i += V::kLanes) {
    const V radius = sqrt(V(T(-2)) * math::log(simd::load<V>(first + i)));
    const V angle = V(T(6.283185307179586)) * simd::load<V>(second + i);
    store(first + i, V(mean) + V(deviation) * radius * math::cos(angle));
    store(second + i, V(mean) + V(deviation) * radius * math::sin(angle));
  }
  for (int64_t i = 0; i < kPairs; i++) {
    to[2 * i] = first[i];
    to[2 * i + 1] = second[i];
  }
}

}  // namespace

void rngTake(Stream& s, const Out& used, const InOut& state, const double& count) {
  if (!isState(s, used) || !isState(s, state)) return;
  const int64_t seed = wordAt(state, 0), offset = wordAt(state, 1);
  wordAt(used, 0) = seed;
  wordAt(used, 1) = offset;
  wordAt(state, 1) = wrapAdd(offset, fromDouble<int64_t>(count));
}

void uniform(Stream& s, const Out& out, const In& used, const double& low, const double& high) {
  if (!isState(s, used)) return;
  const Generator g = generatorOf(used);
  withFloat(s, out.dtype, "uniform", [&]<class T>() {
    const T base = static_cast<T>(low), width = static_cast<T>(high - low);
    generate<T>(s, out, nullptr, g, [=](T* to, const uint32_t* draws, const T*, int64_t n) {
      for (int64_t i = 0; i < n; i++) to[i] = base + width * unit(draws, i, T(0));
    });
  });
}

void normal(Stream& s, const Out& out, const In& used, const double& mean, const double& deviation) {
  if (!isState(s, used)) return;
  const Generator g = generatorOf(used);
  withFloat(s, out.dtype, "normal", [&]<class T>() {
    generate<T>(s, out, nullptr, g, [=](T* to, const uint32_t* draws, const T*, int64_t) {
      boxMuller(to, draws, static_cast<T>(mean), static_cast<T>(deviation));
    });
  });
}

void dropout(Stream& s, const Out& out, const In& x, const In& used, const double& p) {
  if (!isState(s, used)) return;
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype, "dropout: output and input differ")) return;
  const Generator g = generatorOf(used);
  withFloat(s, out.dtype, "dropout", [&]<class T>() {
    const T threshold = static_cast<T>(p), scale = p < 1 ? static_cast<T>(1.0 / (1.0 - p)) : T(0);
    generate<T>(s, out, &x, g, [=](T* to, const uint32_t* draws, const T* from, int64_t n) {
      for (int64_t i = 0; i < n; i++) {
        const T kept = from[i] * scale;
        to[i] = unit(draws, i, T(0)) >= threshold ? kept : T(0);
      }
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
