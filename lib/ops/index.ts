import { setAccumulate } from '../autograd/sweep.ts';
import { setCast } from '../autograd/precision.ts';
import { add } from './binary.ts';
import { castTo } from './cast.ts';
import './methods.ts';
import './methods-reduce.ts';

setAccumulate(add);
setCast(castTo);

export * from './aliases.ts';
export * from './arithmetic.ts';
export type { Place } from './at.ts';
export { at } from './at.ts';
export type { Index, IndexRange } from './at-plan.ts';
export * from './bessel.ts';
export * from './binary.ts';
export * from './bitwise.ts';
export type { BinaryOp } from './elementwise.ts';
export type { ToOptions } from './cast.ts';
export { cast, clone, contiguous, detach, to } from './cast.ts';
export * from './closeness.ts';
export * from './compare.ts';
export * from './conv.ts';
export type { ArangeOptions, EyeOptions } from './creation.ts';
export { arange, empty, emptyLike, eye, full, fullLike, ones, onesLike, zeros, zerosLike } from './creation.ts';
export type { FixedSize } from './counted.ts';
export type { PutOptions } from './index-many.ts';
export { index, index as indexSelect } from './index-select.ts';
export { chainMatmul, einsum, multiDot, tensordot } from './einsum.ts';
export * from './im2col.ts';
export * from './indexing.ts';
export * from './functional.ts';
export * from './division.ts';
export * from './inplace.ts';
export * from './grids.ts';
export * from './one-hot.ts';
export * from './join.ts';
export * from './logic.ts';
export * from './linear-algebra.ts';
export * from './linear-cross-entropy.ts';
export * from './loss.ts';
export * from './loss-binary.ts';
export * from './loss-ctc.ts';
export * from './loss-margin.ts';
export * from './loss-regression.ts';
export type { LossOptions, Reduction } from './loss-shared.ts';
export * from './matmul.ts';
export * from './group-norm.ts';
export * from './norm.ts';
export type { LayerNormOptions, RmsNormOptions } from './row-norm.ts';
export { layerNorm, rmsNorm } from './row-norm.ts';
export * from './similarity.ts';
export type { AddProductOptions } from './products.ts';
export * from './products.ts';
export * from './dropout.ts';
export type { AvgPoolOptions, MaxPoolOptions, PoolOptions, WithIndices } from './pool.ts';
export {
  avgPool1d,
  avgPool2d,
  avgPool3d,
  lpPool1d,
  lpPool2d,
  lpPool3d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from './pool.ts';
export * from './pool-adaptive.ts';
export * from './pool-fractional.ts';
export * from './boxes.ts';
export type { GridSampleOptions } from './grid-sample.ts';
export { affineGrid, gridSample } from './grid-sample.ts';
export * from './interpolate.ts';
export * from './gumbel-softmax.ts';
export * from './random.ts';
export * from './random-distributions.ts';
export * from './random-inplace.ts';
export * from './random-integers.ts';
export type { PadMode, PadOptions } from './pad.ts';
export * from './shaping.ts';
export { amax, amin, mean, sum } from './reduce.ts';
export type { ReduceArgument, ReduceOptions } from './reduce-shared.ts';
export * from './reductions.ts';
export type { Value } from './shared.ts';
export type { Range } from './slice.ts';
export { copySlice, slice } from './slice.ts';
export type { AxisArgument } from './softmax.ts';
export { logSoftmax, logsumexp, softmax, softmin } from './softmax.ts';
export * from './sequences.ts';
export * from './ternary.ts';
export * from './exponential.ts';
export * from './nan-to-num.ts';
export * from './predicates.ts';
export * from './rounding.ts';
export * from './trig.ts';
export * from './special.ts';
export { digamma, lgamma, mvlgamma, polygamma } from './gamma.ts';
export * from './activation.ts';
export * from './clipping.ts';
export * from './gated.ts';
export * from './slopes.ts';
export * from './unary.ts';
export {
  broadcastTo,
  expand,
  flatten,
  narrow,
  permute,
  reshape,
  select,
  squeeze,
  transpose,
  unsqueeze,
  view,
} from './view.ts';
export { where } from './where.ts';
export * from './windows.ts';
export type { Pair, Sizes } from './window.ts';
export type { AttentionOptions } from './attention.ts';
export { scaledDotProductAttention } from './attention.ts';
export type { EmbeddingOptions, LookupOptions } from './embedding.ts';
export { embedding } from './embedding.ts';
export type { EmbeddingBagOptions } from './embedding-bag.ts';
export { embeddingBag } from './embedding-bag.ts';
export type { PackedSequence, PackOptions, UnpackOptions } from './packed.ts';
export { packPaddedSequence, packSequence, padPackedSequence } from './packed.ts';
export type { LstmOptions, RecurrentOptions, RecurrentWeights, RnnOptions } from './recurrent.ts';
export { gru, gruCell, lstm, lstmCell, rnn, rnnCell } from './recurrent.ts';
export type { RopeOptions } from './rope.ts';
export { rope, sinusoidalPositions } from './rope.ts';
