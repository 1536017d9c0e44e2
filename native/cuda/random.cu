// Numbers drawn evenly and normally, dropout, integers, yes and no.
#include "../ops/rows/random.h"

#include "../ops/math.h"
#include "../ops/trig.h"
#include "prototype.h"
#include "random_stream.h"
#include "wg/error.h"

WG_CUDA_PROTOTYPES(WG_RANDOM_ROWS)

namespace wg::cuda {
namespace {

/// Elements of one block of four draws.
template <class T>
constexpr int kPerBlock = static_cast<int>(16 / sizeof(T));

WG_KERNEL(1) take(int64_t* used, int64_t usedStep, int64_t* state, int64_t stateStep, int64_t count) {
  const int64_t seed = state[0], offset = state[stateStep];
  used[0] = seed;
  used[usedStep] = offset;
  state[stateStep] = wrapAdd(offset, count);
}

template <class T>
struct Uniform {
  static constexpr int n = kPerBlock<T>;
  T low, width;
  WG_DEV void operator()(T (&to)[n], const uint32_t (&draws)[4], const T (&)[n]) const {
    WG_UNROLL
    for (int i = 0; i < n; i++) to[i] = low + width * unit<T>(draws, i);
  }
};

template <class T>
struct Normal {
  static constexpr int n = kPerBlock<T>;
  T mean, deviation;
  WG_DEV void operator()(T (&to)[n], const uint32_t (&draws)[4], const T (&)[n]) const {
    constexpr T kStep = sizeof(T) == 4 ? T(0x1p-24) : T(0x1p-53);
    WG_UNROLL
    for (int i = 0; i < n; i += 2) {
      // In (0, 1]: its logarithm is finite.
      const T radius = sqrt(T(-2) * math::log(unit<T>(draws, i) + kStep));
      const T angle = T(6.283185307179586) * unit<T>(draws, i + 1);
      to[i] = mean + deviation * radius * math::cos(angle);
      to[i + 1] = mean + deviation * radius * math::sin(angle);
    }
  }
};

template <class T>
struct Dropout {
  static constexpr int n = kPerBlock<T>;
  T threshold, scale;
  WG_DEV void operator()(T (&to)[n], const uint32_t (&draws)[4], const T (&x)[n]) const {
    WG_UNROLL
    for (int i = 0; i < n; i++) to[i] = unit<T>(draws, i) >= threshold ? x[i] * scale : T(0);
  }
};

template <class T>
struct Bernoulli {
  static constexpr int n = kPerBlock<T>;
  ErrorCell* error;
  WG_DEV void operator()(T (&to)[n], const uint32_t (&draws)[4], const T (&chance)[n]) const {
    WG_UNROLL
    for (int i = 0; i < n; i++) {
      if (!(chance[i] >= T(0) && chance[i] <= T(1))) raise(error, 0);
      to[i] = unit<T>(draws, i) < chance[i] ? T(1) : T(0);
    }
  }
};

/// The upper 64 bits of a product of 64-bit numbers.
WG_DEV uint64_t mulHigh(uint64_t a, uint64_t b) {
  const uint64_t low = 0xffffffff, al = a & low, ah = a >> 32, bl = b & low, bh = b >> 32;
  const uint64_t middle = ah * bl + (al * bl >> 32);
  return ah * bh + (middle >> 32) + ((al * bh + (middle & low)) >> 32);
}

/// Whole numbers low + [0, range) from 64 bits an element, whatever its dtype. A range of 0 stands for 2^64.
template <class T>
struct Integers {
  int64_t low;
  uint64_t range;
  WG_DEV void operator()(T (&to)[2], const uint32_t (&draws)[4], const T (&)[2]) const {
    WG_UNROLL
    for (int i = 0; i < 2; i++) {
      const uint64_t bits = static_cast<uint64_t>(draws[2 * i + 1]) << 32 | draws[2 * i];
      to[i] = static_cast<T>(wrapAdd(low, static_cast<int64_t>(range == 0 ? bits : mulHigh(bits, range))));
    }
  }
};

}  // namespace

void rngTake(Stream& s, const Out& used, const InOut& state, const double& count) {
  if (!isState(s, used) || !isState(s, state)) return;
  launch(s, take, dim3(1), dim3(1), 0, static_cast<int64_t*>(used.data), used.stride[0],
         static_cast<int64_t*>(state.data), state.stride[0], fromDouble<int64_t>(count));
}

void uniform(Stream& s, const Out& out, const In& used, const double& low, const double& high) {
  if (!isState(s, used)) return;
  withFloat(s, out.dtype, "uniform", [&]<class T>() {
    const Uniform<T> make{static_cast<T>(low), static_cast<T>(high - low)};
    generateRandom<T, make.n>(s, out, nullptr, used, make);
  });
}

void normal(Stream& s, const Out& out, const In& used, const double& mean, const double& deviation) {
  if (!isState(s, used)) return;
  withFloat(s, out.dtype, "normal", [&]<class T>() {
    const Normal<T> make{static_cast<T>(mean), static_cast<T>(deviation)};
    generateRandom<T, make.n>(s, out, nullptr, used, make);
  });
}

void dropout(Stream& s, const Out& out, const In& x, const In& used, const double& p) {
  if (!isState(s, used)) return;
  if (!require(s, sameShape(out, x) && out.dtype == x.dtype, "dropout: output and input differ")) return;
  withFloat(s, out.dtype, "dropout", [&]<class T>() {
    const Dropout<T> make{static_cast<T>(p), p < 1 ? static_cast<T>(1.0 / (1.0 - p)) : T(0)};
    generateRandom<T, make.n>(s, out, &x, used, make);
  });
}

void randint(Stream& s, const Out& out, const In& used, const double& low, const double& range) {
  if (!isState(s, used)) return;
  if (!require(s, range >= 1, "randint: the range is empty")) return;
  const uint64_t width = range >= 0x1p64 ? 0 : static_cast<uint64_t>(range);
  withNumber(s, out.dtype, "randint", [&]<class T>() {
    generateRandom<T, 2>(s, out, nullptr, used, Integers<T>{fromDouble<int64_t>(low), width});
  });
}

void bernoulli(Stream& s, const Out& out, const In& p, const In& used) {
  if (!isState(s, used)) return;
  if (!require(s, sameShape(out, p) && out.dtype == p.dtype, "bernoulli: output and chances differ")) return;
  withFloat(s, out.dtype, "bernoulli", [&]<class T>() {
    ErrorCell* error = errorCell(s, Code::argument, "bernoulli: a chance is not in [0, 1]");
    if (!error) return;
    const Bernoulli<T> make{error};
    generateRandom<T, make.n>(s, out, &p, used, make);
  });
}

}  // namespace wg::cuda
