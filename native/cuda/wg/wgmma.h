// Tensor cores of a warpgroup (sm_90a): 128 threads multiply a (64 × k) and b (k × n) from shared memory, or
// a from registers, while they go on. The same of 4 warps, warp w having rows 16w … 16w + 15, in each the
// fragments of mma.h; of d register 4j + i is fragment i of columns 8j … 8j + 7.
#pragma once
#include "base.h"
#include "tma.h"
#ifdef __CUDACC__
#include "wgmma_widths.h"
#else
#include "../../emu/async.h"
#endif

namespace wg::cuda {

/// Formats of the operands and the depth k of one product: 16, for tf32 8.
enum class WgmmaType { bf16, f16, tf32 };

/// Whether an operand's neighbours in memory are along k, or along its rows (of a) or columns (of b), which
/// only 16-bit formats may be.
enum class Major { k, other };

/// Where an operand lies in shared memory. By major:
///   k: 8 rows of one swizzle width (or 16 bytes) each; `stride` bytes to the next 8. Without a swizzle
///   `leading` bytes to the second 16 bytes of k; with one it is ignored: k goes on inside the width. other:
///   8 steps of k of one swizzle width each; `stride` bytes to the next 8 of k, `leading` to the next width
///   of rows. Without a swizzle the two are the other way round.
/// `shared` is aligned as tensorLoad needs it, or advanced by 32 bytes a product along k.
WG_DEV uint64_t matrixDescriptor(const void* shared, uint32_t leading, uint32_t stride,
                                 Swizzle swizzle WG_PLACE) {
#ifdef __CUDACC__
  const uint32_t at = sharedAddress(shared);
#else
  const uint32_t at = emu::sharedAddress(shared, 16, place);
#endif
  constexpr uint64_t modes[] = {0, 3, 2, 1};
  return uint64_t{(at & 0x3ffff) >> 4} | uint64_t{(leading & 0x3ffff) >> 4} << 16 |
         uint64_t{(stride & 0x3ffff) >> 4} << 32 | modes[static_cast<int>(swizzle)] << 62;
}

/// Before the first product, and after registers of one were written: orders them.
WG_DEV void wgmmaFence(WG_ONLY_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90A(asm volatile("wgmma.fence.sync.aligned;" ::: "memory"));
#else
  emu::wgmmaFence(place);
#endif
}
/// Keeps what computes these registers before what follows, and what reads them after what went before: the
/// compiler does not know that products look at registers later. Of fragments and accumulators before
/// wgmmaFence, of accumulators after wgmmaWait; no instruction comes of it.
template <class T, int count>
WG_DEV void settleRegisters(T (&r)[count]) {
#ifdef __CUDACC__
  WG_UNROLL
  for (int i = 0; i < count; i++)
    if constexpr (sizeof(T) == 4 && static_cast<T>(0.5f) == T(0)) asm volatile("" : "+r"(r[i])::"memory");
    else asm volatile("" : "+f"(r[i])::"memory");
#else
  (void)r;
#endif
}

/// Ends a group of products.
WG_DEV void wgmmaCommit(WG_ONLY_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90A(asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"));
#else
  emu::wgmmaCommit(place);
#endif
}
/// Until at most `left` groups go on: only then may their d be looked at, and their operands overwritten.
template <int left>
WG_DEV void wgmmaWait(WG_ONLY_PLACE) {
#ifdef __CUDACC__
  WG_ON_SM90A(asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(left) : "memory"));
#else
  emu::wgmmaWait(left, place);
#endif
}

#ifdef __CUDACC__
namespace detail {

/// The instructions for one number of columns, a multiple of 8 up to 256.
template <int columns>
struct WgmmaOf;

// The last operand turned into a predicate: whether d is added to. Then the signs of a and b, and for 16-bit
// operands their majors.
#define WG_WGMMA(row, n, shape, types, operands, flags, predicate, ...)                                 \
  WG_ON_SM90A(asm volatile("{\n\t.reg .pred p;\n\tsetp.ne.b32 p, " predicate ", 0;\n\t"                 \
                           "wgmma.mma_async.sync.aligned.m64n" n shape ".f32." types " {" WG_TEXT_##row \
                           "}, " operands ", p, 1, 1" flags ";\n\t}"                                    \
                           : WG_REGISTERS_##row                                                         \
                           : __VA_ARGS__))

#define WG_WIDTH(row, n, o0, o1, o2, o3, o4, o5, o6)                                                        \
  template <>                                                                                               \
  struct WgmmaOf<8 * row> {                                                                                 \
    template <WgmmaType type, int ta, int tb>                                                               \
    static WG_DEV void shared(float (&d)[4 * row], uint64_t a, uint64_t b, int add) {                       \
      if constexpr (type == WgmmaType::bf16) {                                                              \
        WG_WGMMA(row, n, "k16", "bf16.bf16", o0 ", " o1, ", " o3 ", " o4, o2, "l"(a), "l"(b), "r"(add),     \
                 "n"(ta), "n"(tb));                                                                         \
      } else if constexpr (type == WgmmaType::f16) {                                                        \
        WG_WGMMA(row, n, "k16", "f16.f16", o0 ", " o1, ", " o3 ", " o4, o2, "l"(a), "l"(b), "r"(add),       \
                 "n"(ta), "n"(tb));                                                                         \
      } else {                                                                                              \
        WG_WGMMA(row, n, "k8", "tf32.tf32", o0 ", " o1, "", o2, "l"(a), "l"(b), "r"(add));                  \
      }                                                                                                     \
    }                                                                                                       \
    template <WgmmaType type, int tb>                                                                       \
    static WG_DEV void registers(float (&d)[4 * row], const uint32_t (&a)[4], uint64_t b, int add) {        \
      if constexpr (type == WgmmaType::bf16) {                                                              \
        WG_WGMMA(row, n, "k16", "bf16.bf16", "{" o0 ", " o1 ", " o2 ", " o3 "}, " o4, ", " o6, o5,          \
                 "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add), "n"(tb));                    \
      } else if constexpr (type == WgmmaType::f16) {                                                        \
        WG_WGMMA(row, n, "k16", "f16.f16", "{" o0 ", " o1 ", " o2 ", " o3 "}, " o4, ", " o6, o5, "r"(a[0]), \
                 "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add), "n"(tb));                               \
      } else {                                                                                              \
        WG_WGMMA(row, n, "k8", "tf32.tf32", "{" o0 ", " o1 ", " o2 ", " o3 "}, " o4, "", o5, "r"(a[0]),     \
                 "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add));                                        \
      }                                                                                                     \
    }                                                                                                       \
  };
WG_WIDTHS(WG_WIDTH)
#undef WG_WIDTH
#undef WG_WGMMA

}  // namespace detail
#endif

/// d = a b, or d += a b with `add`. Both operands by descriptor; d has columns / 2 values.
template <WgmmaType type, Major majorA = Major::k, Major majorB = Major::k, int half>
WG_DEV void wgmma(float (&d)[half], uint64_t a, uint64_t b, bool add WG_PLACE) {
  static_assert(half % 4 == 0 && half <= 128);
  static_assert(type != WgmmaType::tf32 || (majorA == Major::k && majorB == Major::k));
#ifdef __CUDACC__
  detail::WgmmaOf<2 * half>::template shared<type, majorA == Major::other, majorB == Major::other>(d, a, b,
                                                                                                   add);
#else
  emu::wgmma({static_cast<emu::Product::Type>(type), majorA == Major::other, majorB == Major::other, add,
              2 * half, d, nullptr, a, b},
             place);
#endif
}

/// The same with a from registers.
template <WgmmaType type, Major majorB = Major::k, int half>
WG_DEV void wgmma(float (&d)[half], const uint32_t (&a)[4], uint64_t b, bool add WG_PLACE) {
  static_assert(half % 4 == 0 && half <= 128);
  static_assert(type != WgmmaType::tf32 || majorB == Major::k);
#ifdef __CUDACC__
  detail::WgmmaOf<2 * half>::template registers<type, majorB == Major::other>(d, a, b, add);
#else
  emu::wgmma(
      {static_cast<emu::Product::Type>(type), false, majorB == Major::other, add, 2 * half, d, a, 0, b},
      place);
#endif
}

/// Registers of this warpgroup's threads go to others of the block: a multiple of 8 from 24 to 256.
template <int count>
WG_DEV void releaseRegisters() {
  static_assert(count % 8 == 0 && count >= 24 && count <= 256);
#ifdef __CUDACC__
  WG_ON_SM90A(asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count)));
#endif
}
template <int count>
WG_DEV void acquireRegisters() {
  static_assert(count % 8 == 0 && count >= 24 && count <= 256);
#ifdef __CUDACC__
  WG_ON_SM90A(asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count)));
#endif
}

}  // namespace wg::cuda
