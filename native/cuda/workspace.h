// Scratch an op needs on the device besides its arguments; as native/cpu/workspace.h, with sizes of CUDA's
// own. `<op>Workspace` takes the op's arguments and returns bytes.
#pragma once
#include <cstddef>

namespace wg::cuda {

/// Room for what an optimizer step's first kernel leaves for the second.
inline constexpr size_t kRuleBytes = 256;

}  // namespace wg::cuda

// clang-format off
#define WG_CUDA_WORKSPACE_OPS(X) \
  X(sum) X(mean) X(amax) X(amin) X(prod) X(variance) X(argmax) X(argmin) \
  X(cumsum) X(cumprod) X(logcumsumexp) X(cummax) X(cummin) X(linearScan) \
  X(rowNormGradWeight) X(rowNormGrads) X(batchNorm) X(batchNormGrad) \
  X(indexAdd) X(indexPut) X(scatter) X(scatterReduce) X(overlapAdd) X(repeatIndices) X(maxPool2dGrad) \
  X(maxUnpool2d) X(sort) X(topk) X(mode) X(runs) X(histogram) \
  X(cholesky) X(triangularSolve) X(luFactor) X(solve) X(inverse) X(det) X(slogdet) X(cofactor) X(qr) X(eigh) \
  X(eigvalsh) X(svd) X(svdvals) X(matrixExp) X(fft) X(rfft) X(irfft) \
  X(matmul) X(conv2d) X(conv2dGradInput) X(conv2dGradWeight) X(conv3d) X(conv3dGradInput) \
  X(attentionGrad) X(conv3dGradWeight) X(gridSampleGradInput) X(nms) \
  X(lambStep) X(globalNorm)
/// Those that take kRuleBytes.
#define WG_CUDA_RULE_OPS(X) \
  X(sgdStep) X(adamStep) X(adamaxStep) X(nadamStep) X(radamStep) X(rmspropStep) X(adagradStep) X(adadeltaStep) \
  X(lionStep) X(emaStep)
// clang-format on
