import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import type { Geometry } from './conv-forms.ts';
import { convolutions } from './conv-forms.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import type { Sizes } from './window.ts';
import { checkImages, checkSizes, outputSize, spatial, spatialNames, withBatch } from './window.ts';

export interface ConvOptions {
  /** Distance between windows. Default 1. */
  readonly stride?: Sizes | undefined;
  /** Zeros on both sides of each axis; 'valid' none, 'same' as many as keep the size (stride 1). Default 0. */
  readonly padding?: Sizes | 'valid' | 'same' | undefined;
  /** Distance between taps of the kernel. Default 1. */
  readonly dilation?: Sizes | undefined;
  /** Channels fall into so many groups that do not see each other. Default 1. */
  readonly groups?: number | undefined;
}

export interface ConvTransposeOptions {
  /** Distance between the windows' starts in the result. Default 1. */
  readonly stride?: Sizes | undefined;
  /** Cut from both sides of each axis of the result. Default 0. */
  readonly padding?: Sizes | undefined;
  /** Added at the end of each axis of the result; less than the stride or the dilation. Default 0. */
  readonly outputPadding?: Sizes | undefined;
  readonly dilation?: Sizes | undefined;
  readonly groups?: number | undefined;
}

/** Options of a convolution with the bias among them, instead of before them. */
export type WithBias<O> = O & { readonly bias?: Tensor | null | undefined };

/** Checks channels, weight [filters, channels of a group, …] or, transposed, [channels, filters of a group, …], and bias. */
function checkOperands(
  op: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  rank: number,
  groups: number,
  transposed: boolean,
): void {
  checkImages(op, x, rank);
  requireTensor(op, weight, 'weight');
  if (bias !== null) requireTensor(op, bias, 'bias');
  checkArguments(op, [x, weight, bias]);
  const wanted = transposed ? 'C, O / groups' : 'O, C / groups';
  if (weight.rank !== rank + 2) {
    const kernel = spatialNames(rank).replace(/\w/g, 'K$&');
    throw shapeError(op, `weight must be [${wanted}, ${kernel}], got ${formatShape(weight.shape)}`);
  }
  requireFloat(op, x);
  requireSameDtype(op, x, weight);
  if (!Number.isInteger(groups) || groups < 1 || groups >= 2 ** 31)
    throw argumentError(op, `groups must be an integer ≥ 1, got ${formatValue(groups)}`);
  const channels = x.shape[x.rank - rank - 1] as number;
  const [first, second] = weight.shape as [number, number];
  const [inputs, outputs] = transposed ? [first, second * groups] : [second * groups, first];
  if (channels % groups !== 0 || outputs % groups !== 0) {
    throw shapeError(op, `groups ${groups} must divide ${channels} input and ${outputs} output channels`);
  }
  if (channels !== inputs) {
    throw shapeError(
      op,
      `input has ${channels} channels in ${groups} group(s), weight ${formatShape(weight.shape)} wants ${inputs}`,
    );
  }
  if (spatial(weight).includes(0))
    throw shapeError(op, `kernel sizes must be ≥ 1, got weight ${formatShape(weight.shape)}`);
  if (bias === null) return;
  requireSameDtype(op, x, bias);
  if (bias.rank !== 1 || bias.shape[0] !== outputs) {
    throw shapeError(op, `bias must be [${outputs}], got ${formatShape(bias.shape)}`);
  }
}

/** Sorts (x, weight, bias, options) and (x, weight, { bias, …options }). */
function sorted<O extends object>(
  op: string,
  third: Tensor | null | WithBias<O>,
  fourth: O,
): readonly [Tensor | null, O] {
  const inline = third !== null && !(third instanceof Tensor);
  checkOptions(op, inline ? third : fourth);
  return inline ? [third.bias ?? null, third] : [third, fourth];
}

/** Padding before each axis and the size of the result. */
function placed(
  op: string,
  padding: Sizes | 'valid' | 'same',
  size: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  dilation: readonly number[],
): readonly [padding: number[], size: number[]] {
  const each = (f: (n: number, k: number, s: number, d: number, axis: number) => number): number[] =>
    size.map((n, i) => f(n, kernel[i] as number, stride[i] as number, dilation[i] as number, i));
  if (padding === 'same') {
    if (stride.some((s) => s !== 1))
      throw argumentError(op, `padding 'same' wants stride 1, got ${formatShape(stride)}`);
    if (size.includes(0)) throw shapeError(op, `padding 'same' wants sizes ≥ 1, got ${formatShape(size)}`);
    // An even kernel leaves an odd number of zeros: the extra one comes behind, as the kernel supplies by itself.
    return [each((_n, k, _s, d) => Math.floor((d * (k - 1)) / 2)), [...size]];
  }
  if (typeof padding === 'string' && padding !== 'valid')
    throw argumentError(op, `padding must be numbers, 'valid' or 'same', got ${formatValue(padding)}`);
  const zeros = checkSizes(op, 'padding', padding === 'valid' ? 0 : padding, size.length, 0);
  return [zeros, each((n, k, s, d, i) => outputSize(op, n, k, s, zeros[i] as number, d))];
}

function convolve(
  rank: number,
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | WithBias<ConvOptions>,
  fourth: ConvOptions,
): Tensor {
  const op = `conv${rank}d`;
  const [bias, options] = sorted(op, third, fourth);
  const { groups = 1 } = options;
  checkOperands(op, x, weight, bias, rank, groups, false);
  const stride = checkSizes(op, 'stride', options.stride ?? 1, rank, 1);
  const dilation = checkSizes(op, 'dilation', options.dilation ?? 1, rank, 1);
  const given = x.shape.slice(-rank);
  const [padding, size] = placed(op, options.padding ?? 0, given, spatial(weight), stride, dilation);
  const g: Geometry = { stride, padding, dilation, groups };
  const { conv } = convolutions[rank - 1] as (typeof convolutions)[0];
  return withBatch(x, rank, (images) => conv(images, weight, bias, size, g));
}

function convolveTransposed(
  rank: number,
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | WithBias<ConvTransposeOptions>,
  fourth: ConvTransposeOptions,
): Tensor {
  const op = `convTranspose${rank}d`;
  const [bias, options] = sorted(op, third, fourth);
  const { groups = 1 } = options;
  checkOperands(op, x, weight, bias, rank, groups, true);
  const stride = checkSizes(op, 'stride', options.stride ?? 1, rank, 1);
  const dilation = checkSizes(op, 'dilation', options.dilation ?? 1, rank, 1);
  const padding = checkSizes(op, 'padding', options.padding ?? 0, rank, 0);
  const extra = checkSizes(op, 'outputPadding', options.outputPadding ?? 0, rank, 0);
  const kernel = spatial(weight);
  const size = x.shape.slice(-rank).map((n, i) => {
    const [s, d, more] = [stride[i] as number, dilation[i] as number, extra[i] as number];
    if (more >= Math.max(s, d))
      throw argumentError(op, `outputPadding ${more} must be smaller than stride ${s} or dilation ${d}`);
    const length = (n - 1) * s - 2 * (padding[i] as number) + d * ((kernel[i] as number) - 1) + more + 1;
    if (n < 1 || length < 1)
      throw shapeError(op, `${n} elements with padding ${padding[i]} give a result of size ${length}`);
    return length;
  });
  const g: Geometry = { stride, padding, dilation, groups };
  const { transposed } = convolutions[rank - 1] as (typeof convolutions)[0];
  return withBatch(x, rank, (images) => transposed(images, weight, bias, size, g));
}

/**
 * 1-D convolution (cross-correlation) of signals with filters.
 * @param x - [N, C, L] or [C, L]
 * @param weight - [O, C / groups, KL]
 * @param bias - [O], or null
 * @returns [N, O, OL], without N where `x` has none
 * @example
 * conv1d(ones([1, 1, 4]), ones([2, 1, 3]), null, { padding: 'same' }).shape; // [1, 2, 4]
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvOptions): Tensor;
export function conv1d(x: Tensor, weight: Tensor, options: WithBias<ConvOptions>): Tensor;
export function conv1d(
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | WithBias<ConvOptions> = null,
  fourth: ConvOptions = {},
): Tensor {
  return convolve(1, x, weight, third, fourth);
}

/**
 * 2-D convolution (cross-correlation) of images with filters.
 * @param x - [N, C, H, W] or [C, H, W]
 * @param weight - [O, C / groups, KH, KW]
 * @param bias - [O], or null
 * @returns [N, O, OH, OW], without N where `x` has none
 * @example
 * conv2d(ones([1, 1, 4, 4]), ones([2, 1, 3, 3]), null, { padding: 1 }).shape; // [1, 2, 4, 4]
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvOptions): Tensor;
export function conv2d(x: Tensor, weight: Tensor, options: WithBias<ConvOptions>): Tensor;
export function conv2d(
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | WithBias<ConvOptions> = null,
  fourth: ConvOptions = {},
): Tensor {
  return convolve(2, x, weight, third, fourth);
}

/**
 * 3-D convolution (cross-correlation) of volumes with filters.
 * @param x - [N, C, D, H, W] or [C, D, H, W]
 * @param weight - [O, C / groups, KD, KH, KW]
 * @param bias - [O], or null
 * @returns [N, O, OD, OH, OW], without N where `x` has none
 * @example
 * conv3d(ones([1, 1, 2, 4, 4]), ones([2, 1, 1, 3, 3])).shape; // [1, 2, 2, 2, 2]
 */
export function conv3d(x: Tensor, weight: Tensor, bias?: Tensor | null, options?: ConvOptions): Tensor;
export function conv3d(x: Tensor, weight: Tensor, options: WithBias<ConvOptions>): Tensor;
export function conv3d(
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | WithBias<ConvOptions> = null,
  fourth: ConvOptions = {},
): Tensor {
  return convolve(3, x, weight, third, fourth);
}

/**
 * Transposed 1-D convolution: the gradient of conv1d by its input, with a bias. Sizes are (n - 1) · stride - 2 · padding + dilation · (kernel - 1) + outputPadding + 1.
 * @param x - [N, C, L] or [C, L]
 * @param weight - [C, O / groups, KL]
 * @param bias - [O], or null
 * @returns [N, O, OL], without N where `x` has none
 * @example
 * convTranspose1d(ones([1, 2, 4]), ones([2, 3, 2]), null, { stride: 2 }).shape; // [1, 3, 8]
 */
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options?: ConvTransposeOptions,
): Tensor;
export function convTranspose1d(x: Tensor, weight: Tensor, options: WithBias<ConvTransposeOptions>): Tensor;
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | WithBias<ConvTransposeOptions> = null,
  fourth: ConvTransposeOptions = {},
): Tensor {
  return convolveTransposed(1, x, weight, third, fourth);
}

/**
 * Transposed 2-D convolution: the gradient of conv2d by its input, with a bias. Sizes are (n - 1) · stride - 2 · padding + dilation · (kernel - 1) + outputPadding + 1.
 * @param x - [N, C, H, W] or [C, H, W]
 * @param weight - [C, O / groups, KH, KW]
 * @param bias - [O], or null
 * @returns [N, O, OH, OW], without N where `x` has none
 * @example
 * convTranspose2d(ones([1, 2, 4, 4]), ones([2, 3, 2, 2]), null, { stride: 2 }).shape; // [1, 3, 8, 8]
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options?: ConvTransposeOptions,
): Tensor;
export function convTranspose2d(x: Tensor, weight: Tensor, options: WithBias<ConvTransposeOptions>): Tensor;
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | WithBias<ConvTransposeOptions> = null,
  fourth: ConvTransposeOptions = {},
): Tensor {
  return convolveTransposed(2, x, weight, third, fourth);
}

/**
 * Transposed 3-D convolution: the gradient of conv3d by its input, with a bias. Sizes are (n - 1) · stride - 2 · padding + dilation · (kernel - 1) + outputPadding + 1.
 * @param x - [N, C, D, H, W] or [C, D, H, W]
 * @param weight - [C, O / groups, KD, KH, KW]
 * @param bias - [O], or null
 * @returns [N, O, OD, OH, OW], without N where `x` has none
 * @example
 * convTranspose3d(ones([1, 2, 1, 2, 2]), ones([2, 3, 2, 2, 2])).shape; // [1, 3, 2, 3, 3]
 */
export function convTranspose3d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options?: ConvTransposeOptions,
): Tensor;
export function convTranspose3d(x: Tensor, weight: Tensor, options: WithBias<ConvTransposeOptions>): Tensor;
export function convTranspose3d(
  x: Tensor,
  weight: Tensor,
  third: Tensor | null | WithBias<ConvTransposeOptions> = null,
  fourth: ConvTransposeOptions = {},
): Tensor {
  return convolveTransposed(3, x, weight, third, fourth);
}
