// Tensors of 16-bit floats as float32, for kernels that compute in it: dense copies in scratch memory. Host
// code only.
#pragma once
#include "../../ops/checks.h"
#include "../../ops/rows/memory.h"
#include "../prototype.h"

WG_CUDA_PROTOTYPES(WG_MEMORY_ROWS)

namespace wg::cuda::conv {

class Widened {
 public:
  static constexpr int kMost = 4;

  /// Absent tensors stay absent.
  explicit Widened(const View* const (&views)[kMost]) {
    for (int i = 0; i < kMost; i++) {
      from_[i] = to_[i] = *views[i];
      if (from_[i].data == nullptr) continue;
      int64_t stride = 1;
      for (int axis = to_[i].rank - 1; axis >= 0; axis--) {
        to_[i].stride[axis] = stride;
        stride *= to_[i].shape[axis];
      }
      to_[i].dtype = DType::f32;
      at_[i] = bytes_;
      bytes_ += static_cast<size_t>(::wg::ceilDiv(stride * 4, 64) * 64);
    }
  }

  size_t bytes() const { return bytes_; }
  const View& view(int i) const { return to_[i]; }

  /// Takes the copies' memory from the front of the scratch; false: there is too little.
  bool place(Stream& s) {
    if (bytes_ > 0 && (s.scratch == nullptr || s.scratchBytes < bytes_)) return false;
    for (int i = 0; i < kMost; i++)
      if (from_[i].data != nullptr) to_[i].data = static_cast<char*>(s.scratch) + at_[i];
    return true;
  }
  void fetch(Stream& s, int i) const { move(s, to_[i], from_[i]); }
  void put(Stream& s, int i) const { move(s, from_[i], to_[i]); }

 private:
  static void move(Stream& s, const View& to, const View& from) {
    if (from.data == nullptr) return;
    Out out;
    In in;
    static_cast<View&>(out) = to;
    static_cast<View&>(in) = from;
    copy(s, out, in);
  }

  View from_[kMost], to_[kMost];
  size_t at_[kMost] = {}, bytes_ = 0;
};

}  // namespace wg::cuda::conv
