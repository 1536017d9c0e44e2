// Sorting the rows of a view: what sort, top-k and mode are made of, and how ops that add to or write one
// element several times bring those together. Stable; NaN is larger than every number, -0 equals 0.
#pragma once
#include "views.h"

namespace wg::cuda {

/// Rows up to this length are sorted in shared memory, without scratch.
inline constexpr int64_t kShortRow = 2048;

struct SortOptions {
  bool descending = false;
  int bits = 64;  ///< of the elements that differ, for numbers from 0 to 2^bits - 1
};

/// Scratch for sorting `rows` rows of `width` elements of `item` bytes.
size_t sortRowsBytes(int64_t rows, int64_t width, int64_t item);

/// The first elements of x's sorted rows, as many as `values` is wide, and their places (int32). The views
/// differ in nothing but the size of the last axis; none is empty.
void sortRows(Stream& s, const View& values, const View& indices, const View& x, void* scratch,
              SortOptions options = {});

}  // namespace wg::cuda
