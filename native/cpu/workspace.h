// Scratch an op needs besides its arguments, asked before it is queued so that no kernel allocates.
//
// table.cc fills KernelRow::workspace for exactly the ops listed here: `<op>Workspace` takes the op's own
// arguments and returns bytes (0: none). The stream then carries at least that many, 64-byte aligned, in
// s.scratch. Sizes depend on shapes, strides, parameters and dtype only; never on data, and not on the number
// of threads either, which may change between the question and the run. An ISA's queries answer for that
// ISA's kernels: tiles differ.
#pragma once

// clang-format off
#define WG_WORKSPACE_OPS(X) \
  X(matmul) X(conv2d) X(conv2dGradInput) X(conv2dGradWeight) X(conv3d) X(conv3dGradInput) \
  X(conv3dGradWeight) X(cholesky) X(triangularSolve) X(luFactor) X(solve) X(inverse) X(det) X(slogdet) \
  X(cofactor) X(qr) X(eigh) X(eigvalsh) X(svd) X(svdvals) X(matrixExp) X(sort) X(topk) X(mode) \
  X(histogram) X(nms) X(rowNormGradWeight) X(rowNormGrads) X(batchNorm) X(batchNormGrad) X(fft) X(rfft) X(irfft) \
  X(attentionGrad)
// clang-format on
