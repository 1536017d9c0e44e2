#include "isa.h"

// A build for sanitizers may leave the other instruction sets out.
#if defined(__x86_64__) && !defined(WG_BASE_ONLY)
#define WG_X86_ISAS
#include <cpuid.h>
#endif

namespace wg::cpu {

namespace base {
const KernelRow* table();
const PeakLoops* peakLoops();
}  // namespace base
#if defined(WG_X86_ISAS)
namespace avx2 {
const KernelRow* table();
const PeakLoops* peakLoops();
}  // namespace avx2
namespace avx512 {
const KernelRow* table();
const PeakLoops* peakLoops();
}  // namespace avx512
#endif

namespace {

bool always() { return true; }

#if defined(WG_X86_ISAS)
constexpr uint32_t bit(int n) { return 1u << n; }

/// The register state the operating system saves (XCR0); 0 when it saves nothing beyond SSE.
uint32_t savedState() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit(27))) return 0;
  uint32_t low, high;
  asm("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

bool hasAvx2() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit(12)) || !(c & bit(28)) || !(c & bit(29)))
    return false;  // FMA AVX F16C
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit(5)) || !(b & bit(8))) return false;  // AVX2 BMI2
  return (savedState() & 0x6) == 0x6;
}

bool hasAvx512() {
  uint32_t a, b, c, d;
  if (!hasAvx2() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr uint32_t kWanted = bit(16) | bit(17) | bit(30) | bit(31);  // F DQ BW VL
  return (b & kWanted) == kWanted && (savedState() & 0xe6) == 0xe6;
}
#endif

}  // namespace

const Isa kIsas[] = {
#if defined(WG_X86_ISAS)
    {"avx512", avx512::table, avx512::peakLoops, hasAvx512},
    {"avx2", avx2::table, avx2::peakLoops, hasAvx2},
#endif
    {"base", base::table, base::peakLoops, always},
};
const int kIsaCount = sizeof kIsas / sizeof kIsas[0];

}  // namespace wg::cpu
