// Pooling by a moving window. Kernels work on planes [N, C, H, W]: rows are planes of height 1, and a volume is pooled
// first within its planes, then along its depth.
import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import type { Pool2dParams } from '../native/kernels.gen.ts';
import { kernels } from '../native/kernels.ts';
import { add, mul, pow } from './binary.ts';
import { arange } from './creation.ts';
import { requireFloat } from './shared.ts';
import { abs, relu, sign } from './unary.ts';
import { reshape } from './view.ts';
import type { Sizes } from './window.ts';
import { checkImages, checkSizes, outputSize, withBatch } from './window.ts';

export interface PoolOptions {
  /** Distance between windows; the window's size when omitted. */
  readonly stride?: Sizes | undefined;
  /** Whether a last window may reach beyond the end. Default false. */
  readonly ceilMode?: boolean | undefined;
}

export interface MaxPoolOptions extends PoolOptions {
  /** Places on both sides of each axis that are never the maximum. Default 0. */
  readonly padding?: Sizes | undefined;
  readonly dilation?: Sizes | undefined;
  /** Return [values, indices]: where the maxima stand in each flattened image, int32. */
  readonly returnIndices?: boolean | undefined;
}

export interface AvgPoolOptions extends PoolOptions {
  /** Zeros on both sides of each axis. Default 0. */
  readonly padding?: Sizes | undefined;
  /** Whether padded zeros count in the divisor. Default true. */
  readonly countIncludePad?: boolean | undefined;
  /** Instead of the number of elements. */
  readonly divisorOverride?: number | null | undefined;
}

/** Asks for the places of the maxima too. */
export type WithIndices<O> = O & { readonly returnIndices: true };

const maxPlanes = defineOp({
  name: 'maxPool2d',
  infer: (x: Spec, size: Shape, _p: Pool2dParams): readonly [Spec, Spec] => {
    const shape = [...x.shape.slice(0, 2), ...size];
    return [
      { shape, dtype: x.dtype },
      { shape, dtype: 'int32' },
    ];
  },
  forward: (ctx, x, _size, p) => kernels.maxPool2d(ctx.out, ctx.outputs[1] as Tensor, x, p),
  backward: (ctx, dy): Gradients => [winnersScatter(dy, ctx.outputs[1] as Tensor, ctx.args[0].shape), null, null],
  saves: [],
  savesOutputs: [1],
});

/** Zeros of `shape` [N, C, H, W] with each element of `dy` added where its maximum stood. */
export const winnersScatter: (dy: Tensor, indices: Tensor, shape: Shape) => Tensor = defineOp({
  name: 'maxPool2dGrad',
  infer: (dy: Spec, _indices: Tensor, shape: Shape): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, indices) => kernels.maxPool2dGrad(ctx.out, indices, dy),
  backward: (ctx, ddx): Gradients => [winnersGather(ddx, ctx.args[1]), null, null],
  saves: [1],
});

/** The elements of `x` at the places where the maxima stood; 0 where the index is -1. */
export const winnersGather: (x: Tensor, indices: Tensor) => Tensor = defineOp({
  name: 'maxPool2dGather',
  infer: (x: Spec, indices: Tensor): Spec => ({ shape: indices.shape, dtype: x.dtype }),
  forward: (ctx, x, indices) => kernels.maxPool2dGather(ctx.out, indices, x),
  backward: (ctx, dy): Gradients => [winnersScatter(dy, ctx.args[1], ctx.args[0].shape), null],
  saves: [1],
});

const avgPlanes = defineOp({
  name: 'avgPool2d',
  infer: (x: Spec, size: Shape, _p: Pool2dParams): Spec => {
    return { shape: [...x.shape.slice(0, 2), ...size], dtype: x.dtype };
  },
  forward: (ctx, x, _size, p) => kernels.avgPool2d(ctx.out, x, p),
  backward: (ctx, dy): Gradients => [avgPlanesGrad(dy, ctx.args[0].shape, ctx.args[2]), null, null],
  saves: [],
});

const avgPlanesGrad = defineOp({
  name: 'avgPool2dGrad',
  infer: (dy: Spec, shape: Shape, _p: Pool2dParams): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, _shape, p) => kernels.avgPool2dGrad(ctx.out, dy, p),
  backward: (ctx, ddx): Gradients => [avgPlanes(ddx, ctx.args[0].shape.slice(2), ctx.args[2]), null, null],
  saves: [],
});

/** A checked window over `rank` axes. */
interface PoolWindow {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  /** Sizes of the result. */
  readonly out: readonly number[];
}

type Given = PoolOptions & { readonly padding?: Sizes | undefined; readonly dilation?: Sizes | undefined };

function poolWindow(op: string, x: Tensor, rank: number, size: Sizes, options: Given): PoolWindow {
  checkOptions(op, options);
  checkImages(op, x, rank);
  requireFloat(op, x);
  const kernel = checkSizes(op, 'size', size, rank, 1);
  const stride = checkSizes(op, 'stride', options.stride ?? kernel, rank, 1);
  const padding = checkSizes(op, 'padding', options.padding ?? 0, rank, 0);
  const dilation = checkSizes(op, 'dilation', options.dilation ?? 1, rank, 1);
  // A window that lies in the padding alone would have no maximum.
  if (padding.some((p, i) => p > (kernel[i] as number) / 2)) {
    const sizes = `${formatShape(padding)} for ${formatShape(kernel)}`;
    throw argumentError(op, `padding must be at most half the window, got ${sizes}`);
  }
  const out = x.shape.slice(-rank).map((n, i) => {
    const [k, s, p, d] = [kernel[i], stride[i], padding[i], dilation[i]] as [number, number, number, number];
    if (options.ceilMode !== true) return outputSize(op, n, k, s, p, d);
    const count = Math.ceil((n + 2 * p - d * (k - 1) - 1) / s) + 1;
    if (count < 1)
      throw shapeError(op, `a window of ${d * (k - 1) + 1} does not fit into ${n} elements with padding ${p}`);
    // A window that would begin behind the input is left out.
    return (count - 1) * s >= n + p ? count - 1 : count;
  });
  return { kernel, stride, padding, dilation, out };
}

/** The kernel's parameters for axes `h` and `w` of a window; without `h` the planes have one row that matters. */
function planeParams(
  win: PoolWindow,
  h: number | null,
  w: number | null,
  count: boolean,
  divisor: number,
): Pool2dParams {
  const at = (values: readonly number[], axis: number | null, usual: number): number =>
    axis === null ? usual : (values[axis] as number);
  return {
    kernelH: at(win.kernel, h, 1),
    kernelW: at(win.kernel, w, 1),
    strideH: at(win.stride, h, 1),
    strideW: at(win.stride, w, 1),
    padH: at(win.padding, h, 0),
    padW: at(win.padding, w, 0),
    dilationH: at(win.dilation, h, 1),
    dilationW: at(win.dilation, w, 1),
    countIncludePad: count ? 1 : 0,
    divisor,
  };
}

/** [N, C, D, H, W] as planes [N, C · D, H, W]. */
function mergedDepth(x: Tensor): Tensor {
  const [n, c, d, h, w] = x.shape as [number, number, number, number, number];
  return reshape(x, [n, c * d, h, w]);
}

function maxOf(x: Tensor, win: PoolWindow, indices: boolean): readonly Tensor[] {
  const [n, c, ...size] = x.shape as [number, number, ...number[]];
  const shape = [n, c, ...win.out];
  if (size.length === 2) return maxPlanes(x, win.out, planeParams(win, 0, 1, false, 0));
  if (size.length === 1) {
    const row = reshape(x, [n, c, 1, ...size]);
    return maxPlanes(row, [1, ...win.out], planeParams(win, null, 0, false, 0)).map((each) => reshape(each, shape));
  }
  const [d, h, w] = size as [number, number, number];
  const [od, oh, ow] = win.out as [number, number, number];
  const within = maxPlanes(mergedDepth(x), [oh, ow], planeParams(win, 1, 2, false, 0));
  const [values, places] = within.map((each) => reshape(each, [n, c, d, oh * ow])) as [Tensor, Tensor];
  const along = maxPlanes(values, [od, oh * ow], planeParams(win, 0, null, false, 0)) as [Tensor, Tensor];
  const result = reshape(along[0], shape);
  if (!indices) return [result];
  if (size.reduce((a, b) => a * b) >= 2 ** 31)
    throw shapeError('maxPool3d', 'an image of 2^31 elements has no int32 indices');
  const depth = mul(arange(d, { dtype: 'int32', device: x.device }), h * w);
  const whole = add(places, reshape(depth, [d, 1]));
  return [result, reshape(winnersGather(whole, along[1]), shape)];
}

function maxPool(rank: number, x: Tensor, size: Sizes, options: MaxPoolOptions): Tensor | Tensor[] {
  const op = `maxPool${rank}d`;
  const win = poolWindow(op, x, rank, size, options);
  const indices = options.returnIndices === true;
  const results = tidy(() => withBatch(x, rank, (images) => maxOf(images, win, indices).slice(0, indices ? 2 : 1)));
  return indices ? results : (results[0] as Tensor);
}

function averageOf(x: Tensor, win: PoolWindow, count: boolean, divisor: number): Tensor {
  const [n, c, ...size] = x.shape as [number, number, ...number[]];
  const shape = [n, c, ...win.out];
  if (size.length === 2) return avgPlanes(x, win.out, planeParams(win, 0, 1, count, divisor));
  if (size.length === 1) {
    const row = reshape(x, [n, c, 1, ...size]);
    return reshape(avgPlanes(row, [1, ...win.out], planeParams(win, null, 0, count, divisor)), shape);
  }
  const [d] = size as [number];
  const [od, oh, ow] = win.out as [number, number, number];
  // The number of elements is the product of those along the axes, so both passes divide by their own.
  const within = avgPlanes(mergedDepth(x), [oh, ow], planeParams(win, 1, 2, count, divisor === 0 ? 0 : 1));
  const values = reshape(within, [n, c, d, oh * ow]);
  return reshape(avgPlanes(values, [od, oh * ow], planeParams(win, 0, null, count, divisor)), shape);
}

function avgPool(rank: number, x: Tensor, size: Sizes, options: AvgPoolOptions): Tensor {
  const op = `avgPool${rank}d`;
  const win = poolWindow(op, x, rank, size, options);
  const { countIncludePad = true, divisorOverride: divisor = null } = options;
  if (divisor !== null && (!Number.isInteger(divisor) || divisor === 0 || Math.abs(divisor) >= 2 ** 31))
    throw argumentError(op, `divisorOverride must be an integer other than 0, got ${formatValue(divisor)}`);
  return tidy(() => withBatch(x, rank, (images) => averageOf(images, win, countIncludePad, divisor ?? 0)));
}

function lpPool(rank: number, x: Tensor, norm: number, size: Sizes, options: PoolOptions): Tensor {
  const op = `lpPool${rank}d`;
  if (typeof norm !== 'number' || !(norm > 0) || norm === Number.POSITIVE_INFINITY)
    throw argumentError(op, `the norm's power must be a number > 0, got ${formatValue(norm)}`);
  checkOptions(op, options);
  const win = poolWindow(op, x, rank, size, { stride: options.stride, ceilMode: options.ceilMode });
  const volume = win.kernel.reduce((a, b) => a * b);
  return tidy(() => {
    const mean = withBatch(pow(x, norm), rank, (images) => averageOf(images, win, true, 0));
    // As PyTorch has it: the sign keeps odd powers, and ceilMode's cut windows are scaled to whole ones.
    return pow(mul(mul(sign(mean), relu(abs(mean))), volume), 1 / norm);
  });
}

/**
 * The largest element of each window of each channel; NaN counts as the largest.
 * @param x - [N, C, L] or [C, L]
 * @param size - of the window
 * @returns [N, C, OL], or [values, indices] with `returnIndices`
 * @example
 * maxPool1d(tensor([[3, 1, 4, 1, 5, 9]]), 2); // [[3, 4, 9]]
 */
export function maxPool1d(x: Tensor, size: Sizes, options: WithIndices<MaxPoolOptions>): [Tensor, Tensor<'int32'>];
export function maxPool1d(x: Tensor, size: Sizes, options?: MaxPoolOptions): Tensor;
export function maxPool1d(x: Tensor, size: Sizes, options: MaxPoolOptions = {}): Tensor | Tensor[] {
  return maxPool(1, x, size, options);
}

/**
 * The largest element of each window of each channel; NaN counts as the largest.
 * @param x - [N, C, H, W] or [C, H, W]
 * @param size - of the window
 * @returns [N, C, OH, OW], or [values, indices] with `returnIndices`
 * @example
 * maxPool2d(arange(16).reshape([1, 1, 4, 4]), 2); // [[[[5, 7], [13, 15]]]]
 */
export function maxPool2d(x: Tensor, size: Sizes, options: WithIndices<MaxPoolOptions>): [Tensor, Tensor<'int32'>];
export function maxPool2d(x: Tensor, size: Sizes, options?: MaxPoolOptions): Tensor;
export function maxPool2d(x: Tensor, size: Sizes, options: MaxPoolOptions = {}): Tensor | Tensor[] {
  return maxPool(2, x, size, options);
}

/**
 * The largest element of each window of each channel; NaN counts as the largest.
 * @param x - [N, C, D, H, W] or [C, D, H, W]
 * @param size - of the window
 * @returns [N, C, OD, OH, OW], or [values, indices] with `returnIndices`
 * @example
 * maxPool3d(arange(8).reshape([1, 2, 2, 2]), 2); // [[[[7]]]]
 */
export function maxPool3d(x: Tensor, size: Sizes, options: WithIndices<MaxPoolOptions>): [Tensor, Tensor<'int32'>];
export function maxPool3d(x: Tensor, size: Sizes, options?: MaxPoolOptions): Tensor;
export function maxPool3d(x: Tensor, size: Sizes, options: MaxPoolOptions = {}): Tensor | Tensor[] {
  return maxPool(3, x, size, options);
}

/**
 * The mean of each window of each channel.
 * @param x - [N, C, L] or [C, L]
 * @param size - of the window
 * @returns [N, C, OL]
 * @example
 * avgPool1d(tensor([[3, 1, 4, 2, 5, 9]]), 2); // [[2, 3, 7]]
 */
export function avgPool1d(x: Tensor, size: Sizes, options: AvgPoolOptions = {}): Tensor {
  return avgPool(1, x, size, options);
}

/**
 * The mean of each window of each channel.
 * @param x - [N, C, H, W] or [C, H, W]
 * @param size - of the window
 * @returns [N, C, OH, OW]
 * @example
 * avgPool2d(arange(16).reshape([1, 1, 4, 4]), 2); // [[[[2.5, 4.5], [10.5, 12.5]]]]
 */
export function avgPool2d(x: Tensor, size: Sizes, options: AvgPoolOptions = {}): Tensor {
  return avgPool(2, x, size, options);
}

/**
 * The mean of each window of each channel.
 * @param x - [N, C, D, H, W] or [C, D, H, W]
 * @param size - of the window
 * @returns [N, C, OD, OH, OW]
 * @example
 * avgPool3d(arange(8).reshape([1, 2, 2, 2]), 2); // [[[[3.5]]]]
 */
export function avgPool3d(x: Tensor, size: Sizes, options: AvgPoolOptions = {}): Tensor {
  return avgPool(3, x, size, options);
}

/**
 * The p-norm (Σ xᵖ)^(1/p) of each window of each channel.
 * @param x - [N, C, L] or [C, L]
 * @param norm - p
 * @param size - of the window
 * @returns [N, C, OL]
 * @example
 * lpPool1d(tensor([[3, 4, 6, 8]]), 2, 2); // [[5, 10]]
 */
export function lpPool1d(x: Tensor, norm: number, size: Sizes, options: PoolOptions = {}): Tensor {
  return lpPool(1, x, norm, size, options);
}

/**
 * The p-norm (Σ xᵖ)^(1/p) of each window of each channel.
 * @param x - [N, C, H, W] or [C, H, W]
 * @param norm - p
 * @param size - of the window
 * @returns [N, C, OH, OW]
 * @example
 * lpPool2d(ones([1, 4, 4]), 2, 2); // [[[2, 2], [2, 2]]]
 */
export function lpPool2d(x: Tensor, norm: number, size: Sizes, options: PoolOptions = {}): Tensor {
  return lpPool(2, x, norm, size, options);
}

/**
 * The p-norm (Σ xᵖ)^(1/p) of each window of each channel.
 * @param x - [N, C, D, H, W] or [C, D, H, W]
 * @param norm - p
 * @param size - of the window
 * @returns [N, C, OD, OH, OW]
 * @example
 * lpPool3d(ones([1, 2, 2, 2]), 3, 2); // [[[[2]]]]
 */
export function lpPool3d(x: Tensor, norm: number, size: Sizes, options: PoolOptions = {}): Tensor {
  return lpPool(3, x, norm, size, options);
}
