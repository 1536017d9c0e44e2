// Atomics on global and shared memory, and what polling needs. Deterministic kernels use them on integers
// alone: the order in which floats are added would show.
#pragma once
#include "base.h"

namespace wg::cuda {

#ifndef __CUDACC__
namespace host {

template <class T, class F>
T update(T* p, F f) {
  T old = __atomic_load_n(p, __ATOMIC_RELAXED);
  while (!__atomic_compare_exchange_n(p, &old, f(old), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
  return old;
}

}  // namespace host
#endif

// T is int32_t, uint32_t or uint64_t; min and max take int64_t too. All return the value before.

template <class T>
WG_DEV T atomicAdd(T* p, T value) {
#ifdef __CUDACC__
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(
        ::atomicAdd(reinterpret_cast<unsigned long long*>(p), static_cast<unsigned long long>(value)));
  else return ::atomicAdd(p, value);
#else
  return __atomic_fetch_add(p, value, __ATOMIC_RELAXED);
#endif
}
template <>
WG_DEV float atomicAdd(float* p, float value) {
#ifdef __CUDACC__
  return ::atomicAdd(p, value);
#else
  uint32_t* bits = reinterpret_cast<uint32_t*>(p);
  const uint32_t old = host::update(
      bits, [&](uint32_t b) { return __builtin_bit_cast(uint32_t, __builtin_bit_cast(float, b) + value); });
  return __builtin_bit_cast(float, old);
#endif
}
template <class T>
WG_DEV T atomicMax(T* p, T value) {
#ifdef __CUDACC__
  if constexpr (sizeof(T) == 8 && static_cast<T>(-1) < T(0))
    return static_cast<T>(::atomicMax(reinterpret_cast<long long*>(p), static_cast<long long>(value)));
  else if constexpr (sizeof(T) == 8)
    return static_cast<T>(
        ::atomicMax(reinterpret_cast<unsigned long long*>(p), static_cast<unsigned long long>(value)));
  else return ::atomicMax(p, value);
#else
  return host::update(p, [&](T old) { return old < value ? value : old; });
#endif
}
template <class T>
WG_DEV T atomicMin(T* p, T value) {
#ifdef __CUDACC__
  if constexpr (sizeof(T) == 8 && static_cast<T>(-1) < T(0))
    return static_cast<T>(::atomicMin(reinterpret_cast<long long*>(p), static_cast<long long>(value)));
  else if constexpr (sizeof(T) == 8)
    return static_cast<T>(
        ::atomicMin(reinterpret_cast<unsigned long long*>(p), static_cast<unsigned long long>(value)));
  else return ::atomicMin(p, value);
#else
  return host::update(p, [&](T old) { return value < old ? value : old; });
#endif
}
WG_DEV uint32_t atomicOr(uint32_t* p, uint32_t value) {
#ifdef __CUDACC__
  return ::atomicOr(p, value);
#else
  return __atomic_fetch_or(p, value, __ATOMIC_RELAXED);
#endif
}
WG_DEV uint32_t atomicAnd(uint32_t* p, uint32_t value) {
#ifdef __CUDACC__
  return ::atomicAnd(p, value);
#else
  return __atomic_fetch_and(p, value, __ATOMIC_RELAXED);
#endif
}
template <class T>
WG_DEV T atomicExchange(T* p, T value) {
#ifdef __CUDACC__
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(
        ::atomicExch(reinterpret_cast<unsigned long long*>(p), static_cast<unsigned long long>(value)));
  else return ::atomicExch(p, value);
#else
  return __atomic_exchange_n(p, value, __ATOMIC_RELAXED);
#endif
}
/// Writes `value` where `expected` was.
template <class T>
WG_DEV T atomicCompareExchange(T* p, T expected, T value) {
#ifdef __CUDACC__
  if constexpr (sizeof(T) == 8)
    return static_cast<T>(::atomicCAS(reinterpret_cast<unsigned long long*>(p),
                                      static_cast<unsigned long long>(expected),
                                      static_cast<unsigned long long>(value)));
  else return ::atomicCAS(p, expected, value);
#else
  __atomic_compare_exchange_n(p, &expected, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
#endif
}

// Publishing across blocks: whoever sees a value stored with release also sees what was written before it.

template <class T>
WG_DEV T loadAcquire(const T* p) {
#ifdef __CUDACC__
  T value;
  if constexpr (sizeof(T) == 8)
    asm volatile("ld.acquire.gpu.global.b64 %0, [%1];" : "=l"(value) : "l"(p) : "memory");
  else asm volatile("ld.acquire.gpu.global.b32 %0, [%1];" : "=r"(value) : "l"(p) : "memory");
  return value;
#else
  return __atomic_load_n(p, __ATOMIC_ACQUIRE);
#endif
}
template <class T>
WG_DEV void storeRelease(T* p, T value) {
#ifdef __CUDACC__
  if constexpr (sizeof(T) == 8)
    asm volatile("st.release.gpu.global.b64 [%0], %1;" ::"l"(p), "l"(value) : "memory");
  else asm volatile("st.release.gpu.global.b32 [%0], %1;" ::"l"(p), "r"(value) : "memory");
#else
  __atomic_store_n(p, value, __ATOMIC_RELEASE);
#endif
}

/// To be called in every loop that polls memory. Such a loop may only wait for blocks that have begun: those
/// with a lower ticket from an atomic counter, not those with a lower blockIdx.
WG_DEV void pausePolling(WG_ONLY_PLACE) {
#ifdef __CUDACC__
  __nanosleep(40);
#else
  emu::pause(place);
#endif
}

/// True for every thread of the block that comes last: `counter` counts the blocks that are done, from 0, and
/// is 0 again afterwards. The last block sees what the others wrote before.
WG_DEV bool lastBlock(uint32_t* counter, uint32_t blocks WG_PLACE) {
  WG_SHARED(uint32_t, arrivedBlocks);
#ifdef __CUDACC__
  __threadfence();
  __syncthreads();
#else
  __syncthreads(place);
#endif
  if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) {
    arrivedBlocks = atomicAdd(counter, 1u);
    if (arrivedBlocks + 1 == blocks) *counter = 0;
  }
#ifdef __CUDACC__
  __syncthreads();
  __threadfence();
#else
  __syncthreads(place);
#endif
  return arrivedBlocks + 1 == blocks;
}

}  // namespace wg::cuda
