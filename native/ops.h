// THE OP TABLE: every kernel's name, argument types and argument names, once. Prototypes, kernel tables,
// argument decoding and the TypeScript declarations all come from it (thunk.h, binding/decode.h,
// lib/native/kernels.gen.ts).
//
// Conventions. Shapes, broadcasting, promotion and defaults are settled in lib/ops; a kernel gets views that
// already broadcast (stride 0). Outputs come first. A kernel never allocates; it checks the shape relations
// it relies on with require(), so memory safety does not rest on TypeScript.
#pragma once
#include "core/stream.h"
#include "core/view.h"
#include "ops/binary.h"
#include "ops/unary.h"

namespace wg {

/// One reflected member of a parameter struct.
template <class S, class M>
struct Field {
  const char* name;
  M S::*member;
};
template <class S, class M>
Field(const char*, M S::*) -> Field<S, M>;

template <class... F>
struct Fields;
template <>
struct Fields<> {};
template <class F, class... R>
struct Fields<F, R...> {
  F head;
  Fields<R...> tail;
};
template <class F, class... R>
constexpr Fields<F, R...> fields(F head, R... tail) {
  if constexpr (sizeof...(R) == 0) return {head, {}};
  else return {head, fields(tail...)};
}

struct Conv2dParams {
  int32_t strideH, strideW, padH, padW, dilationH, dilationW, groups;
  static constexpr const char* kName = "Conv2dParams";
  static constexpr auto kFields =
      fields(Field{"strideH", &Conv2dParams::strideH}, Field{"strideW", &Conv2dParams::strideW},
             Field{"padH", &Conv2dParams::padH}, Field{"padW", &Conv2dParams::padW},
             Field{"dilationH", &Conv2dParams::dilationH}, Field{"dilationW", &Conv2dParams::dilationW},
             Field{"groups", &Conv2dParams::groups});
};

struct Pool2dParams {
  int32_t kernelH, kernelW, strideH, strideW, padH, padW, dilationH, dilationW;
  int32_t countIncludePad;  ///< average pooling only
  static constexpr const char* kName = "Pool2dParams";
  static constexpr auto kFields =
      fields(Field{"kernelH", &Pool2dParams::kernelH}, Field{"kernelW", &Pool2dParams::kernelW},
             Field{"strideH", &Pool2dParams::strideH}, Field{"strideW", &Pool2dParams::strideW},
             Field{"padH", &Pool2dParams::padH}, Field{"padW", &Pool2dParams::padW},
             Field{"dilationH", &Pool2dParams::dilationH}, Field{"dilationW", &Pool2dParams::dilationW},
             Field{"countIncludePad", &Pool2dParams::countIncludePad});
};

// Families list their ops beside the element bodies, in ops/unary.h and ops/binary.h; here each entry becomes
// its rows. A unary op has two: name(out, x) and nameGrad(dx, saved, dy), where `saved` is the forward input
// or output, whichever the struct's kSaves says.
#define WG_UNARY_ROWS(X, Struct, name) X(name, (Out, In), "out x") X(name##Grad, (Out, In, In), "dx saved dy")
#define WG_BINARY_ROW(X, Struct, name) X(name, (Out, Operand, Operand), "out a b")

// clang-format off
#define WG_OPS(X)                                                                                                           \
  /* creation and copies */                                                                                                 \
  X(fill, (Out, double), "out value")                                                                                       \
  X(arange, (Out, double, double), "out start step")                                                                        \
  X(copy, (Out, In), "out x") /* strided, casting; float to int saturates, NaN to 0 */                                      \
  /* elementwise */                                                                                                         \
  WG_UNARY(WG_UNARY_ROWS, X)                                                                                                \
  WG_BINARY(WG_BINARY_ROW, X)                                                                                               \
  WG_COMPARE(WG_BINARY_ROW, X)                                                                                              \
  X(where, (Out, In, Operand, Operand), "out condition a b")                                                                \
  X(anyNonFinite, (Out, In), "out x") /* rank-0 bool */                                                                     \
  /* reductions: out has x's rank, reduced axes have size 1 in out */                                                       \
  X(sum, (Out, In), "out x")                                                                                                \
  X(mean, (Out, In), "out x")                                                                                               \
  X(amax, (Out, In), "out x") /* NaN wins */                                                                                \
  X(amin, (Out, In), "out x")                                                                                               \
  X(argmax, (Out, In), "out x") /* one axis reduced; out int32 or int64; first of equals; NaN wins */                       \
  /* matrices: rank >= 2 everywhere, equal ranks, batch axes may have stride 0; bias [N] is added to every row */           \
  X(matmul, (Out, In, In, MaybeIn), "out a b bias")                                                                         \
  /* rows of x [R, ...] chosen by int indices [...]: out [indices..., ...]; out of range is ERR_INDEX */                    \
  X(index, (Out, In, In), "out x indices")                                                                                  \
  X(indexAdd, (InOut, In, In), "out indices dy") /* out[indices[i]] += dy[i], in a fixed order */                           \
  /* convolution and pooling, NCHW, float32/float64 */                                                                      \
  X(conv2d, (Out, In, In, MaybeIn, Conv2dParams), "out x weight bias params")                                               \
  X(conv2dGradInput, (Out, In, In, Conv2dParams), "dx dy weight params")                                                    \
  X(conv2dGradWeight, (Out, In, In, Conv2dParams), "dWeight x dy params")                                                   \
  X(maxPool2d, (Out, Out, In, Pool2dParams), "out indices x params") /* indices int32: h * W + w of the winner */           \
  X(maxPool2dGrad, (Out, In, In), "dx indices dy") /* also the scatter of any [N,C,OH,OW] back to [N,C,H,W] */              \
  X(maxPool2dGather, (Out, In, In), "out indices x") /* x[N,C,H,W] read at the winners */                                   \
  X(avgPool2d, (Out, In, Pool2dParams), "out x params")                                                                     \
  X(avgPool2dGrad, (Out, In, Pool2dParams), "dx dy params")                                                                 \
  /* softmax family over the last axis */                                                                                   \
  X(softmax, (Out, In), "out x")                                                                                            \
  X(softmaxGrad, (Out, In, In), "dx out dy")                                                                                \
  X(logSoftmax, (Out, In), "out x")                                                                                         \
  X(logSoftmaxGrad, (Out, In, In), "dx out dy")                                                                             \
  X(logsumexp, (Out, In), "out x") /* out: the last axis has size 1 */                                                      \
  /* logits [N, C], int labels [N], losses and logSumExp [N]; a label equal to ignoreIndex gives loss 0 and gradient 0 */   \
  X(crossEntropy, (Out, Out, In, In, double), "losses logSumExp logits labels ignoreIndex")                                 \
  X(crossEntropyGrad, (Out, In, In, In, In, double), "dLogits logits logSumExp labels dLosses ignoreIndex")                 \
  /* random: state and used are int64 [seed, offset]; Philox4x32-10, one counter per four 32-bit draws */                   \
  X(rngTake, (Out, InOut, double), "used state count") /* used = state; state.offset += count */                            \
  X(uniform, (Out, In, double, double), "out used low high")                                                                \
  X(normal, (Out, In, double, double), "out used mean std")                                                                 \
  X(dropout, (Out, In, In, double), "out x used p") /* keeps with 1-p, scales by 1/(1-p); float */                          \
  /* multi-tensor optimizer steps; hyper and state are float64 vectors on the device */                                     \
  X(sgdStep, (InOutList, InList, InOutList, InOut, In, int32_t), "params grads momentum state hyper nesterov")              \
  X(adamStep, (InOutList, InList, InOutList, InOutList, InOut, In, int32_t), "params grads m v state hyper decoupled")      \
  X(globalNorm, (Out, InList), "norm grads")                                                                                \
  X(clipScale, (InOutList, In, double), "grads norm maxNorm")
// clang-format on

enum class Op : int32_t {
#define WG_ENUM(name, args, names) name,
  WG_OPS(WG_ENUM)
#undef WG_ENUM
      count
};

}  // namespace wg
