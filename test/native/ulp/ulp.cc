// The largest error of each float32 function over every float32 there is, against the C library's float64,
// for every instruction set this program was compiled with and the machine has. Exits with 1 above a bound.
//   ulp [every STRIDE-th number, 1] [functions…]
#include "ulp.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#ifdef __x86_64__
#define WG_EACH_ISA(F)                                                                  \
  F(base, true)                                                                         \
  F(avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))              \
  F(avx512, __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && \
                __builtin_cpu_supports("avx512vl"))
#else
#define WG_EACH_ISA(F) F(base, true)
#endif

namespace wg {
#define WG_DECLARE(isa, supported)                                  \
  namespace isa {                                                   \
  void evaluate(int function, float* y, const float* x, int64_t n); \
  }
WG_EACH_ISA(WG_DECLARE)
#undef WG_DECLARE
}  // namespace wg

namespace {

struct Isa {
  const char* name;
  void (*evaluate)(int, float*, const float*, int64_t);
};
struct Function {
  const char* name;
  double bound;
  int least;
  double (*exact)(double);
};
struct Worst {
  double ulps = 0;
  float at = 0;
};

namespace exact {
double exp(double x) { return std::exp(x); }
double log(double x) { return std::log(x); }
double tanh(double x) { return std::tanh(x); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double erf(double x) { return std::erf(x); }
double gelu(double x) { return 0.5 * x * std::erfc(-x * 0.70710678118654752); }
double silu(double x) { return x / (1 + std::exp(-x)); }
double sin(double x) { return std::sin(x); }
double cos(double x) { return std::cos(x); }
}  // namespace exact

constexpr Function kFunctions[] = {
#define WG_ENTRY(Struct, name, bound, least) {#name, bound, least, exact::name},
    WG_ULP_FUNCTIONS(WG_ENTRY)
#undef WG_ENTRY
};

/// |got - wanted| in units in the last place of a float32 near `wanted`; beyond the range, of 2^128.
double ulpsBetween(float got, double wanted, int least) {
  if (std::isnan(wanted)) return std::isnan(got) ? 0 : INFINITY;
  const auto clip = [](double x) { return std::min(std::max(x, -0x1p128), 0x1p128); };
  const double limit = clip(wanted);
  const int exponent = limit == 0 ? least : std::min(127, std::max(least, std::ilogb(limit)));
  const double error = std::abs(clip(got) - limit) * std::ldexp(1.0, 23 - exponent);
  return std::isnan(got) ? INFINITY : error;
}

constexpr int64_t kBlock = 4096;

/// The worst of every ISA over bit patterns [begin, end).
void measure(int f, const std::vector<Isa>& isas, uint64_t begin, uint64_t end, uint64_t stride,
             std::vector<Worst>& worst) {
  alignas(64) float x[kBlock], y[kBlock];
  double wanted[kBlock];
  for (uint64_t i = begin; i < end;) {
    int64_t n = 0;
    for (; n < kBlock && i < end; ++n, i += stride) {
      x[n] = std::bit_cast<float>(static_cast<uint32_t>(i));
      wanted[n] = kFunctions[f].exact(static_cast<double>(x[n]));
    }
    for (size_t k = 0; k < isas.size(); ++k) {
      isas[k].evaluate(f, y, x, n);
      for (int64_t j = 0; j < n; ++j) {
        // Most results are right to the last bit: no logarithm for those.
        if (y[j] == static_cast<float>(wanted[j]) && worst[k].ulps >= 0.5) continue;
        const double ulps = ulpsBetween(y[j], wanted[j], kFunctions[f].least);
        if (!(ulps <= worst[k].ulps)) worst[k] = {ulps, x[j]};
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const uint64_t stride = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  std::vector<Isa> isas;
#define WG_ADD(isa, supported) \
  if (supported) isas.push_back({#isa, wg::isa::evaluate});
  WG_EACH_ISA(WG_ADD)
#undef WG_ADD
  bool good = true;
  constexpr uint64_t kAll = uint64_t{1} << 32, kPiece = uint64_t{1} << 24;
  for (int f = 0; f < static_cast<int>(std::size(kFunctions)); ++f) {
    bool wanted = argc <= 2;
    for (int a = 2; a < argc; ++a) wanted = wanted || std::strcmp(argv[a], kFunctions[f].name) == 0;
    if (!wanted) continue;
    std::vector<Worst> worst(isas.size());
    std::mutex mutex;
    std::atomic<uint64_t> next{0};
    const auto work = [&] {
      std::vector<Worst> own(isas.size());
      for (uint64_t piece; (piece = next.fetch_add(1)) < kAll / kPiece;)
        measure(f, isas, piece * kPiece + (stride - piece * kPiece % stride) % stride, (piece + 1) * kPiece,
                stride, own);
      const std::lock_guard lock(mutex);
      for (size_t k = 0; k < own.size(); ++k)
        if (!(own[k].ulps <= worst[k].ulps)) worst[k] = own[k];
    };
    std::vector<std::thread> threads;
    for (unsigned t = 1; t < std::max(1u, std::thread::hardware_concurrency()); ++t)
      threads.emplace_back(work);
    work();
    for (auto& thread : threads) thread.join();
    for (size_t k = 0; k < isas.size(); ++k) {
      const bool ok = worst[k].ulps <= kFunctions[f].bound;
      good = good && ok;
      std::printf("%-8s %-7s %.3f ULP at %.9g, bound %.1f%s\n", kFunctions[f].name, isas[k].name,
                  worst[k].ulps, static_cast<double>(worst[k].at), kFunctions[f].bound, ok ? "" : "  ABOVE");
    }
    std::fflush(stdout);
  }
  return good ? 0 : 1;
}
