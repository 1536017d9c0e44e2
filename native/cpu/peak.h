// What a processor can do at most, as loops that do nothing else: the ceilings of `warpgrad bench`.
#pragma once
#include <cstdint>

#ifndef WG_ISA
#define WG_ISA generic
#endif

namespace wg::cpu {

/// The loops of one instruction set. `n` is a multiple of 256 floats; addresses are multiples of 64.
struct PeakLoops {
  /// Multiply-adds of whole registers in chains that hide their latency; how many floating-point operations.
  int64_t (*multiplyAdd)(int64_t times, float* sink);
  void (*read)(const float* from, int64_t n, float* sink);
  void (*copy)(float* to, const float* from, int64_t n);
  /// Past the caches, where the instruction set can.
  void (*copyStreaming)(float* to, const float* from, int64_t n);
};

/// What the loops reached, as the best of many short rounds on all threads of the pool.
enum class Ceiling : int32_t { multiplyAdd, read, copy };
/// Operations a second, or bytes read and written a second over so many bytes (of each thread). 0: out of
/// memory.
double measureCeiling(Ceiling what, int64_t bytes, double seconds);

inline namespace WG_ISA {
const PeakLoops* peakLoops();
}

}  // namespace wg::cpu
