// The planes of [N, C, H, W].
#pragma once
#include "views.h"

namespace wg::cuda {

inline bool planesMatch(const View& a, const View& b) {
  return a.rank == 4 && b.rank == 4 && a.shape[0] == b.shape[0] && a.shape[1] == b.shape[1];
}

/// A view of rank 4 to a kernel.
template <class T>
struct Image {
  T* data;
  int64_t stride[4];
  WG_DEV int64_t at(int64_t n, int64_t c, int64_t y, int64_t x) const {
    return n * stride[0] + c * stride[1] + y * stride[2] + x * stride[3];
  }
};
template <class T>
Image<T> imageOf(const View& v) {
  return {static_cast<T*>(v.data), {v.stride[0], v.stride[1], v.stride[2], v.stride[3]}};
}

/// A thread's place in a view of rank 4.
struct Pixel {
  int64_t n, c, y, x;
};
struct Pixels {
  uint64_t total;
  Divider<uint64_t> width, height, channels;
  WG_DEV bool here(Pixel& p) const {
    const uint64_t e = uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
    if (e >= total) return false;
    const auto x = width.both(e), y = height.both(x.quotient), c = channels.both(y.quotient);
    p = {static_cast<int64_t>(c.quotient), static_cast<int64_t>(c.remainder),
         static_cast<int64_t>(y.remainder), static_cast<int64_t>(x.remainder)};
    return true;
  }
};
/// Of a view that is not empty.
inline Pixels pixelsOf(const View& v) {
  const auto by = [](int64_t n) { return Divider<uint64_t>(static_cast<uint64_t>(n)); };
  return {static_cast<uint64_t>(numel(v)), by(v.shape[3]), by(v.shape[2]), by(v.shape[1])};
}

}  // namespace wg::cuda
