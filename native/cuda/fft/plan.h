// How a length is transformed, decided on the host: a function of the length alone.
#pragma once
#include <cstdint>

#include "../wg/index.h"

namespace wg::cuda {

/// 16 bytes, which one instruction moves.
struct alignas(16) Complex {
  double re, im;
};
WG_BOTH Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
WG_BOTH Complex swapped(Complex x) { return {x.im, x.re}; }

/// Transforms up to this many elements are done by one block in shared memory.
inline constexpr int64_t kShortFft = 2048;
/// Longer ones in several passes, each of transforms this long at most.
inline constexpr int kFftStage = 256;
/// Neighbouring transforms of a pass taken by a block together, so that it reads and writes 64 bytes in a
/// run.
inline constexpr int kFftTile = 4;

/// A pass over a whole sequence: transforms of `size` elements, by the radices given.
struct FftStage {
  int32_t size = 1, count = 0;
  int8_t radix[12] = {};
  uint32_t step = 1;  ///< product of the sizes of the stages before
};

struct FftPlan {
  int64_t length = 1;  ///< of the transform asked for
  int64_t size = 1;    ///< of the transform computed: length, or a power of two for Bluestein
  bool bluestein = false;
  int stages = 0;
  FftStage stage[10];

  bool isShort() const { return size <= kShortFft; }
};

FftPlan planFft(int64_t length);

}  // namespace wg::cuda
