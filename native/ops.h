// THE OP TABLE: every kernel's name, argument types and argument names, once. Prototypes, kernel tables,
// argument decoding and the TypeScript declarations all come from it (thunk.h, binding/decode.h,
// lib/native/kernels.gen.ts). The rows stand by family in ops/rows/, so that a kernel's file depends on its
// own family alone.
//
// Conventions. Shapes, broadcasting, promotion and defaults are settled in lib/ops; a kernel gets views that
// already broadcast (stride 0). Outputs come first. A kernel never allocates; it checks the shape relations
// it relies on with require(), so memory safety does not rest on TypeScript.
#pragma once
#include "core/stream.h"
#include "core/view.h"
#include "ops/rows/activation.h"
#include "ops/rows/arithmetic.h"
#include "ops/rows/attention.h"
#include "ops/rows/batch_norm.h"
#include "ops/rows/conv.h"
#include "ops/rows/create.h"
#include "ops/rows/elementary.h"
#include "ops/rows/elementwise.h"
#include "ops/rows/embedding.h"
#include "ops/rows/fft.h"
#include "ops/rows/image.h"
#include "ops/rows/index.h"
#include "ops/rows/linalg.h"
#include "ops/rows/loss.h"
#include "ops/rows/masked.h"
#include "ops/rows/matrix.h"
#include "ops/rows/memory.h"
#include "ops/rows/norm.h"
#include "ops/rows/optim.h"
#include "ops/rows/pad.h"
#include "ops/rows/pool.h"
#include "ops/rows/random.h"
#include "ops/rows/recurrent.h"
#include "ops/rows/reduce.h"
#include "ops/rows/scan.h"
#include "ops/rows/softmax.h"
#include "ops/rows/sort.h"
#include "ops/rows/special.h"

// clang-format off
#define WG_OPS(X) \
  WG_MEMORY_ROWS(X) \
  WG_CREATE_ROWS(X) \
  WG_ELEMENTWISE_ROWS(X) \
  WG_ARITHMETIC_ROWS(X) \
  WG_ELEMENTARY_ROWS(X) \
  WG_SPECIAL_ROWS(X) \
  WG_ACTIVATION_ROWS(X) \
  WG_REDUCE_ROWS(X) \
  WG_MATRIX_ROWS(X) \
  WG_LINALG_ROWS(X) \
  WG_FFT_ROWS(X) \
  WG_INDEX_ROWS(X) \
  WG_MASKED_ROWS(X) \
  WG_PAD_ROWS(X) \
  WG_CONV_ROWS(X) \
  WG_POOL_ROWS(X) \
  WG_IMAGE_ROWS(X) \
  WG_SCAN_ROWS(X) \
  WG_SOFTMAX_ROWS(X) \
  WG_SORT_ROWS(X) \
  WG_LOSS_ROWS(X) \
  WG_NORM_ROWS(X) \
  WG_BATCH_NORM_ROWS(X) \
  WG_RANDOM_ROWS(X) \
  WG_OPTIM_ROWS(X) \
  WG_ATTENTION_ROWS(X) \
  WG_EMBEDDING_ROWS(X) \
  WG_RECURRENT_ROWS(X)
// clang-format on

namespace wg {

enum class Op : int32_t {
#define WG_ENUM(name, args, names) name,
  WG_OPS(WG_ENUM)
#undef WG_ENUM
      count
};

}  // namespace wg
