// What every kernel file begins with: the built-in names of CUDA (threadIdx, __syncthreads, __syncwarp,
// __threadfence keep theirs) and the few words that differ between nvcc and the emulator.
//
// Every wrapper of this folder has a body for the device and one for the emulator. The latter also takes the
// place it was called from, for reports: WG_PLACE ends a parameter list, WG_AT hands the place on.
#pragma once
#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__

#include <cuda_runtime.h>

#define WG_DEV __device__ __forceinline__
#define WG_BOTH __host__ __device__ __forceinline__
/// Long and rare: compiled once, called.
#define WG_DEV_CALLED __device__ __noinline__
/// WG_KERNEL(threads, blocksPerMultiprocessor) name(…): launch bounds belong to every kernel.
#define WG_KERNEL(...) __global__ void __launch_bounds__(__VA_ARGS__)
/// WG_SHARED(float, tile, [32][33]) and WG_SHARED(int, last): shared by the threads of a block.
#define WG_SHARED(type, name, ...) __shared__ type name __VA_ARGS__
/// The shared memory whose size the launch gives, as bytes, 1024-byte aligned.
#define WG_DYN_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]
/// Before a const parameter whose address is taken: a TensorMap, or an array whose index the kernel computes.
#define WG_GRID_CONSTANT __grid_constant__
#define WG_UNROLL _Pragma("unroll")
#define WG_ROLLED _Pragma("unroll 1")

#define WG_PLACE
#define WG_ONLY_PLACE
#define WG_AT
#define WG_ONLY_AT

/// WG_ON_SM90(statement): what other architectures lack. Kernels with it are launched on nothing else, so
/// there it is a trap. WG_ON_SM90A: what only the code made for sm_90a has.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
#define WG_ON_SM90(...) __VA_ARGS__
#else
#define WG_ON_SM90(...) __trap()
#endif
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
#define WG_ON_SM90A(...) __VA_ARGS__
#else
#define WG_ON_SM90A(...) __trap()
#endif

#else

#include "../../emu/simt.h"

#define WG_DEV inline
#define WG_BOTH inline
#define WG_DEV_CALLED __attribute__((noinline))
#define WG_KERNEL(...) void
// A reference to what the emulator keeps for this declaration, so that each block finds it poisoned.
#define WG_SHARED(type, name, ...)                                            \
  using name##Shared = type __VA_ARGS__;                                      \
  static char name##Key;                                                      \
  name##Shared& name = *static_cast<name##Shared*>(::wg::emu::sharedVariable( \
      &name##Key, sizeof(name##Shared), alignof(name##Shared) < 16 ? 16 : alignof(name##Shared), #name))
#define WG_DYN_SHARED(name) auto* const name = reinterpret_cast<unsigned char*>(::wg::emu::dynamicShared())
#define WG_GRID_CONSTANT
#define WG_UNROLL _Pragma("GCC unroll 16")
#define WG_ROLLED

#define WG_ONLY_PLACE ::wg::emu::Place place = ::wg::emu::Place::current()
#define WG_PLACE , WG_ONLY_PLACE
#define WG_ONLY_AT place
#define WG_AT , place

#endif

namespace wg::cuda {

#ifdef __CUDACC__
/// The address that instructions for shared memory take.
WG_DEV uint32_t sharedAddress(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }
#endif

template <class T>
WG_BOTH constexpr T ceilDiv(T a, T b) {
  return (a + b - 1) / b;
}

}  // namespace wg::cuda
