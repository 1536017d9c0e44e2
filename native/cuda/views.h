// Parts of views and sizes of grids, for the host halves of kernels.
#pragma once
#include "../ops/checks.h"
#include "wg/index.h"

namespace wg::cuda {

/// The first `count` axes of a view.
inline View leadingAxes(const View& v, int count) {
  View part = v;
  part.rank = count < 0 ? 0 : count < v.rank ? count : v.rank;
  return part;
}
/// The axes of a view from `first` on.
inline View trailingAxes(const View& v, int first) {
  View part = v;
  part.rank = 0;
  for (int i = first < 0 ? 0 : first; i < v.rank; i++) {
    part.shape[part.rank] = v.shape[i];
    part.stride[part.rank++] = v.stride[i];
  }
  return part;
}
/// Contiguous memory as a view.
inline View viewOf(void* data, DType dtype, int64_t rows, int64_t width) {
  return {data, dtype, 2, {rows, width}, {width, 1}};
}

/// Threads of a block that has up to `n` things to do: few for little work, whole warps always.
inline dim3 blockFor(int64_t n, int64_t most = 256) {
  return dim3(static_cast<unsigned>(minOf(most, maxOf(1, wg::ceilDiv(n, 32)) * 32)));
}
/// Blocks that do n things, `each` by one of them.
inline dim3 gridFor(int64_t n, int64_t each) { return dim3(static_cast<unsigned>(wg::ceilDiv(n, each))); }

/// f.template operator()<T>() for an unsigned integer of the element's size.
template <class F>
inline void withWord(DType dtype, F&& f) {
  const int64_t item = itemBytes(dtype);
  if (item == 4) f.template operator()<uint32_t>();
  else if (item == 8) f.template operator()<uint64_t>();
  else f.template operator()<uint8_t>();
}

/// Cuts an op's scratch into arrays; with no memory, says how much there has to be.
class Room {
 public:
  explicit Room(void* memory = nullptr) : memory_(static_cast<char*>(memory)) {}
  template <class T>
  T* take(int64_t count) {
    char* const p = memory_ ? memory_ + used_ : nullptr;
    used_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return reinterpret_cast<T*>(p);
  }
  void* rest() const { return memory_ ? memory_ + used_ : nullptr; }
  size_t used() const { return used_; }

 private:
  char* memory_;
  size_t used_ = 0;
};

}  // namespace wg::cuda
