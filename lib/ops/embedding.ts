import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { withContextSync } from '../core/context.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { checkedNumel, formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, pow } from './binary.ts';
import { gt, ne } from './compare.ts';
import { ones } from './creation.ts';
import { index } from './index-select.ts';
import { mul_ } from './inplace.ts';
import { sum } from './reduce.ts';
import { requireFloat, requireIntegers, requireTensor } from './shared.ts';
import { abs, reciprocal } from './unary.ts';
import { unsqueeze } from './view.ts';
import { where } from './where.ts';

/** What lookups of rows in a table share. */
export interface LookupOptions {
  /** A row whose gradient stays 0; it may be counted from the end. In a bag it adds nothing. */
  readonly paddingIdx?: number | null | undefined;
  /** Rows that are looked up and longer than this are shortened to it, in place, first. */
  readonly maxNorm?: number | null | undefined;
  /** The p of that norm. */
  readonly normType?: number | undefined;
  /** Divide the gradient of each row by how often it was looked up. */
  readonly scaleGradByFreq?: boolean | undefined;
}

export type EmbeddingOptions = LookupOptions;

/** Zeros of `shape` with each row of `dy` added at its index. */
export const addRows: (dy: Tensor, indices: Tensor, shape: Shape) => Tensor = defineOp({
  name: 'addRows',
  infer: (dy: Spec, _indices: Spec, shape: Shape): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, indices) => {
    kernels.fill(ctx.out, 0);
    kernels.indexAdd(ctx.out, indices, dy);
  },
  backward: (ctx, ddx): Gradients => [index(ddx, ctx.args[1]), null, null],
  saves: [1],
});

/** How often each row of a table is looked up. */
export function frequencies(indices: Tensor, rows: number, like: Tensor): Tensor {
  return addRows(ones(indices.shape, { dtype: like.dtype, device: like.device }), indices, [rows]);
}

const lookUp = defineOp({
  name: 'embedding',
  infer: (indices: Spec, weight: Spec, _padding: number, _byFrequency: boolean): Spec => {
    const shape = [...indices.shape, weight.shape[1] as number];
    checkedNumel('embedding', shape);
    return { shape, dtype: weight.dtype };
  },
  forward: (ctx, indices, weight) => kernels.index(ctx.out, weight, indices),
  backward: (ctx, dy): Gradients => {
    const [indices, weight, padding, byFrequency] = ctx.args;
    const rows = weight.shape[0] as number;
    let d = dy;
    if (byFrequency) d = div(d, unsqueeze(index(frequencies(indices, rows, dy), indices), indices.rank));
    if (padding >= 0) d = where(unsqueeze(ne(indices, padding), indices.rank), d, 0);
    return [null, addRows(d, indices, weight.shape), null, null];
  },
  saves: [0],
});

/** The padding row counted from the front; −1: none. */
export function paddingRow(op: string, paddingIdx: number | null | undefined, rows: number): number {
  if (paddingIdx == null) return -1;
  if (!Number.isInteger(paddingIdx) || paddingIdx < -rows || paddingIdx >= rows)
    throw argumentError(op, `paddingIdx must be an integer in [${-rows}, ${rows - 1}], got ${formatValue(paddingIdx)}`);
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
}

/** Indices and table of a lookup. */
export function checkLookup(op: string, indices: Tensor, weight: Tensor): void {
  requireTensor(op, indices, 'indices');
  requireTensor(op, weight, 'weight');
  checkArguments(op, [indices, weight]);
  requireIntegers(op, indices, 'indices');
  requireFloat(op, weight, 'weight');
  if (weight.rank !== 2) throw shapeError(op, `weight must be [rows, features], got ${formatShape(weight.shape)}`);
}

/** Shortens the rows that `indices` name to `maxNorm`, in place and without a gradient. */
export function shorten(op: string, weight: Tensor, indices: Tensor, { maxNorm, normType = 2 }: LookupOptions): void {
  if (maxNorm == null) return;
  if (typeof maxNorm !== 'number' || !(maxNorm >= 0))
    throw argumentError(op, `maxNorm must be ≥ 0, got ${formatValue(maxNorm)}`);
  if (typeof normType !== 'number' || !(normType > 0) || normType === Infinity)
    throw argumentError(op, `normType must be a positive number, got ${formatValue(normType)}`);
  withContextSync({ gradMode: false }, () => {
    tidy(() => {
      const norms = pow(sum(pow(abs(weight), normType), 1), 1 / normType);
      const used = gt(frequencies(indices, weight.shape[0] as number, weight), 0);
      const factors = where(gt(norms, maxNorm), reciprocal(div(add(norms, 1e-7), maxNorm)), 1);
      mul_(weight, unsqueeze(where(used, factors, 1), 1));
      return weight;
    });
  });
}

/**
 * Rows of `weight` chosen by integers. An index outside the table is ERR_INDEX when the result is read.
 * @param indices - int32, int64 or uint8 of any shape
 * @param weight - [rows, features]
 * @returns [...indices, features]
 * @example
 * embedding(tensor([1, 0], { dtype: 'int32' }), tensor([[1, 2], [3, 4]])); // [[3, 4], [1, 2]]
 */
export function embedding(indices: Tensor, weight: Tensor, options: EmbeddingOptions = {}): Tensor {
  checkOptions('embedding', options);
  checkLookup('embedding', indices, weight);
  if (indices.rank > 7)
    throw shapeError('embedding', `indices ${formatShape(indices.shape)} give a result of rank > 8`);
  const padding = paddingRow('embedding', options.paddingIdx, weight.shape[0] as number);
  shorten('embedding', weight, indices, options);
  return lookUp(indices, weight, padding, options.scaleGradByFreq === true);
}
