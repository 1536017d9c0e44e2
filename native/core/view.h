// What a kernel sees of a tensor: plain data without member functions, because ISA-specific files include it
// and an inline body shared between them could be emitted with instructions the machine lacks.
#pragma once
#include "dtype.h"

namespace wg {

inline constexpr int kMaxRank = 8;

/// Strided view of device memory. `data` already points at the first element; shape and stride count
/// elements, strides may be zero (broadcast) or negative.
struct View {
  void* data;
  DType dtype;
  int32_t rank;
  int64_t shape[kMaxRank];
  int64_t stride[kMaxRank];
};

struct Out : View {};      ///< written whole, never read
struct In : View {};       ///< only read
struct InOut : View {};    ///< read and written in place
struct MaybeIn : View {};  ///< an input that may be absent: then `data` is null and rank is -1

/// An input of an elementwise op: a tensor, or a JavaScript number that never became one.
struct Operand {
  View view;  ///< meaningless when isNumber
  double number;
  bool isNumber;
};

/// Variable-length argument of multi-tensor kernels.
struct InList {
  const View* items;
  int64_t count;
};
struct InOutList {
  const View* items;
  int64_t count;
};

}  // namespace wg
