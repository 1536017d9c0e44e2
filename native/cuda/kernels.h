// The families whose rows all have a CUDA kernel; every other row reports ERR_UNSUPPORTED.
#pragma once
#include "../ops.h"
#include "prototype.h"

// clang-format off
#define WG_CUDA_OPS(X) \
  WG_MEMORY_ROWS(X) \
  WG_CREATE_ROWS(X)
// clang-format on

WG_CUDA_PROTOTYPES(WG_CUDA_OPS)
