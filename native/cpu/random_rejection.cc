// Distributions drawn by rejection: an element takes as many draws as it needs from a stream of its own.
#include "../ops/rejection.h"
#include "../ops/rows/random.h"

#include "random_stream.h"

WG_PROTOTYPES(WG_RANDOM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// Uniform numbers of element `i`: blocks whose third counter word goes 1, 2, 3 …
struct Draws {
  const Generator& g;
  uint64_t element;
  uint64_t blocks = 0;
  int left = 0;
  double ready[2] = {};

  /// In (0, 1).
  double next() {
    if (left == 0) {
      using L = simd::Vec<uint64_t>;
      const uint64_t counter = g.offset + element;
      L d[4];
      philox::block(L(counter & 0xffffffff), L(counter >> 32), g.key0, g.key1, d, L(++blocks));
      for (int k = 0; k < 2; k++) {
        const uint64_t bits = d[2 * k + 1].raw[0] << 32 | d[2 * k].raw[0];
        ready[k] = (static_cast<double>(static_cast<int64_t>(bits >> 12)) + 0.5) * 0x1p-52;
      }
      left = 2;
    }
    return ready[--left];
  }
};

/// One number for each parameter, which must be finite and not negative.
template <class Make>
void eachElement(Stream& s, const char* name, const View& out, const View& parameter, const View& used,
                 Make make) {
  if (!isState(s, used)) return;
  if (!require(s, sameShape(out, parameter) && out.dtype == parameter.dtype,
               "random: output and parameters differ"))
    return;
  const Generator g = generatorOf(used);
  const Walk to = walkOf(out), from = walkOf(parameter);
  if (to.total == 0) return;
  constexpr int64_t kPart = 2048;  // an element costs tens of nanoseconds
  withFloat(s, out.dtype, name, [&]<class T>() {
    const auto part = [&](int64_t c) {
      alignas(64) T values[kPart];
      const int64_t start = c * kPart, n = minOf(kPart, to.total - start);
      gather(values, from, start, n);
      for (int64_t i = 0; i < n; i++) {
        const double p = static_cast<double>(values[i]);
        if (!(p >= 0 && p - p == 0))
          return fail(s, Code::argument, "%s: a parameter is negative or not finite", name);
        Draws draws{g, static_cast<uint64_t>(start + i)};
        values[i] = static_cast<T>(make(p, draws));
      }
      scatter(to, values, start, n);
    };
    if (to.total <= kPart) part(0);
    else parallelFor(s, ceilDiv(to.total, kPart), part);
  });
}

}  // namespace

void poisson(Stream& s, const Out& out, const In& rate, const In& used) {
  eachElement(s, "poisson", out, rate, used,
              [](double p, Draws& draws) { return rejection::poisson(p, draws); });
}
void standardGamma(Stream& s, const Out& out, const In& shape, const In& used) {
  eachElement(s, "standardGamma", out, shape, used,
              [](double p, Draws& draws) { return rejection::gamma(p, draws); });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
