// Numbers drawn evenly and normally, and dropout.
#include "../ops/rows/random.h"

#include "../ops/trig.h"
#include "random_stream.h"

WG_PROTOTYPES(WG_RANDOM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

using simd::Vec;

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
