// Convolutions on tensor cores. Images and filters whose channels do not lie together, or that have another
// dtype, are copied into scratch memory first. `core`: see gemm::coreOf(). Host code only.
#pragma once
#include "geometry.h"

namespace wg::cuda::conv {

/// False: the scratch holds less than coreBytes().
bool runCores(Stream& s, const Geometry& g, const Operands& o, DType core);
size_t coreBytes(const Geometry& g, const Operands& o, DType core);

/// The weight gradient.
bool runCoreWeights(Stream& s, const Geometry& g, const View& dWeight, const View& x, const View& dy,
                    DType core);
size_t coreWeightBytes(const Geometry& g, const View& dWeight, const View& x, const View& dy, DType core);

}  // namespace wg::cuda::conv
