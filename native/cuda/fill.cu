#include "kernels.h"
#include "wg/launch.cuh"

namespace wg::cuda {
namespace {

/// One thread per element of a strided view, in steps of the whole grid. `Bits` has the element's size; the
/// value was converted on the host.
template <class Bits>
__global__ void fillBits(View out, int64_t total, Bits value) {
  const int64_t step = int64_t{blockDim.x} * gridDim.x;
  for (int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < total; i += step) {
    int64_t rest = i, at = 0;
    for (int axis = out.rank - 1; axis >= 0; --axis) {
      at += rest % out.shape[axis] * out.stride[axis];
      rest /= out.shape[axis];
    }
    static_cast<Bits*>(out.data)[at] = value;
  }
}

template <class T, class Bits>
void fillAs(Stream& s, const Out& out, int64_t total, T value) {
  Bits bits;
  static_assert(sizeof bits == sizeof value);
  __builtin_memcpy(&bits, &value, sizeof bits);
  constexpr int64_t kBlock = 256, kMostBlocks = 4096;
  const int64_t blocks = (total + kBlock - 1) / kBlock;
  const auto grid = static_cast<unsigned>(blocks < kMostBlocks ? blocks : kMostBlocks);
  launch(s, fillBits<Bits>, dim3(grid), dim3(kBlock), static_cast<const View&>(out), total, bits);
}

/// As on the CPU: NaN becomes 0 and what does not fit becomes the nearest end of the range.
template <class T>
T saturate(double value, double low, double high, T lowest, T highest) {
  if (value != value) return 0;
  return value <= low ? lowest : value >= high ? highest : static_cast<T>(value);
}

}  // namespace

void fill(Stream& s, const Out& out, const double& value) {
  int64_t total = 1;
  for (int axis = 0; axis < out.rank; ++axis) total *= out.shape[axis];
  if (total == 0) return;
  switch (out.dtype) {
    case DType::f32:
      return fillAs<float, uint32_t>(s, out, total, static_cast<float>(value));
    case DType::f64:
      return fillAs<double, uint64_t>(s, out, total, value);
    case DType::i32:
      return fillAs<int32_t, uint32_t>(s, out, total,
                                       saturate<int32_t>(value, INT32_MIN, INT32_MAX, INT32_MIN, INT32_MAX));
    case DType::i64:
      return fillAs<int64_t, uint64_t>(s, out, total,
                                       saturate<int64_t>(value, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX));
    case DType::u8:
      return fillAs<uint8_t, uint8_t>(s, out, total, saturate<uint8_t>(value, 0, 255, 0, 255));
    case DType::boolean:
      return fillAs<uint8_t, uint8_t>(s, out, total, value != 0 ? 1 : 0);
    default:
      return;
  }
}

}  // namespace wg::cuda
