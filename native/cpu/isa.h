// Which instruction set's kernels to run.
#pragma once
#include "../core/thunk.h"
#include "peak.h"

namespace wg::cpu {

struct Isa {
  const char* name;
  const KernelRow* (*table)();
  const PeakLoops* (*loops)();
  bool (*supported)();
};

/// From the most capable to the baseline, which every machine of the architecture supports.
extern const Isa kIsas[];
extern const int kIsaCount;

/// The one in use: the best this machine supports, or what WARPGRAD_ISA names.
const Isa& isa();

}  // namespace wg::cpu
