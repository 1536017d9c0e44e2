// Pooling to a given size, and the way back from maxima to images.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, mul } from './binary.ts';
import { castTo } from './cast.ts';
import { arange } from './creation.ts';
import type { WithIndices } from './pool.ts';
import { winnersGather, winnersScatter } from './pool.ts';
import { mean } from './reduce.ts';
import { resampleAxis } from './resample.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { reshape } from './view.ts';
import type { Sizes } from './window.ts';
import { checkImages, checkSizes, withBatch } from './window.ts';

/** One size for every spatial axis or one for each; null keeps the input's. */
export type OutputSize = number | null | readonly (number | null)[];

export interface AdaptiveMaxPoolOptions {
  /** Return [values, indices]: where the maxima stand in each flattened image, int32. */
  readonly returnIndices?: boolean | undefined;
}

export interface MaxUnpoolOptions {
  /** Distance between the windows that were pooled; their size when omitted. */
  readonly stride?: Sizes | undefined;
  readonly padding?: Sizes | undefined;
  /** The spatial sizes that were pooled, where the windows allow several. */
  readonly outputSize?: readonly number[] | undefined;
}

function checkTarget(op: string, x: Tensor, rank: number, size: OutputSize): number[] {
  checkImages(op, x, rank);
  requireFloat(op, x);
  const own = x.shape.slice(-rank);
  const list: readonly (number | null)[] = Array.isArray(size)
    ? size
    : new Array<number | null>(rank).fill(size as number | null);
  if (list.length !== rank) throw argumentError(op, `size must be one number or ${rank}, got ${formatValue(size)}`);
  const target = checkSizes(
    op,
    'size',
    list.map((each, i) => each ?? (own[i] as number)),
    rank,
    0,
  );
  if (own.includes(0)) throw shapeError(op, `spatial sizes must be ≥ 1, got ${formatShape(x.shape)}`);
  return target;
}

function adaptiveAvgPool(rank: number, x: Tensor, size: OutputSize): Tensor {
  const target = checkTarget(`adaptiveAvgPool${rank}d`, x, rank, size);
  if (target.every((each) => each === 1)) {
    const axis = target.map((_, i) => i - rank);
    return mean(x, { axis, keepdim: true });
  }
  // Windows are products of ranges, so the mean is taken one axis at a time.
  return tidy(() => {
    const r = { mode: 'area', alignCorners: false, ratio: 0 } as const;
    const result = target.reduce((t, out, i) => resampleAxis(t, i - rank, out, r), x);
    return result === x ? reshape(x, x.shape) : result;
  });
}

const adaptiveMaxPlanes = defineOp({
  name: 'adaptiveMaxPool2d',
  infer: (x: Spec, size: Shape): readonly [Spec, Spec] => {
    const shape = [...x.shape.slice(0, 2), ...size];
    return [
      { shape, dtype: x.dtype },
      { shape, dtype: 'int32' },
    ];
  },
  forward: (ctx, x) => kernels.adaptiveMaxPool2d(ctx.out, ctx.outputs[1] as Tensor, x),
  backward: (ctx, dy): Gradients => [winnersScatter(dy, ctx.outputs[1] as Tensor, ctx.args[0].shape), null],
  saves: [],
  savesOutputs: [1],
});

function adaptiveMaxOf(x: Tensor, target: readonly number[]): Tensor[] {
  const [n, c, ...size] = x.shape as [number, number, ...number[]];
  if (size.length === 2) return adaptiveMaxPlanes(x, target);
  const shape = [n, c, ...target];
  if (size.length === 1)
    return adaptiveMaxPlanes(reshape(x, [n, c, 1, ...size]), [1, ...target]).map((each) => reshape(each, shape));
  const [d, h, w] = size as [number, number, number];
  const [od, oh, ow] = target as [number, number, number];
  const within = adaptiveMaxPlanes(reshape(x, [n, c * d, h, w]), [oh, ow]);
  const [values, places] = within.map((each) => reshape(each, [n, c, d, oh * ow])) as [Tensor, Tensor];
  const [best, where] = adaptiveMaxPlanes(values, [od, oh * ow]) as [Tensor, Tensor];
  const depth = mul(arange(d, { dtype: 'int32', device: x.device }), h * w);
  const whole = add(places, reshape(depth, [d, 1]));
  return [best, winnersGather(whole, where)].map((each) => reshape(each, shape));
}

function adaptiveMaxPool(
  rank: number,
  x: Tensor,
  size: OutputSize,
  options: AdaptiveMaxPoolOptions,
): Tensor | Tensor[] {
  const op = `adaptiveMaxPool${rank}d`;
  checkOptions(op, options);
  const target = checkTarget(op, x, rank, size);
  if (x.shape.slice(-rank).reduce((a, b) => a * b, 1) >= 2 ** 31)
    throw shapeError(op, 'an image of 2^31 elements has no int32 indices');
  const indices = options.returnIndices === true;
  const results = tidy(() => withBatch(x, rank, (images) => adaptiveMaxOf(images, target).slice(0, indices ? 2 : 1)));
  return indices ? results : (results[0] as Tensor);
}

const unpoolPlanes = defineOp({
  name: 'maxUnpool2d',
  infer: (x: Spec, _indices: Tensor, shape: Shape): Spec => ({ shape, dtype: x.dtype }),
  forward: (ctx, x, indices) => kernels.maxUnpool2d(ctx.out, indices, x),
  backward: (ctx, dy): Gradients => [winnersGather(dy, ctx.args[1]), null, null],
  saves: [1],
});

function maxUnpool(rank: number, x: Tensor, indices: Tensor, size: Sizes, options: MaxUnpoolOptions): Tensor {
  const op = `maxUnpool${rank}d`;
  checkOptions(op, options);
  checkImages(op, x, rank);
  requireFloat(op, x);
  requireTensor(op, indices, 'indices');
  checkArguments(op, [x, indices]);
  if (indices.dtype !== 'int32' && indices.dtype !== 'int64')
    throw argumentError(op, `indices must be int32 or int64, got ${indices.dtype}`);
  if (!sameShape(x.shape, indices.shape))
    throw shapeError(op, `input ${formatShape(x.shape)} and indices ${formatShape(indices.shape)} must have one shape`);
  const kernel = checkSizes(op, 'size', size, rank, 1);
  const stride = checkSizes(op, 'stride', options.stride ?? kernel, rank, 1);
  const padding = checkSizes(op, 'padding', options.padding ?? 0, rank, 0);
  const usual = x.shape
    .slice(-rank)
    .map((n, i) => (n - 1) * (stride[i] as number) - 2 * (padding[i] as number) + (kernel[i] as number));
  const target = checkSizes(op, 'outputSize', options.outputSize ?? usual, rank, 1);
  target.forEach((each, i) => {
    const [wanted, step] = [usual[i] as number, stride[i] as number];
    if (Math.abs(each - wanted) >= step && each !== wanted)
      throw argumentError(
        op,
        `outputSize ${formatShape(target)} must be within ${formatShape(stride)} of ${formatShape(usual)}`,
      );
  });
  return tidy(() =>
    withBatch(x, rank, (images) => {
      const [n, c, ...own] = images.shape as [number, number, ...number[]];
      const flat = [n, c, 1, own.reduce((a, b) => a * b, 1)];
      const places = reshape(castTo(indices, 'int32'), flat);
      const whole = [n, c, 1, target.reduce((a, b) => a * b, 1)];
      return reshape(unpoolPlanes(reshape(images, flat), places, whole), [n, c, ...target]);
    }),
  );
}

/**
 * Means over windows that split each axis evenly: output i of m takes elements ⌊i n / m⌋ to ⌈(i + 1) n / m⌉ of n.
 * @param x - [N, C, L] or [C, L]
 * @param size - of the result's spatial axes; null keeps an axis
 * @example
 * adaptiveAvgPool1d(tensor([[1, 2, 3, 4, 5, 6]]), 3); // [[1.5, 3.5, 5.5]]
 */
export function adaptiveAvgPool1d(x: Tensor, size: OutputSize): Tensor {
  return adaptiveAvgPool(1, x, size);
}

/**
 * Means over windows that split each axis evenly: output i of m takes elements ⌊i n / m⌋ to ⌈(i + 1) n / m⌉ of n.
 * @param x - [N, C, H, W] or [C, H, W]
 * @param size - of the result's spatial axes; null keeps an axis
 * @example
 * adaptiveAvgPool2d(arange(16).reshape([1, 4, 4]), 1); // [[[7.5]]]
 */
export function adaptiveAvgPool2d(x: Tensor, size: OutputSize): Tensor {
  return adaptiveAvgPool(2, x, size);
}

/**
 * Means over windows that split each axis evenly: output i of m takes elements ⌊i n / m⌋ to ⌈(i + 1) n / m⌉ of n.
 * @param x - [N, C, D, H, W] or [C, D, H, W]
 * @param size - of the result's spatial axes; null keeps an axis
 * @example
 * adaptiveAvgPool3d(ones([1, 4, 5, 6]), [2, null, 1]).shape; // [1, 2, 5, 1]
 */
export function adaptiveAvgPool3d(x: Tensor, size: OutputSize): Tensor {
  return adaptiveAvgPool(3, x, size);
}

/**
 * Maxima over windows that split each axis evenly; see `adaptiveAvgPool1d`.
 * @param x - [N, C, L] or [C, L]
 * @param size - of the result's spatial axes; null keeps an axis
 * @returns the maxima, or [values, indices] with `returnIndices`
 * @example
 * adaptiveMaxPool1d(tensor([[3, 1, 4, 1, 5, 9]]), 3); // [[3, 4, 9]]
 */
export function adaptiveMaxPool1d(
  x: Tensor,
  size: OutputSize,
  options: WithIndices<AdaptiveMaxPoolOptions>,
): [Tensor, Tensor<'int32'>];
export function adaptiveMaxPool1d(x: Tensor, size: OutputSize, options?: AdaptiveMaxPoolOptions): Tensor;
export function adaptiveMaxPool1d(
  x: Tensor,
  size: OutputSize,
  options: AdaptiveMaxPoolOptions = {},
): Tensor | Tensor[] {
  return adaptiveMaxPool(1, x, size, options);
}

/**
 * Maxima over windows that split each axis evenly; see `adaptiveAvgPool2d`.
 * @param x - [N, C, H, W] or [C, H, W]
 * @param size - of the result's spatial axes; null keeps an axis
 * @returns the maxima, or [values, indices] with `returnIndices`
 * @example
 * adaptiveMaxPool2d(arange(16).reshape([1, 4, 4]), 2); // [[[5, 7], [13, 15]]]
 */
export function adaptiveMaxPool2d(
  x: Tensor,
  size: OutputSize,
  options: WithIndices<AdaptiveMaxPoolOptions>,
): [Tensor, Tensor<'int32'>];
export function adaptiveMaxPool2d(x: Tensor, size: OutputSize, options?: AdaptiveMaxPoolOptions): Tensor;
export function adaptiveMaxPool2d(
  x: Tensor,
  size: OutputSize,
  options: AdaptiveMaxPoolOptions = {},
): Tensor | Tensor[] {
  return adaptiveMaxPool(2, x, size, options);
}

/**
 * Maxima over windows that split each axis evenly; see `adaptiveAvgPool3d`.
 * @param x - [N, C, D, H, W] or [C, D, H, W]
 * @param size - of the result's spatial axes; null keeps an axis
 * @returns the maxima, or [values, indices] with `returnIndices`
 * @example
 * adaptiveMaxPool3d(ones([1, 4, 5, 6]), [2, null, 1]).shape; // [1, 2, 5, 1]
 */
export function adaptiveMaxPool3d(
  x: Tensor,
  size: OutputSize,
  options: WithIndices<AdaptiveMaxPoolOptions>,
): [Tensor, Tensor<'int32'>];
export function adaptiveMaxPool3d(x: Tensor, size: OutputSize, options?: AdaptiveMaxPoolOptions): Tensor;
export function adaptiveMaxPool3d(
  x: Tensor,
  size: OutputSize,
  options: AdaptiveMaxPoolOptions = {},
): Tensor | Tensor[] {
  return adaptiveMaxPool(3, x, size, options);
}

/**
 * Puts maxima back where `maxPool1d` with `returnIndices` found them, zeros elsewhere; the last of equal indices stays.
 * @param x - [N, C, L] or [C, L]
 * @param indices - of the same shape, in each flattened image; ERR_INDEX when one lies outside
 * @param size - of the window that was pooled
 * @example
 * maxUnpool1d(tensor([[4, 9]]), tensor(new Int32Array([2, 5]), { shape: [1, 2] }), 3); // [[0, 0, 4, 0, 0, 9]]
 */
export function maxUnpool1d(x: Tensor, indices: Tensor, size: Sizes, options: MaxUnpoolOptions = {}): Tensor {
  return maxUnpool(1, x, indices, size, options);
}

/**
 * Puts maxima back where `maxPool2d` with `returnIndices` found them, zeros elsewhere; the last of equal indices stays.
 * @param x - [N, C, H, W] or [C, H, W]
 * @param indices - of the same shape, in each flattened image; ERR_INDEX when one lies outside
 * @param size - of the window that was pooled
 * @example
 * maxUnpool2d(ones([1, 1, 1]), zeros([1, 1, 1], { dtype: 'int32' }), 2); // [[[1, 0], [0, 0]]]
 */
export function maxUnpool2d(x: Tensor, indices: Tensor, size: Sizes, options: MaxUnpoolOptions = {}): Tensor {
  return maxUnpool(2, x, indices, size, options);
}

/**
 * Puts maxima back where `maxPool3d` with `returnIndices` found them, zeros elsewhere; the last of equal indices stays.
 * @param x - [N, C, D, H, W] or [C, D, H, W]
 * @param indices - of the same shape, in each flattened image; ERR_INDEX when one lies outside
 * @param size - of the window that was pooled
 * @example
 * maxUnpool3d(ones([1, 1, 1, 1]), zeros([1, 1, 1, 1], { dtype: 'int32' }), [1, 1, 2]); // [[[[1, 0]]]]
 */
export function maxUnpool3d(x: Tensor, indices: Tensor, size: Sizes, options: MaxUnpoolOptions = {}): Tensor {
  return maxUnpool(3, x, indices, size, options);
}
