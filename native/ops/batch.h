// The leading axes of a view as one batch, for kernels that work on whole vectors or matrices.
#pragma once
#include "checks.h"

namespace wg {
inline namespace WG_ISA {

/// Larger working memory is made for this many members of a batch at most; others wait for their turn.
inline constexpr int64_t kSlabs = 16;

/// Members of a batch, each of the last `trailing` axes.
inline int64_t batchOf(const View& v, int trailing) {
  int64_t n = 1;
  for (int i = 0; i < v.rank - trailing; i++) n *= v.shape[i];
  return n;
}
/// Elements from the start of the view to member `index` of its batch.
inline int64_t offsetOf(const View& v, int trailing, int64_t index) {
  int64_t offset = 0;
  for (int i = v.rank - trailing - 1; i >= 0; i--) {
    offset += index % v.shape[i] * v.stride[i];
    index /= v.shape[i];
  }
  return offset;
}

}  // namespace WG_ISA
}  // namespace wg
