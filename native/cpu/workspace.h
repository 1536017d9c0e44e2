// Scratch an op needs besides its arguments, asked before it is queued so that no kernel allocates.
//
// table.cc fills KernelRow::workspace for exactly the ops declared here: `<op>Workspace` takes the op's own
// arguments and returns bytes (0: none). The stream then carries at least that many, 64-byte aligned, in
// s.scratch. Sizes depend on shapes, strides, parameters and dtype only; never on data, and not on the number
// of threads either, which may change between the question and the run. An ISA's queries answer for that
// ISA's kernels: tiles differ.
#pragma once
#include <cstddef>

#include "../ops.h"

#ifndef WG_ISA
#define WG_ISA generic
#endif

namespace wg::cpu {
inline namespace WG_ISA {

size_t matmulWorkspace(const Out& out, const In& a, const In& b, const MaybeIn& bias);
size_t conv2dWorkspace(const Out& out, const In& x, const In& weight, const MaybeIn& bias,
                       const Conv2dParams& params);
size_t conv2dGradInputWorkspace(const Out& dx, const In& dy, const In& weight, const Conv2dParams& params);
size_t conv2dGradWeightWorkspace(const Out& dWeight, const In& x, const In& dy, const Conv2dParams& params);

/// Expands X(op) for every op with a query above.
#define WG_WORKSPACE_OPS(X) X(matmul) X(conv2d) X(conv2dGradInput) X(conv2dGradWeight)

}  // namespace WG_ISA
}  // namespace wg::cpu
