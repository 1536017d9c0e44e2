import { setAccumulate } from '../autograd/backward.ts';
import { add } from './binary.ts';
import './methods.ts';

setAccumulate(add);

export { add, div, maximum, minimum, mul, pow, sub } from './binary.ts';
export type { BinaryOp } from './elementwise.ts';
export type { ToOptions } from './cast.ts';
export { cast, clone, contiguous, detach, to } from './cast.ts';
export { eq, ge, gt, le, lt, ne } from './compare.ts';
export type { Conv2dOptions, Pair } from './conv.ts';
export { conv2d } from './conv.ts';
export type { ArangeOptions, EyeOptions } from './creation.ts';
export { arange, empty, emptyLike, eye, full, fullLike, ones, onesLike, zeros, zerosLike } from './creation.ts';
export { index, index as indexSelect } from './index-select.ts';
export { add_, copy_, div_, fill_, mul_, sub_, zero_ } from './inplace.ts';
export { cat, stack } from './join.ts';
export type { ClassLossOptions, CrossEntropyOptions, LossOptions, Reduction } from './loss.ts';
export { crossEntropy, mseLoss, nllLoss } from './loss.ts';
export { linear, matmul } from './matmul.ts';
export type { BatchNormOptions } from './norm.ts';
export { batchNorm } from './norm.ts';
export type { AvgPoolOptions, MaxPoolOptions } from './pool.ts';
export { avgPool2d, maxPool2d } from './pool.ts';
export type { DropoutOptions, RandomOptions } from './random.ts';
export { dropout, normal, rand, randn, uniform } from './random.ts';
export type { ReduceArgument, ReduceOptions, VarianceOptions } from './reduce.ts';
export { amax, amin, argmax, mean, sum, variance } from './reduce.ts';
export type { Value } from './shared.ts';
export type { Range } from './slice.ts';
export { copySlice, slice } from './slice.ts';
export type { AxisArgument } from './softmax.ts';
export { logSoftmax, softmax } from './softmax.ts';
export {
  abs,
  cos,
  erf,
  exp,
  floor,
  log,
  neg,
  reciprocal,
  relu,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  tanh,
} from './unary.ts';
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
