// The families whose rows all have a CUDA kernel; every other row reports ERR_UNSUPPORTED.
#pragma once
#include "../ops.h"
#include "prototype.h"

// clang-format off
#define WG_CUDA_OPS(X) \
  WG_MEMORY_ROWS(X) \
  WG_CREATE_ROWS(X) \
  WG_LINALG_ROWS(X) \
  WG_FFT_ROWS(X) \
  WG_ELEMENTWISE_ROWS(X) \
  WG_ARITHMETIC_ROWS(X) \
  WG_ELEMENTARY_ROWS(X) \
  WG_SPECIAL_ROWS(X) \
  WG_ACTIVATION_ROWS(X) \
  WG_RANDOM_ROWS(X) \
  WG_OPTIM_ROWS(X) \
  WG_REDUCE_ROWS(X) \
  WG_SCAN_ROWS(X) \
  WG_SOFTMAX_ROWS(X) \
  WG_NORM_ROWS(X) \
  WG_BATCH_NORM_ROWS(X) \
  WG_LOSS_ROWS(X) \
  WG_RECURRENT_ROWS(X) \
  WG_INDEX_ROWS(X) \
  WG_MASKED_ROWS(X) \
  WG_PAD_ROWS(X) \
  WG_POOL_ROWS(X) \
  WG_SORT_ROWS(X) \
  WG_EMBEDDING_ROWS(X) \
  WG_MATRIX_ROWS(X) \
  WG_CONV_ROWS(X) \
  WG_IMAGE_ROWS(X) \
  WG_ATTENTION_ROWS(X)

/// The rows whose kernels compute on float16 and bfloat16; others are given float32 by the layers above.
#define WG_CUDA_HALF_OPS(X) \
  X(matmul) \
  X(conv2d) X(conv2dGradInput) X(conv2dGradWeight) \
  X(conv3d) X(conv3dGradInput) X(conv3dGradWeight) \
  X(attention) X(attentionGrad)
// clang-format on

WG_CUDA_PROTOTYPES(WG_CUDA_OPS)
