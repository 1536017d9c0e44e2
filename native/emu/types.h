// What a CUDA source takes for granted — qualifiers, dim3, vector types — for a host compiler.
#pragma once
#include <cstdint>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__

struct uint3 {
  unsigned x, y, z;
};

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3() = default;
  constexpr dim3(unsigned width, unsigned height = 1, unsigned depth = 1) : x(width), y(height), z(depth) {}
  constexpr dim3(const uint3& v) : x(v.x), y(v.y), z(v.z) {}
};

#define WG_VECTOR_TYPES(name, type)                                       \
  struct alignas(2 * sizeof(type)) name##2 {                              \
    type x, y;                                                            \
  };                                                                      \
  struct alignas(4 * sizeof(type) < 16 ? 4 * sizeof(type) : 16) name##4 { \
    type x, y, z, w;                                                      \
  };                                                                      \
  constexpr name##2 make_##name##2(type x, type y) { return {x, y}; }     \
  constexpr name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
WG_VECTOR_TYPES(uchar, unsigned char)
WG_VECTOR_TYPES(ushort, unsigned short)
WG_VECTOR_TYPES(int, int)
WG_VECTOR_TYPES(uint, unsigned)
WG_VECTOR_TYPES(longlong, long long)
WG_VECTOR_TYPES(ulonglong, unsigned long long)
WG_VECTOR_TYPES(float, float)
WG_VECTOR_TYPES(double, double)
#undef WG_VECTOR_TYPES
