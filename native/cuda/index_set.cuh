// Index tensors as kernels read them: any integer dtype, any strides, one for each axis they index.
#pragma once
#include "views.h"
#include "wg/error.h"

namespace wg::cuda {

WG_DEV int64_t loadIndex(const void* data, DType type, int64_t at) {
  if (type == DType::i64) return static_cast<const int64_t*>(data)[at];
  if (type == DType::i32) return static_cast<const int32_t*>(data)[at];
  return static_cast<const uint8_t*>(data)[at];
}

/// One index of several axes for each position.
template <class I>
struct IndexSet {
  struct Axis {
    const void* data;
    int64_t size, step;  ///< of the axis indexed: what an index is multiplied with
    DType type;
    Offsets<1, I> at;
  };
  int32_t axes;
  int32_t first;     ///< number of the first of them, for messages
  int32_t negative;  ///< 1: indices may count from the end
  Axis axis[kMaxRank];
};

inline bool smallIndices(const View* items, int count) {
  bool small = true;
  for (int k = 0; k < count; k++) small = small && axesOf<1>({&items[k]}).small();
  return small;
}
template <class I>
IndexSet<I> indexSet(const View* items, int count, const int64_t* size, const int64_t* step, bool negative,
                     int first = 0) {
  IndexSet<I> set{};
  set.axes = count;
  set.first = first;
  set.negative = negative ? 1 : 0;
  for (int k = 0; k < count; k++)
    set.axis[k] = {items[k].data, size[k], step[k], items[k].dtype,
                   axesOf<1>({&items[k]}).template offsets<I>()};
  return set;
}

/// The sum of the steps position i leads to. `set` is a kernel's WG_GRID_CONSTANT parameter: its axes are
/// looked up where they are. False, with the cell raised, when an index is out of range.
template <class I>
WG_DEV bool locate(const IndexSet<I>& set, I i, ErrorCell* cell, int64_t& sum) {
  sum = 0;
  for (int k = 0; k < set.axes; k++) {
    const auto& axis = set.axis[k];
    const int64_t index = loadIndex(axis.data, axis.type, axis.at(i)[0]);
    const int64_t row = index < 0 && set.negative ? index + axis.size : index;
    if (row < 0 || row >= axis.size) {
      raise(cell, index, set.first + k, axis.size);
      return false;
    }
    sum += row * axis.step;
  }
  return true;
}

}  // namespace wg::cuda
