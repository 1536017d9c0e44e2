// Philox4x32-10 (Salmon et al., SC 2011): the counter-based generator behind every random op, the same on
// every device.
//
// Element i of a float32 tensor, in logical order, uses 32-bit draw i: lane i % 4 of the block with counter
// offset + i / 4. Element i of a float64 tensor uses draws 2i (low half) and 2i + 1 (high half). Normal
// numbers come in pairs (2j, 2j + 1) of elements by Box-Muller: sqrt(-2 ln u1) times cos and sin of 2 pi u2.
#pragma once
#include "scalar.h"

namespace wg {
inline namespace WG_ISA {
namespace philox {

/// The product of numbers below 2^32.
WG_HD uint64_t mulLow32(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>(static_cast<uint32_t>(a)) * static_cast<uint32_t>(b);
}

inline constexpr uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier1 = 0xCD9E8D57u;
inline constexpr uint32_t kWeyl0 = 0x9E3779B9u, kWeyl1 = 0xBB67AE85u;

/// The four draws of a block. L holds a 32-bit number in each 64-bit lane; mulLow32 multiplies those. `third`
/// is the counter's third word: ops that need an unknown number of draws for an element count them there.
template <class L>
WG_HD void block(L counterLow, L counterHigh, uint32_t key0, uint32_t key1, L (&draw)[4],
                 L third = L(uint64_t{0})) {
  const L low32(uint64_t{0xffffffff}), m0(uint64_t{kMultiplier0}), m1(uint64_t{kMultiplier1});
  L c0 = counterLow, c1 = counterHigh, c2 = third, c3(uint64_t{0});
  for (int round = 0; round < 10; round++) {
    const L p0 = mulLow32(c0, m0), p1 = mulLow32(c2, m1);
    c0 = (p1 >> 32) ^ c1 ^ L(uint64_t{key0});
    c2 = (p0 >> 32) ^ c3 ^ L(uint64_t{key1});
    c1 = p1 & low32;
    c3 = p0 & low32;
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  draw[0] = c0;
  draw[1] = c1;
  draw[2] = c2;
  draw[3] = c3;
}

}  // namespace philox
}  // namespace WG_ISA
}  // namespace wg
