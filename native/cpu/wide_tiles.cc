#include "wide_tiles.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>

#include <cstdint>
#endif

namespace wg::cpu {
namespace {

/// Zen 4 does a 512-bit multiply-add in two halves; Intel's servers and Zen 5 do two at once.
bool halvesWideMultiplies() {
#if defined(__x86_64__)
  uint32_t a, b, c, d;
  char vendor[13] = {};
  if (!__get_cpuid(0, &a, &b, &c, &d)) return false;
  std::memcpy(vendor, &b, 4);
  std::memcpy(vendor + 4, &d, 4);
  std::memcpy(vendor + 8, &c, 4);
  if (std::strcmp(vendor, "AuthenticAMD") != 0 || !__get_cpuid(1, &a, &b, &c, &d)) return false;
  const uint32_t family = (a >> 8 & 0xf) + (a >> 20 & 0xff);
  return family == 0x19;
#else
  return false;
#endif
}

char complaint[96] = "";

bool choose() {
  const char* const wanted = std::getenv("WARPGRAD_TILES");
  if (wanted && *wanted) {
    if (std::strcmp(wanted, "wide") == 0) return true;
    if (std::strcmp(wanted, "tall") == 0) return false;
    std::snprintf(complaint, sizeof complaint, "WARPGRAD_TILES=%.40s is neither wide nor tall", wanted);
  }
  return !halvesWideMultiplies();
}

}  // namespace

const bool kWideTiles = choose();

const char* tilesComplaint() { return *complaint ? complaint : nullptr; }

}  // namespace wg::cpu
