// Rows: reading and writing at indices: int32, int64 or uint8 tensors. Out of range is ERR_INDEX; nothing is
// written then. Several writes to one element happen in row-major order of the indices.
#pragma once

// clang-format off
#define WG_INDEX_ROWS(X) \
  X(index, (Out, In, In), "out x indices") /* rows of x [R, ...] at indices [...]: out [indices..., ...] */ \
  X(indexAdd, (InOut, In, In), "out indices dy") /* out[indices[i]] += dy[i], in a fixed order */ \
  X(gather, (Out, In, In, int32_t), "out x index axis") /* out[i, j] = x[index[i, j], j] for axis 0 */ \
  X(scatter, (InOut, In, Operand, int32_t), "out index src axis") /* out[index[i, j], j] = src[i, j] */ \
  X(scatterReduce, (InOut, In, Operand, int32_t, int32_t), "out index src axis rule") /* 0 add, 1 multiply, 2 maximum, 3 minimum */ \
  X(indexGet, (Out, In, InList, int32_t), "out x indices negative") /* out[i, ...] = x[a[i], b[i], ...]; negative: indices count from the end */ \
  X(indexPut, (InOut, InList, Operand, int32_t, int32_t), "out indices src add negative") /* out[a[i], b[i], ...] = or += src[i, ...] */ \
  X(repeatIndices, (Out, In), "out repeats") /* i, repeats[i] times */ \
  X(overlapAdd, (InOut, In), "out x") /* out += x where elements of out may coincide */
// clang-format on
