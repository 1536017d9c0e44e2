// Work over the planes of [N, C, H, W], several small ones to a chunk.
#pragma once
#include "kernel.h"

namespace wg::cpu {
inline namespace WG_ISA {

struct Planes {
  int64_t images, channels;
  int64_t count() const { return images * channels; }
};

/// Runs body(image, channel) for every plane, several planes to a chunk; `work` counts elements of one plane.
template <class Body>
inline void eachPlane(Stream& s, const Planes& planes, int64_t work, Body&& body) {
  const int64_t group = maxOf(32768 / maxOf(work, 1), 1);
  const auto chunk = [&](int64_t piece) {
    const int64_t end = minOf(planes.count(), (piece + 1) * group);
    for (int64_t plane = piece * group; plane < end; ++plane)
      body(plane / planes.channels, plane % planes.channels);
  };
  const int64_t chunks = ceilDiv(planes.count(), group);
  if (chunks == 1) chunk(0);
  else parallelSweep(s, chunks, chunk);
}

template <class T>
inline T* planeOf(const View& v, int64_t image, int64_t channel) {
  return static_cast<T*>(v.data) + image * v.stride[0] + channel * v.stride[1];
}

inline bool planesMatch(const View& a, const View& b) {
  return a.rank == 4 && b.rank == 4 && a.shape[0] == b.shape[0] && a.shape[1] == b.shape[1];
}

template <class T>
inline void zeroPlane(const View& v, int64_t image, int64_t channel) {
  T* const plane = planeOf<T>(v, image, channel);
  for (int64_t y = 0; y < v.shape[2]; ++y) {
    T* const row = plane + y * v.stride[2];
    if (v.stride[3] == 1) {
      __builtin_memset(row, 0, static_cast<size_t>(v.shape[3]) * sizeof(T));
    } else {
      for (int64_t x = 0; x < v.shape[3]; ++x) row[x * v.stride[3]] = T(0);
    }
  }
}

}  // namespace WG_ISA
}  // namespace wg::cpu
