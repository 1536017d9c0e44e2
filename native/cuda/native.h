// What Stream::native points at while the host part of an op runs: where its launches go, and what it may
// learn and leave about failures that only the device sees.
#pragma once
#include "../core/stream.h"
#include "runtime.h"

namespace wg::cuda {

class ErrorCells;

struct Native {
  cudaStream_t stream;
  ErrorCells* cells;
  uint64_t after, last;  ///< what the op reads may be spoiled by the cells numbered (after, last]
  const uint32_t*
      outer;             ///< inside a graph: a word that says the same of what it reads from outside, or null
  uint64_t cell = 0;     ///< number of the cell this op has taken; 0: none
  bool guarded = false;  ///< the op writes nothing when what it reads is spoiled
};

inline Native& nativeOf(const Stream& s) { return *static_cast<Native*>(s.native); }
inline cudaStream_t streamOf(const Stream& s) { return nativeOf(s).stream; }

}  // namespace wg::cuda
