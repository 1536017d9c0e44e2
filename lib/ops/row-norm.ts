// Normalisation along the last axes with one fused kernel for each direction: layer norm and RMS norm.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, numelOf, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { emptyTensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, mul, sub } from './binary.ts';
import { mean, sumOver } from './reduce.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { rsqrt, square } from './unary.ts';
import { reshape } from './view.ts';

/** x [R, W], weight and bias [W] or null → y [R, W], and mean and 1/deviation of each row for the fused gradient. */
const rowNormOp = defineOp({
  name: 'rowNorm',
  autocast: 'float32',
  infer: (
    x: Spec,
    _weight: Spec | null,
    _bias: Spec | null,
    _eps: number,
    _center: boolean,
  ): readonly [Spec, Spec, Spec] => {
    const perRow: Spec = { shape: x.shape.slice(0, -1), dtype: x.dtype };
    return [x, perRow, perRow];
  },
  forward: (ctx, x, weight, bias, eps, center) => {
    const [out, means, scales] = ctx.outputs as [Tensor, Tensor, Tensor];
    kernels.rowNorm(out, means, scales, x, weight, bias, eps, Number(center));
  },
  backward: (ctx, dy) => {
    const [x, weight, bias, eps, center] = ctx.args;
    const last = { axis: -1, keepdim: true } as const;
    const shifted = center ? sub(x, mean(x, last)) : x;
    const scale = rsqrt(add(mean(square(shifted), last), eps));
    const normal = mul(shifted, scale);
    const g = weight === null ? dy : mul(dy, weight);
    const slope = sub(g, mul(normal, mean(mul(g, normal), last)));
    const dx = mul(scale, center ? sub(slope, mean(g, last)) : slope);
    const dWeight = weight === null ? null : sumOver(mul(dy, normal), [0], false);
    return [dx, dWeight, bias === null ? null : sumOver(dy, [0], false), null, null];
  },
  fastBackward: (ctx, dy) => {
    const [x, weight, bias, , center] = ctx.args;
    const [, means, scales] = ctx.outputs as [Tensor, Tensor, Tensor];
    const { queue } = dy.storage;
    const dx = ctx.needs(0) ? emptyTensor(x.shape, x.dtype, queue) : null;
    if (weight === null && bias === null) {
      if (dx !== null) kernels.rowNormGrad(dx, x, means, scales, weight, dy, Number(center));
      return [dx, null, null, null, null];
    }
    const width = [x.shape.at(-1) as number];
    const dWeight = emptyTensor(width, x.dtype, queue);
    const dBias = emptyTensor(width, x.dtype, queue);
    if (dx === null) kernels.rowNormGradWeight(dWeight, dBias, x, means, scales, dy);
    else kernels.rowNormGrads(dx, dWeight, dBias, x, means, scales, weight, dy, Number(center));
    return [dx, weight === null ? null : dWeight, bias === null ? null : dBias, null, null];
  },
  saves: [0, 1],
  savesOutputs: [1, 2],
});

/** The rows as a matrix through rowNormOp, in x's shape again. */
export function normalizeRows(
  x: Tensor,
  width: number,
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
  center: boolean,
): Tensor {
  const isMatrix = x.rank === 2 && x.shape[1] === width; // views cost as much as the call
  const rows = isMatrix ? x : reshape(x, [width === 0 ? 0 : x.size / width, width]);
  const flat = (t: Tensor | null): Tensor | null => (t === null || t.rank === 1 ? t : reshape(t, [width]));
  const [y] = rowNormOp(rows, flat(weight), flat(bias), eps, center) as unknown as [Tensor];
  return isMatrix ? y : reshape(y, x.shape);
}

export interface LayerNormOptions {
  /** Factors, in the normalised shape. */
  readonly weight?: Tensor | null | undefined;
  /** Shifts, in the normalised shape. */
  readonly bias?: Tensor | null | undefined;
  /** Added to the variance. */
  readonly eps?: number | undefined;
}

export interface RmsNormOptions {
  /** Factors, in the normalised shape. */
  readonly weight?: Tensor | null | undefined;
  /** Added to the mean square; by default the dtype's epsilon. */
  readonly eps?: number | undefined;
}

function checkVector(op: string, x: Tensor, shape: readonly number[], name: string, t: Tensor): void {
  requireTensor(op, t, name);
  checkArguments(op, [x, t]);
  requireSameDtype(op, x, t);
  if (!sameShape(t.shape, shape)) {
    throw shapeError(op, `${name} must be ${formatShape(shape)}, got ${formatShape(t.shape)}`);
  }
}

/** Checks what both norms take; gives the number of elements normalised together. */
function checkNormalized(
  op: string,
  x: Tensor,
  normalizedShape: number | readonly number[],
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): number {
  requireTensor(op, x);
  requireFloat(op, x);
  const shape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
  if (!Array.isArray(shape) || shape.length === 0) {
    throw argumentError(op, `normalizedShape must be a size or sizes, got ${formatValue(normalizedShape)}`);
  }
  const before = x.rank - shape.length;
  if (before < 0 || !sameShape(before === 0 ? x.shape : x.shape.slice(before), shape)) {
    throw shapeError(op, `input ${formatShape(x.shape)} does not end in ${formatShape(shape)}`);
  }
  if (weight !== null) checkVector(op, x, shape, 'weight', weight);
  if (bias !== null) checkVector(op, x, shape, 'bias', bias);
  if (typeof eps !== 'number' || !(eps >= 0)) throw argumentError(op, `eps must be ≥ 0, got ${formatValue(eps)}`);
  return numelOf(shape);
}

/**
 * Brings the last axes of each sample to mean 0 and variance 1, then scales by `weight` and shifts by `bias` (Ba et al. 2016,
 * arXiv:1607.06450).
 * @param normalizedShape - the sizes of the last axes, or the one size of the last axis
 * @returns shape of `x`
 * @example
 * layerNorm(tensor([[1, 3]]), 2); // [[-1, 1]]
 */
export function layerNorm(
  x: Tensor,
  normalizedShape: number | readonly number[],
  options: LayerNormOptions = {},
): Tensor {
  checkOptions('layerNorm', options);
  const { weight = null, bias = null, eps = 1e-5 } = options;
  const width = checkNormalized('layerNorm', x, normalizedShape, weight, bias, eps);
  return tidy(() => normalizeRows(x, width, weight, bias, eps, true));
}

/**
 * Divides the last axes of each sample by their root mean square, then scales by `weight` (Zhang and Sennrich 2019,
 * arXiv:1910.07467).
 * @param normalizedShape - the sizes of the last axes, or the one size of the last axis
 * @returns shape of `x`
 * @example
 * rmsNorm(tensor([[3, 3]]), 2); // [[1, 1]]
 */
export function rmsNorm(x: Tensor, normalizedShape: number | readonly number[], options: RmsNormOptions = {}): Tensor {
  checkOptions('rmsNorm', options);
  requireTensor('rmsNorm', x);
  const { weight = null, eps = x.dtype === 'float64' ? 2 ** -52 : 2 ** -23 } = options;
  const width = checkNormalized('rmsNorm', x, normalizedShape, weight, null, eps);
  return tidy(() => normalizeRows(x, width, weight, null, eps, false));
}
