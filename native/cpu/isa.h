// Which instruction set's kernels to run.
#pragma once
#include "../core/thunk.h"

namespace wg::cpu {

struct Isa {
  const char* name;
  const KernelRow* (*table)();
  bool (*supported)();
};

/// From the most capable to the baseline, which every machine of the architecture supports.
extern const Isa kIsas[];
extern const int kIsaCount;

}  // namespace wg::cpu
