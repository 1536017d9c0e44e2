// Printed from native/ops.h by `npm run gen`; do not edit.
import type { KernelView } from './kernels.ts';

export interface Conv2dParams {
  readonly strideH: number;
  readonly strideW: number;
  readonly padH: number;
  readonly padW: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly groups: number;
}

export interface Conv3dParams {
  readonly strideD: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly padD: number;
  readonly padH: number;
  readonly padW: number;
  readonly dilationD: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly groups: number;
}

export interface Im2colParams {
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly padH: number;
  readonly padW: number;
  readonly dilationH: number;
  readonly dilationW: number;
}

export interface PadParams {
  readonly mode: number;
  readonly beforeD: number;
  readonly beforeH: number;
  readonly beforeW: number;
}

export interface Pool2dParams {
  readonly kernelH: number;
  readonly kernelW: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly padH: number;
  readonly padW: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly countIncludePad: number;
}

/** Every kernel, in the order of the op table. */
export interface Kernels {
  fill(out: KernelView, value: number): void;
  arange(out: KernelView, start: number, step: number): void;
  copy(out: KernelView, x: KernelView): void;
  anyNonFinite(out: KernelView, x: KernelView): void;
  linspace(out: KernelView, start: number, end: number): void;
  oneHot(out: KernelView, labels: KernelView): void;
  neg(out: KernelView, x: KernelView): void;
  negGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  abs(out: KernelView, x: KernelView): void;
  absGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  sign(out: KernelView, x: KernelView): void;
  signGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  exp(out: KernelView, x: KernelView): void;
  expGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  log(out: KernelView, x: KernelView): void;
  logGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  sqrt(out: KernelView, x: KernelView): void;
  sqrtGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  square(out: KernelView, x: KernelView): void;
  squareGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  reciprocal(out: KernelView, x: KernelView): void;
  reciprocalGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  rsqrt(out: KernelView, x: KernelView): void;
  rsqrtGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  sin(out: KernelView, x: KernelView): void;
  sinGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  cos(out: KernelView, x: KernelView): void;
  cosGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  tanh(out: KernelView, x: KernelView): void;
  tanhGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  sigmoid(out: KernelView, x: KernelView): void;
  sigmoidGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  relu(out: KernelView, x: KernelView): void;
  reluGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  erf(out: KernelView, x: KernelView): void;
  erfGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  floor(out: KernelView, x: KernelView): void;
  floorGrad(dx: KernelView, saved: KernelView, dy: KernelView): void;
  add(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  sub(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  mul(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  div(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  maximum(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  minimum(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  fmax(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  fmin(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  pow(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  eq(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  ne(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  lt(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  le(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  gt(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  ge(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  logicalAnd(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  logicalOr(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  logicalXor(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  where(out: KernelView, condition: KernelView, a: KernelView | number, b: KernelView | number): void;
  floorDivide(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  truncDivide(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  remainder(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  fmod(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  atan2(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  hypot(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  logaddexp(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  logaddexp2(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  xlogy(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  copysign(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  bitwiseAnd(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  bitwiseOr(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  bitwiseXor(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  bitwiseLeftShift(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  bitwiseRightShift(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  gcd(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  lcm(out: KernelView, a: KernelView | number, b: KernelView | number): void;
  heaviside(out: KernelView, x: KernelView | number, atZero: KernelView | number): void;
  lerp(out: KernelView, a: KernelView | number, b: KernelView | number, c: KernelView | number): void;
  clamp(out: KernelView, a: KernelView | number, b: KernelView | number, c: KernelView | number): void;
  addcmul(out: KernelView, a: KernelView | number, b: KernelView | number, c: KernelView | number, scale: number): void;
  addcdiv(out: KernelView, a: KernelView | number, b: KernelView | number, c: KernelView | number, scale: number): void;
  sum(out: KernelView, x: KernelView): void;
  mean(out: KernelView, x: KernelView): void;
  amax(out: KernelView, x: KernelView): void;
  amin(out: KernelView, x: KernelView): void;
  prod(out: KernelView, x: KernelView): void;
  variance(out: KernelView, x: KernelView, correction: number): void;
  argmax(out: KernelView, x: KernelView): void;
  argmin(out: KernelView, x: KernelView): void;
  matmul(out: KernelView, a: KernelView, b: KernelView, bias: KernelView | null): void;
  index(out: KernelView, x: KernelView, indices: KernelView): void;
  indexAdd(out: KernelView, indices: KernelView, dy: KernelView): void;
  gather(out: KernelView, x: KernelView, index: KernelView, axis: number): void;
  scatter(out: KernelView, index: KernelView, src: KernelView | number, axis: number): void;
  scatterReduce(out: KernelView, index: KernelView, src: KernelView | number, axis: number, rule: number): void;
  indexGet(out: KernelView, x: KernelView, indices: readonly KernelView[], negative: number): void;
  indexPut(out: KernelView, indices: readonly KernelView[], src: KernelView | number, add: number, negative: number): void;
  repeatIndices(out: KernelView, repeats: KernelView): void;
  overlapAdd(out: KernelView, x: KernelView): void;
  nonzeroCount(offsets: KernelView, x: KernelView): void;
  nonzero(out: KernelView, x: KernelView, offsets: KernelView, fill: number): void;
  maskedSelect(out: KernelView, x: KernelView, mask: KernelView, offsets: KernelView, fill: number): void;
  maskedScatter(out: KernelView, mask: KernelView, offsets: KernelView, src: KernelView, strict: number): void;
  triangle(out: KernelView, x: KernelView, diagonal: number, upper: number): void;
  pad(out: KernelView, x: KernelView, params: PadParams): void;
  padGrad(dx: KernelView, dy: KernelView, params: PadParams): void;
  im2col(out: KernelView, x: KernelView, params: Im2colParams): void;
  col2im(out: KernelView, x: KernelView, params: Im2colParams): void;
  conv2d(out: KernelView, x: KernelView, weight: KernelView, bias: KernelView | null, params: Conv2dParams): void;
  conv2dGradInput(dx: KernelView, dy: KernelView, weight: KernelView, bias: KernelView | null, params: Conv2dParams): void;
  conv2dGradWeight(dWeight: KernelView, x: KernelView, dy: KernelView, params: Conv2dParams): void;
  conv3d(out: KernelView, x: KernelView, weight: KernelView, bias: KernelView | null, params: Conv3dParams): void;
  conv3dGradInput(dx: KernelView, dy: KernelView, weight: KernelView, bias: KernelView | null, params: Conv3dParams): void;
  conv3dGradWeight(dWeight: KernelView, x: KernelView, dy: KernelView, params: Conv3dParams): void;
  maxPool2d(out: KernelView, indices: KernelView, x: KernelView, params: Pool2dParams): void;
  maxPool2dGrad(dx: KernelView, indices: KernelView, dy: KernelView): void;
  maxPool2dGather(out: KernelView, indices: KernelView, x: KernelView): void;
  avgPool2d(out: KernelView, x: KernelView, params: Pool2dParams): void;
  avgPool2dGrad(dx: KernelView, dy: KernelView, params: Pool2dParams): void;
  cumsum(out: KernelView, x: KernelView, axis: number): void;
  cumprod(out: KernelView, x: KernelView, axis: number): void;
  logcumsumexp(out: KernelView, x: KernelView, axis: number): void;
  cummax(out: KernelView, indices: KernelView, x: KernelView, axis: number): void;
  cummin(out: KernelView, indices: KernelView, x: KernelView, axis: number): void;
  linearScan(out: KernelView, a: KernelView, b: KernelView, axis: number): void;
  softmax(out: KernelView, x: KernelView): void;
  softmaxGrad(dx: KernelView, out: KernelView, dy: KernelView): void;
  logSoftmax(out: KernelView, x: KernelView): void;
  logSoftmaxGrad(dx: KernelView, out: KernelView, dy: KernelView): void;
  logsumexp(out: KernelView, x: KernelView): void;
  crossEntropy(losses: KernelView, logSumExp: KernelView, logits: KernelView, labels: KernelView, ignoreIndex: number): void;
  crossEntropyGrad(dLogits: KernelView, logits: KernelView, logSumExp: KernelView, labels: KernelView, dLosses: KernelView, ignoreIndex: number): void;
  rngTake(used: KernelView, state: KernelView, count: number): void;
  uniform(out: KernelView, used: KernelView, low: number, high: number): void;
  normal(out: KernelView, used: KernelView, mean: number, std: number): void;
  dropout(out: KernelView, x: KernelView, used: KernelView, p: number): void;
  sgdStep(params: readonly KernelView[], grads: readonly KernelView[], momentum: readonly KernelView[], state: KernelView, hyper: KernelView, nesterov: number): void;
  adamStep(params: readonly KernelView[], grads: readonly KernelView[], m: readonly KernelView[], v: readonly KernelView[], state: KernelView, hyper: KernelView, decoupled: number): void;
  globalNorm(norm: KernelView, grads: readonly KernelView[]): void;
  clipScale(grads: readonly KernelView[], norm: KernelView, maxNorm: number): void;
}
