// Fourier transforms. A complex tensor has a last axis of size 2, the real and the imaginary part (PyTorch's
// torch.view_as_real); axes are counted without it.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tensor } from '../core/create.ts';
import { tidy } from '../core/scope.ts';
import { checkedNumel, formatShape, normalizeAxes, normalizeAxis } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { mul } from './binary.ts';
import { cat } from './join.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { narrow, reshape, transpose } from './view.ts';

/** The first `keep` numbers of the transform of x cut or filled to `length`; its gradient is one too. */
const fftOp: (x: Tensor, length: number, keep: number, inverse: boolean, scale: number) => Tensor = defineOp({
  name: 'fft',
  infer: (x: Spec, _length: number, keep: number, _inverse: boolean, _scale: number): Spec =>
    checked('fft', [...x.shape.slice(0, -2), keep, 2], x),
  forward: (ctx, x, length, _keep, inverse, scale) => kernels.fft(ctx.out, x, length, Number(inverse), scale),
  backward: (ctx, dy): Gradients => {
    const [x, length, , inverse, scale] = ctx.args;
    return [fftOp(dy, length, x.shape.at(-2) as number, !inverse, scale), null, null, null, null];
  },
  saves: [],
});

const rfftOp: (x: Tensor, length: number, keep: number, scale: number) => Tensor = defineOp({
  name: 'rfft',
  infer: (x: Spec, _length: number, keep: number, _scale: number): Spec =>
    checked('rfft', [...x.shape.slice(0, -1), keep, 2], x),
  forward: (ctx, x, length, _keep, scale) => kernels.rfft(ctx.out, x, length, scale),
  // irfft counts every number but the first and the middle one twice.
  backward: (ctx, dy): Gradients => {
    const [x, length, keep, scale] = ctx.args;
    const weighted = mul(dy, weights(dy, length, keep, 0.5));
    return [irfftOp(weighted, length, x.shape.at(-1) as number, scale), null, null, null];
  },
  saves: [],
});

const irfftOp: (x: Tensor, length: number, keep: number, scale: number) => Tensor = defineOp({
  name: 'irfft',
  infer: (x: Spec, _length: number, keep: number, _scale: number): Spec =>
    checked('irfft', [...x.shape.slice(0, -2), keep], x),
  forward: (ctx, x, length, _keep, scale) => kernels.irfft(ctx.out, x, length, scale),
  backward: (ctx, dy): Gradients => {
    const [x, length, , scale] = ctx.args;
    const have = x.shape.at(-2) as number;
    return [mul(rfftOp(dy, length, have, scale), weights(dy, length, have, 2)), null, null, null];
  },
  saves: [],
});

function checked(op: string, shape: number[], { dtype }: Spec): Spec {
  checkedNumel(op, shape);
  return { shape, dtype };
}

/** [count, 1]: 1 for the numbers a real sequence of `length` has once in its spectrum, `others` for those it has twice. */
function weights(like: Tensor, length: number, count: number, others: number): Tensor {
  const values = Float64Array.from({ length: count }, (_, k) => (k === 0 || 2 * k === length ? 1 : others));
  return tensor(values, { dtype: like.dtype, device: like.device, shape: [count, 1] });
}

export type FftNorm = 'backward' | 'ortho' | 'forward';

export interface FftOptions {
  /** Length of the transform: the input is cut or filled with zeros to it. */
  readonly n?: number | undefined;
  /** The axis to transform, the last by default. */
  readonly axis?: number | undefined;
  /** Which direction divides by n: 'backward' (the default), 'forward', or both by its root with 'ortho'. */
  readonly norm?: FftNorm | undefined;
}

export interface Fft2Options {
  /** Lengths of the two transforms. */
  readonly s?: readonly [number, number] | undefined;
  /** The axes to transform, the last two by default. */
  readonly axis?: readonly [number, number] | undefined;
  readonly norm?: FftNorm | undefined;
}

function requireComplex(op: string, x: Tensor): void {
  requireTensor(op, x);
  checkArguments(op, [x]);
  requireFloat(op, x);
  if (x.rank < 2 || x.shape.at(-1) !== 2) {
    throw shapeError(op, `wants complex numbers [..., N, 2], a last axis of size 2, got ${formatShape(x.shape)}`);
  }
}

function requireReal(op: string, x: Tensor): void {
  requireTensor(op, x);
  checkArguments(op, [x]);
  requireFloat(op, x);
  if (x.rank === 0) throw shapeError(op, 'a rank-0 tensor has no axis to transform');
}

function checkLength(op: string, n: unknown): number {
  if (typeof n === 'number' && Number.isInteger(n) && n >= 1 && n < 2 ** 31) return n;
  throw argumentError(op, `lengths must be integers ≥ 1, got ${formatValue(n)}`);
}

function scaleOf(op: string, norm: unknown, n: number, inverse: boolean): number {
  switch (norm) {
    case undefined:
    case 'backward':
      return inverse ? 1 / n : 1;
    case 'forward':
      return inverse ? 1 : 1 / n;
    case 'ortho':
      return 1 / Math.sqrt(n);
    default:
      throw argumentError(op, `norm must be 'backward', 'ortho' or 'forward', got ${formatValue(norm)}`);
  }
}

/** f applied with `axis` as the last of the axes that are transformed. */
function along(x: Tensor, axis: number, last: number, f: (x: Tensor) => Tensor): Tensor {
  return tidy(() => (axis === last ? f(x) : transpose(f(transpose(x, axis, last)), axis, last)));
}

function complexTransform(op: string, x: Tensor, options: FftOptions, inverse: boolean): Tensor {
  requireComplex(op, x);
  checkOptions(op, options);
  const axis = normalizeAxis(op, options.axis ?? -1, x.rank - 1);
  const n = checkLength(op, options.n ?? x.shape[axis]);
  const scale = scaleOf(op, options.norm, n, inverse);
  return along(x, axis, x.rank - 2, (t) => fftOp(t, n, n, inverse, scale));
}

/**
 * The discrete Fourier transform Σⱼ xⱼ exp(−2πi jk / n) of complex numbers.
 * @param x - [..., N, 2]: real and imaginary parts in the last axis, which `axis` does not count
 * @returns [..., n, 2]
 * @example
 * fft(tensor([[1, 0], [0, 0]])); // [[1, 0], [1, 0]]
 */
export function fft(x: Tensor, options: FftOptions = {}): Tensor {
  return complexTransform('fft', x, options, false);
}

/**
 * The inverse of `fft`.
 * @param x - [..., N, 2]
 * @returns [..., n, 2]
 * @example
 * ifft(tensor([[1, 0], [1, 0]])); // [[1, 0], [0, 0]]
 */
export function ifft(x: Tensor, options: FftOptions = {}): Tensor {
  return complexTransform('ifft', x, options, true);
}

/**
 * The transform of real numbers: the first half of the spectrum, of which the rest is the mirrored conjugate.
 * @param x - [..., N]
 * @returns [..., ⌊n / 2⌋ + 1, 2]
 * @example
 * rfft(tensor([1, 2, 3, 2])); // [[8, 0], [-2, 0], [0, 0]]
 */
export function rfft(x: Tensor, options: FftOptions = {}): Tensor {
  requireReal('rfft', x);
  checkOptions('rfft', options);
  const axis = normalizeAxis('rfft', options.axis ?? -1, x.rank);
  const n = checkLength('rfft', options.n ?? x.shape[axis]);
  const scale = scaleOf('rfft', options.norm, n, false);
  return along(x, axis, x.rank - 1, (t) => rfftOp(t, n, Math.floor(n / 2) + 1, scale));
}

/**
 * The inverse of `rfft`: the real numbers whose spectrum begins with x. Imaginary parts that such a spectrum cannot have
 * are not read.
 * @param x - [..., ⌊n / 2⌋ + 1, 2]
 * @param options - `n` is 2 (N − 1) by default: an odd length must be given
 * @returns [..., n]
 * @example
 * irfft(tensor([[8, 0], [-2, 0], [0, 0]])); // [1, 2, 3, 2]
 */
export function irfft(x: Tensor, options: FftOptions = {}): Tensor {
  requireComplex('irfft', x);
  checkOptions('irfft', options);
  const axis = normalizeAxis('irfft', options.axis ?? -1, x.rank - 1);
  const n = checkLength('irfft', options.n ?? 2 * ((x.shape[axis] as number) - 1));
  const scale = scaleOf('irfft', options.norm, n, true);
  return along(x, axis, x.rank - 2, (t) => irfftOp(t, n, n, scale));
}

/** The two axes and lengths of a two-dimensional transform. */
function plane(op: string, rank: number, options: Fft2Options): { axes: number[]; n: (number | undefined)[] } {
  checkOptions(op, options);
  const { axis = [-2, -1], s } = options;
  if (!Array.isArray(axis) || axis.length !== 2) {
    throw argumentError(op, `axis must be two axes, got ${formatValue(axis)}`);
  }
  if (s !== undefined && (!Array.isArray(s) || s.length !== 2)) {
    throw argumentError(op, `s must be two lengths, got ${formatValue(s)}`);
  }
  normalizeAxes(op, axis as number[], rank);
  return { axes: axis.map((each: number) => normalizeAxis(op, each, rank)), n: s === undefined ? [] : [...s] };
}

/** Options for one axis of two; `-1` keeps a length, as in PyTorch. */
function one(axis: number | undefined, n: number | undefined, norm: FftNorm | undefined): FftOptions {
  return { axis, n: n === -1 ? undefined : n, norm };
}

function complexPlane(op: string, x: Tensor, options: Fft2Options, inverse: boolean): Tensor {
  requireComplex(op, x);
  const { axes, n } = plane(op, x.rank - 1, options);
  return tidy(() => {
    const rows = complexTransform(op, x, one(axes[1], n[1], options.norm), inverse);
    return complexTransform(op, rows, one(axes[0], n[0], options.norm), inverse);
  });
}

/**
 * `fft` along two axes.
 * @param x - [..., H, W, 2]
 * @returns [..., h, w, 2]
 * @example
 * fft2(ones([2, 2, 2])).shape; // [2, 2, 2]
 */
export function fft2(x: Tensor, options: Fft2Options = {}): Tensor {
  return complexPlane('fft2', x, options, false);
}

/**
 * The inverse of `fft2`.
 * @param x - [..., H, W, 2]
 * @returns [..., h, w, 2]
 * @example
 * ifft2(ones([2, 2, 2])).shape; // [2, 2, 2]
 */
export function ifft2(x: Tensor, options: Fft2Options = {}): Tensor {
  return complexPlane('ifft2', x, options, true);
}

/**
 * `rfft` along the second axis, then `fft` along the first.
 * @param x - [..., H, W]
 * @returns [..., h, ⌊w / 2⌋ + 1, 2]
 * @example
 * rfft2(ones([2, 4])).shape; // [2, 3, 2]
 */
export function rfft2(x: Tensor, options: Fft2Options = {}): Tensor {
  requireReal('rfft2', x);
  const { axes, n } = plane('rfft2', x.rank, options);
  return tidy(() => {
    const rows = rfft(x, one(axes[1], n[1], options.norm));
    return complexTransform('rfft2', rows, one(axes[0], n[0], options.norm), false);
  });
}

/**
 * The inverse of `rfft2`.
 * @param x - [..., H, ⌊w / 2⌋ + 1, 2]
 * @returns [..., h, w]
 * @example
 * irfft2(ones([2, 3, 2])).shape; // [2, 4]
 */
export function irfft2(x: Tensor, options: Fft2Options = {}): Tensor {
  requireComplex('irfft2', x);
  const { axes, n } = plane('irfft2', x.rank - 1, options);
  return tidy(() => {
    const columns = complexTransform('irfft2', x, one(axes[0], n[0], options.norm), true);
    return irfft(columns, one(axes[1], n[1], options.norm));
  });
}

function shifted(
  op: string,
  x: Tensor,
  axis: number | readonly number[] | undefined,
  by: (n: number) => number,
): Tensor {
  requireTensor(op, x);
  checkArguments(op, [x]);
  const axes = normalizeAxes(op, axis, x.rank);
  return tidy(() => {
    let result = reshape(x, x.shape);
    for (const at of axes) {
      const n = x.shape[at] as number;
      const first = by(n);
      if (first === 0) continue;
      result = cat([narrow(result, at, n - first, first), narrow(result, at, 0, n - first)], at);
    }
    return result;
  });
}

export interface ShiftOptions {
  /** The axes to shift, all by default: name them for complex tensors, whose last axis is not one of them. */
  readonly axis?: number | readonly number[] | undefined;
}

/**
 * Moves the number of frequency 0 from the start of each axis to its middle.
 * @example
 * fftshift(tensor([0, 1, 2, -2, -1])); // [-2, -1, 0, 1, 2]
 */
export function fftshift(x: Tensor, options: ShiftOptions = {}): Tensor {
  checkOptions('fftshift', options);
  return shifted('fftshift', x, options.axis, (n) => Math.floor(n / 2));
}

/**
 * The inverse of `fftshift`.
 * @example
 * ifftshift(tensor([-2, -1, 0, 1, 2])); // [0, 1, 2, -2, -1]
 */
export function ifftshift(x: Tensor, options: ShiftOptions = {}): Tensor {
  checkOptions('ifftshift', options);
  return shifted('ifftshift', x, options.axis, (n) => Math.ceil(n / 2) % Math.max(n, 1));
}
