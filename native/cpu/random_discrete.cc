// Integers, yes and no, and the cumulative chances that categories are drawn by.
#include "../ops/rows/random.h"

#include "random_stream.h"
#include "rows.h"

WG_PROTOTYPES(WG_RANDOM_ROWS)

namespace wg::cpu {
inline namespace WG_ISA {
namespace {

/// The upper 64 bits of a product of 64-bit numbers.
uint64_t mulHigh(uint64_t a, uint64_t b) {
  const uint64_t low = 0xffffffff, al = a & low, ah = a >> 32, bl = b & low, bh = b >> 32;
  const uint64_t middle = ah * bl + (al * bl >> 32);
  return ah * bh + (middle >> 32) + ((al * bh + (middle & low)) >> 32);
}

/// Whole numbers low + [0, range) from 64 bits an element, whatever its dtype: the chance of any differs from
/// another's by less than range / 2^64.
template <class T>
void integers(Stream& s, const View& out, const Generator& g, int64_t low, uint64_t range) {
  constexpr int64_t kBlock = kDraws / 2;
  const Walk to = walkOf(out);
  const auto chunk = [&](int64_t c) {
    alignas(64) uint32_t draws[kDraws];
    alignas(64) T made[kBlock];
    for (int64_t i = c * kChunk, end = minOf(i + kChunk, to.total); i < end; i += kBlock) {
      const int64_t n = minOf(kBlock, end - i);
      g.draw(static_cast<uint64_t>(i / 2), draws);
      for (int64_t j = 0; j < n; j++) {
        const uint64_t bits = static_cast<uint64_t>(draws[2 * j + 1]) << 32 | draws[2 * j];
        // A range of 0 stands for 2^64.
        made[j] =
            static_cast<T>(wrapAdd(low, static_cast<int64_t>(range == 0 ? bits : mulHigh(bits, range))));
      }
      scatter(to, made, i, n);
    }
  };
  if (to.total <= kChunk) chunk(0);
  else parallelFor(s, ceilDiv(to.total, kChunk), chunk);
}

}  // namespace

void randint(Stream& s, const Out& out, const In& used, const double& low, const double& range) {
  if (!isState(s, used)) return;
  if (!require(s, range >= 1, "randint: the range is empty")) return;
  const Generator g = generatorOf(used);
  const uint64_t width = range >= 0x1p64 ? 0 : static_cast<uint64_t>(range);
  withNumber(s, out.dtype, "randint",
             [&]<class T>() { integers<T>(s, out, g, fromDouble<int64_t>(low), width); });
}

void bernoulli(Stream& s, const Out& out, const In& p, const In& used) {
  if (!isState(s, used)) return;
  if (!require(s, sameShape(out, p) && out.dtype == p.dtype, "bernoulli: output and chances differ")) return;
  const Generator g = generatorOf(used);
  withFloat(s, out.dtype, "bernoulli", [&]<class T>() {
    generate<T>(s, out, &p, g, [&s](T* to, const uint32_t* draws, const T* chance, int64_t n) {
      bool valid = true;
      for (int64_t i = 0; i < n; i++) {
        valid = valid && chance[i] >= T(0) && chance[i] <= T(1);
        to[i] = unit(draws, i, T(0)) < chance[i] ? T(1) : T(0);
      }
      if (!valid) fail(s, Code::argument, "bernoulli: a chance is not in [0, 1]");
    });
  });
}

void cumulativeChances(Stream& s, const Out& out, const In& weights) {
  if (!require(s, sameShape(out, weights) && out.dtype == DType::f64 && out.rank >= 1,
               "multinomial: the output is not float64 of the weights' shape"))
    return;
  const Rows to = rowsOf(out), from = rowsOf(weights);
  if (to.width == 0) return;
  withFloat(s, weights.dtype, "multinomial", [&]<class T>() {
    forEachRow(s, from.count, from.width, [&](int64_t row) {
      const char* x = at(from.start, row);
      char* y = at(to.start, row);
      double sum = 0;
      bool valid = true;
      for (int64_t i = 0; i < from.width; i++) {
        T weight;
        __builtin_memcpy(&weight, x + i * from.step, sizeof weight);
        valid = valid && weight >= T(0);
        sum += static_cast<double>(weight);
        __builtin_memcpy(y + i * to.step, &sum, sizeof sum);
      }
      if (!valid || !(sum > 0) || sum - sum != 0)
        fail(s, Code::argument, "multinomial: weights must be finite, not negative and not all 0 in a row");
    });
  });
}

}  // namespace WG_ISA
}  // namespace wg::cpu
