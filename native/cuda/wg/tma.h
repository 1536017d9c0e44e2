// Copies of whole tiles between global and shared memory by the tensor memory accelerator (sm_90): one thread
// issues one, a barrier in shared memory counts its bytes.
#pragma once
#include "barrier.h"
#ifdef __CUDACC__
#include <cuda.h>
#endif

namespace wg::cuda {

#ifdef __CUDACC__

/// A kernel takes it as `const WG_GRID_CONSTANT TensorMap map`.
using TensorMap = CUtensorMap;

enum class Swizzle : uint8_t { none, bytes32, bytes64, bytes128 };
enum class Element : uint8_t { u8, f16, bf16, f32, i32 };
constexpr int bytesOf(Element e) {
  return e == Element::u8 ? 1 : e == Element::f16 || e == Element::bf16 ? 2 : 4;
}

#else

using emu::bytesOf;
using emu::Element;
using emu::Swizzle;
using emu::TensorMap;

#endif

/// A tensor in global memory, axis 0 the innermost, and the tile of it that one copy moves. Base and strides
/// are multiples of 16 bytes, the tile's first extent is 16 bytes or more and at most as wide as the swizzle.
struct Tile {
  void* base;
  Element element;
  Swizzle swizzle;
  int rank;  ///< 1 to 5
  int64_t size[5];
  int64_t stride[5];  ///< in bytes, from axis 1 on; those before are ignored
  int32_t box[5];     ///< at most 256 each
};

/// The same for a convolution's input, NHWC: axis 0 has the channels, the last one the images, those between
/// the pixels from the innermost. A copy has `channels` of `pixels` pixels, which are taken one after the
/// other from the box between the corners (as offsets from the tensor's own), `step` apart, image after
/// image, each moved by the tap's offset; what lies outside the tensor is 0.
struct Patches {
  void* base;
  Element element;
  Swizzle swizzle;
  int rank;  ///< 3 to 5
  int64_t size[5];
  int64_t stride[5];
  int32_t lower[3], upper[3], step[3];
  int32_t channels, pixels;  ///< at most 256 and 1024
};

namespace detail {

#ifdef __CUDACC__

/// The driver's function of this name; null without a driver that has it.
template <class F>
F* driverFunction(const char* name) {
  void* f = nullptr;
  cudaDriverEntryPointQueryResult found{};
  if (cudaGetDriverEntryPointByVersion(name, &f, 12000, cudaEnableDefault, &found) != cudaSuccess ||
      found != cudaDriverEntryPointSuccess)
    return nullptr;
  return reinterpret_cast<F*>(f);
}

inline CUtensorMapDataType dataType(Element e) {
  constexpr CUtensorMapDataType types[] = {CU_TENSOR_MAP_DATA_TYPE_UINT8, CU_TENSOR_MAP_DATA_TYPE_FLOAT16,
                                           CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
                                           CU_TENSOR_MAP_DATA_TYPE_INT32};
  return types[static_cast<int>(e)];
}
inline CUtensorMapSwizzle swizzleMode(Swizzle s) {
  constexpr CUtensorMapSwizzle modes[] = {CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_SWIZZLE_32B,
                                          CU_TENSOR_MAP_SWIZZLE_64B, CU_TENSOR_MAP_SWIZZLE_128B};
  return modes[static_cast<int>(s)];
}

#endif

}  // namespace detail

/// Fills `map`; what was wrong, or null.
inline const char* encode(TensorMap& map, const Tile& t) {
#ifdef __CUDACC__
  using F = CUresult(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*,
                     const cuuint64_t*, const cuuint32_t*, const cuuint32_t*, CUtensorMapInterleave,
                     CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
  static F* const f = detail::driverFunction<F>("cuTensorMapEncodeTiled");
  if (!f) return "the driver has no tensor maps";
  cuuint64_t size[5], stride[5];
  cuuint32_t box[5], one[5];
  for (int a = 0; a < t.rank; a++) {
    size[a] = static_cast<cuuint64_t>(t.size[a]);
    if (a > 0) stride[a - 1] = static_cast<cuuint64_t>(t.stride[a]);
    box[a] = static_cast<cuuint32_t>(t.box[a]);
    one[a] = 1;
  }
  const CUresult result = f(&map, detail::dataType(t.element), static_cast<cuuint32_t>(t.rank), t.base, size,
                            stride, box, one, CU_TENSOR_MAP_INTERLEAVE_NONE, detail::swizzleMode(t.swizzle),
                            CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return result == CUDA_SUCCESS ? nullptr : "the driver refuses the tensor map";
#else
  map = {};
  map.base = t.base;
  map.element = t.element;
  map.swizzle = t.swizzle;
  map.rank = static_cast<uint8_t>(t.rank);
  for (int a = 0; a < t.rank; a++) {
    map.size[a] = t.size[a];
    map.stride[a] = a > 0 ? t.stride[a] : bytesOf(t.element);
    map.box[a] = t.box[a];
  }
  return emu::refusal(map);
#endif
}

inline const char* encode(TensorMap& map, const Patches& t) {
#ifdef __CUDACC__
  using F =
      CUresult(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*, const cuuint64_t*,
               const int*, const int*, cuuint32_t, cuuint32_t, const cuuint32_t*, CUtensorMapInterleave,
               CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
  static F* const f = detail::driverFunction<F>("cuTensorMapEncodeIm2col");
  if (!f) return "the driver has no tensor maps";
  cuuint64_t size[5], stride[5];
  cuuint32_t step[5];
  for (int a = 0; a < t.rank; a++) {
    size[a] = static_cast<cuuint64_t>(t.size[a]);
    if (a > 0) stride[a - 1] = static_cast<cuuint64_t>(t.stride[a]);
    step[a] = a > 0 && a + 1 < t.rank ? static_cast<cuuint32_t>(t.step[a - 1]) : 1;
  }
  const CUresult result =
      f(&map, detail::dataType(t.element), static_cast<cuuint32_t>(t.rank), t.base, size, stride, t.lower,
        t.upper, static_cast<cuuint32_t>(t.channels), static_cast<cuuint32_t>(t.pixels), step,
        CU_TENSOR_MAP_INTERLEAVE_NONE, detail::swizzleMode(t.swizzle), CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return result == CUDA_SUCCESS ? nullptr : "the driver refuses the tensor map";
#else
  map = {};
  map.base = t.base;
  map.element = t.element;
  map.swizzle = t.swizzle;
  map.rank = static_cast<uint8_t>(t.rank);
  map.im2col = true;
  for (int a = 0; a < t.rank; a++) {
    map.size[a] = t.size[a];
    map.stride[a] = a > 0 ? t.stride[a] : bytesOf(t.element);
  }
  for (int a = 0; a < t.rank - 2; a++) {
    map.lower[a] = t.lower[a];
    map.upper[a] = t.upper[a];
    map.step[a] = t.step[a];
  }
  map.channels = t.channels;
  map.pixels = t.pixels;
  return emu::refusal(map);
#endif
}

/// Coordinates of an element, from the innermost: At{x, y}.
template <int rank>
struct At {
  int32_t at[rank];
};
template <class... I>
At(I...) -> At<static_cast<int>(sizeof...(I))>;

/// How far a filter's tap moves the pixels, from the innermost axis: Tap{x, y}.
template <int axes>
struct Tap {
  uint16_t by[axes];
};
template <class... I>
Tap(I...) -> Tap<static_cast<int>(sizeof...(I))>;

#ifdef __CUDACC__
// One instruction a rank. Operands: %0 shared address, %1 map, %2 barrier, %3 mask, from %4 on coordinates.
#define WG_TENSOR_OF(dims, form, before, coordinates, after, ...)                                      \
  WG_ON_SM90(asm volatile(form dims before "[%1, " coordinates "]" after ::"r"(sharedAddress(shared)), \
                          "l"(&map), "r"(barrier), "h"(blocks), __VA_ARGS__                            \
                          : "memory"))
#define WG_TENSOR(form, before, after)                                                                    \
  if constexpr (rank == 1) {                                                                              \
    WG_TENSOR_OF("1d", form, before, "{%4}", after, "r"(c.at[0]));                                        \
  } else if constexpr (rank == 2) {                                                                       \
    WG_TENSOR_OF("2d", form, before, "{%4, %5}", after, "r"(c.at[0]), "r"(c.at[1]));                      \
  } else if constexpr (rank == 3) {                                                                       \
    WG_TENSOR_OF("3d", form, before, "{%4, %5, %6}", after, "r"(c.at[0]), "r"(c.at[1]), "r"(c.at[2]));    \
  } else if constexpr (rank == 4) {                                                                       \
    WG_TENSOR_OF("4d", form, before, "{%4, %5, %6, %7}", after, "r"(c.at[0]), "r"(c.at[1]), "r"(c.at[2]), \
                 "r"(c.at[3]));                                                                           \
  } else {                                                                                                \
    WG_TENSOR_OF("5d", form, before, "{%4, %5, %6, %7, %8}", after, "r"(c.at[0]), "r"(c.at[1]),           \
                 "r"(c.at[2]), "r"(c.at[3]), "r"(c.at[4]));                                               \
  }
// With the taps' offsets behind the coordinates.
#define WG_PATCHES(before, after)                                                                           \
  if constexpr (rank == 3) {                                                                                \
    WG_TENSOR_OF("3d", "cp.async.bulk.tensor.", before, "{%4, %5, %6}", ", [%2], {%7}" after, "r"(c.at[0]), \
                 "r"(c.at[1]), "r"(c.at[2]), "h"(tap.by[0]));                                               \
  } else if constexpr (rank == 4) {                                                                         \
    WG_TENSOR_OF("4d", "cp.async.bulk.tensor.", before, "{%4, %5, %6, %7}", ", [%2], {%8, %9}" after,       \
                 "r"(c.at[0]), "r"(c.at[1]), "r"(c.at[2]), "r"(c.at[3]), "h"(tap.by[0]), "h"(tap.by[1]));   \
  } else {                                                                                                  \
    WG_TENSOR_OF("5d", "cp.async.bulk.tensor.", before, "{%4, %5, %6, %7, %8}",                             \
                 ", [%2], {%9, %10, %11}" after, "r"(c.at[0]), "r"(c.at[1]), "r"(c.at[2]), "r"(c.at[3]),    \
                 "r"(c.at[4]), "h"(tap.by[0]), "h"(tap.by[1]), "h"(tap.by[2]));                             \
  }
#endif

// `shared` is aligned to 128 bytes (no swizzle), 256, 512 or 1024. `b` has to expect a copy's bytes, those
// outside the tensor included. `blocks`: each block of the cluster whose bit is set gets the copy at the same
// place and counts it at its own barrier; 0: this block.

/// The tile that begins at `c`.
template <int rank>
WG_DEV void tensorLoad(void* shared, const TensorMap& map, MBarrier& b, At<rank> c,
                       uint16_t blocks = 0 WG_PLACE) {
#ifdef __CUDACC__
  [[maybe_unused]] const uint32_t barrier = sharedAddress(&b);
  if (blocks == 0) {
    WG_TENSOR("cp.async.bulk.tensor.", ".shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], ",
              ", [%2];")
  } else {
    WG_TENSOR("cp.async.bulk.tensor.",
              ".shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], ",
              ", [%2], %3;")
  }
#else
  emu::tensorLoad(shared, map, &b.word, c.at, nullptr, blocks, place);
#endif
}

/// The pixels from `c` on (channel, pixel of the box, image), seen through the filter's tap.
template <int rank>
WG_DEV void patchLoad(void* shared, const TensorMap& map, MBarrier& b, At<rank> c, Tap<rank - 2> tap,
                      uint16_t blocks = 0 WG_PLACE) {
  static_assert(rank >= 3);
#ifdef __CUDACC__
  [[maybe_unused]] const uint32_t barrier = sharedAddress(&b);
  if (blocks == 0) {
    WG_PATCHES(".shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], ", ";")
  } else {
    WG_PATCHES(".shared::cluster.global.im2col.mbarrier::complete_tx::bytes.multicast::cluster [%0], ",
               ", %3;")
  }
#else
  emu::tensorLoad(shared, map, &b.word, c.at, tap.by, blocks, place);
#endif
}

/// A tile from shared memory, what lies outside the tensor left out. fenceAsync comes before.
template <int rank>
WG_DEV void tensorStore(const TensorMap& map, const void* shared, At<rank> c WG_PLACE) {
#ifdef __CUDACC__
  [[maybe_unused]] const uint32_t barrier = 0;
  [[maybe_unused]] const uint16_t blocks = 0;
  WG_TENSOR("cp.async.bulk.tensor.", ".global.shared::cta.tile.bulk_group ", ", [%0];")
#else
  emu::tensorStore(map, shared, c.at, false, place);
#endif
}

/// Adds a tile to what is there; the order of several additions is not fixed.
template <int rank>
WG_DEV void tensorAdd(const TensorMap& map, const void* shared, At<rank> c WG_PLACE) {
#ifdef __CUDACC__
  [[maybe_unused]] const uint32_t barrier = 0;
  [[maybe_unused]] const uint16_t blocks = 0;
  WG_TENSOR("cp.reduce.async.bulk.tensor.", ".global.shared::cta.add.tile.bulk_group ", ", [%0];")
#else
  emu::tensorStore(map, shared, c.at, true, place);
#endif
}

/// Ends a group of this thread's stores.
WG_DEV void tensorStoreCommit() {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("cp.async.bulk.commit_group;" ::: "memory"));
#else
  emu::commitStores();
#endif
}
/// Until at most `left` groups still read shared memory: before it is written again, or the block ends.
template <int left>
WG_DEV void tensorStoreWaitRead() {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(left) : "memory"));
#else
  emu::waitStores(left);
#endif
}
/// Until at most `left` groups are on their way to global memory.
template <int left>
WG_DEV void tensorStoreWait() {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("cp.async.bulk.wait_group %0;" ::"n"(left) : "memory"));
#else
  emu::waitStores(left);
#endif
}

/// Brings the map nearer before it is used.
WG_DEV void prefetchMap(const TensorMap& map) {
#ifdef __CUDACC__
  WG_ON_SM90(asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory"));
#else
  (void)map;
#endif
}

#ifdef __CUDACC__
#undef WG_TENSOR_OF
#undef WG_TENSOR
#undef WG_PATCHES
#endif

}  // namespace wg::cuda
