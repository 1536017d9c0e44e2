import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Op, Spec } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { normalizeAxis, reducedShape } from '../core/shape.ts';
import { emptyTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { sumOver } from './reduce.ts';
import type { ReduceArgument } from './reduce-shared.ts';
import { reducedCount, reduceOptions, resolveReduction } from './reduce-shared.ts';
import { floatOf, requireTensor } from './shared.ts';
import { exp, neg } from './unary.ts';
import { permute, reshape, transpose } from './view.ts';

type RowOp = Op<[x: Spec], Spec>;

const rows = (t: Tensor): Tensor => sumOver(t, [t.rank - 1], true);

/** Over the last axis; rank ≥ 1. */
export const softmaxRows: RowOp = defineOp({
  name: 'softmax',
  autocast: 'float32',
  infer: (x: Spec) => x,
  forward: (ctx, x) => kernels.softmax(ctx.out, x),
  backward: (ctx, dy) => [mul(ctx.out, sub(dy, rows(mul(dy, ctx.out))))],
  fastBackward: (ctx, dy) => {
    const dx = emptyTensor(ctx.out.shape, ctx.out.dtype, dy.storage.queue);
    kernels.softmaxGrad(dx, ctx.out, dy);
    return [dx];
  },
  saves: [],
  savesOutputs: [0],
});

/** Over the last axis; rank ≥ 1. */
export const logSoftmaxRows: RowOp = defineOp({
  name: 'logSoftmax',
  autocast: 'float32',
  infer: (x: Spec) => x,
  forward: (ctx, x) => kernels.logSoftmax(ctx.out, x),
  backward: (ctx, dy) => [sub(dy, mul(exp(ctx.out), rows(dy)))],
  fastBackward: (ctx, dy) => {
    const dx = emptyTensor(ctx.out.shape, ctx.out.dtype, dy.storage.queue);
    kernels.logSoftmaxGrad(dx, ctx.out, dy);
    return [dx];
  },
  saves: [],
  savesOutputs: [0],
});

const logsumexpRows: RowOp = defineOp({
  name: 'logsumexp',
  autocast: 'float32',
  infer: (x: Spec) => ({ shape: [...x.shape.slice(0, -1), 1], dtype: x.dtype }),
  forward: (ctx, x) => kernels.logsumexp(ctx.out, x),
  backward: (ctx, dy) => [mul(dy, softmaxRows(ctx.args[0]))],
});

/** The axis an op works along: a number or { axis }. */
export type AxisArgument = number | { readonly axis?: number | undefined };

function axisOf(op: string, argument: AxisArgument): number {
  const chosen = typeof argument === 'object' && argument !== null ? (argument.axis ?? -1) : argument;
  if (typeof chosen !== 'number') throw argumentError(op, `wants an axis, got ${typeof chosen}`);
  return chosen;
}

function along(op: string, rowOp: RowOp, x: Tensor, argument: AxisArgument): Tensor {
  requireTensor(op, x);
  const axis = normalizeAxis(op, axisOf(op, argument), x.rank);
  const dtype = floatOf(x.dtype);
  if (x.dtype === dtype && x.rank > 0 && axis === x.rank - 1) return rowOp(x);
  return tidy(() => {
    const input = castTo(x, dtype);
    if (x.rank === 0) return reshape(rowOp(reshape(input, [1])), []);
    if (axis === x.rank - 1) return rowOp(input);
    return transpose(rowOp(transpose(input, axis, -1)), axis, -1);
  });
}

/**
 * exp(x) divided by its sum along `axis`, without overflow.
 * @returns shape of `x`
 * @example
 * softmax(tensor([0, 0])); // [0.5, 0.5]
 */
export function softmax(x: Tensor, axis: AxisArgument = -1): Tensor {
  return along('softmax', softmaxRows, x, axis);
}

/**
 * softmax of −x along `axis`: the smallest element gets the most.
 * @returns shape of `x`
 * @example
 * softmin(tensor([0, 0])); // [0.5, 0.5]
 */
export function softmin(x: Tensor, axis: AxisArgument = -1): Tensor {
  requireTensor('softmin', x);
  return tidy(() => softmax(neg(castTo(x, floatOf(x.dtype))), axis));
}

/**
 * The logarithm of softmax along `axis`, exact where softmax underflows.
 * @returns shape of `x`
 * @example
 * logSoftmax(tensor([0, 0])); // [-0.6931, -0.6931]
 */
export function logSoftmax(x: Tensor, axis: AxisArgument = -1): Tensor {
  return along('logSoftmax', logSoftmaxRows, x, axis);
}

/**
 * The logarithm of the sum of exp(x) over axes, the last one when none is named, without overflow.
 * @returns shape of `x` without the reduced axes
 * @throws ERR_SHAPE when a reduced axis has size 0
 * @example
 * logsumexp(tensor([1000, 1000])); // 1000.6931
 */
export function logsumexp(x: Tensor, reduce: ReduceArgument = -1): Tensor {
  requireTensor('logsumexp', x);
  const { axis = -1, keepdim } = reduceOptions('logsumexp', reduce);
  const r = resolveReduction('logsumexp', x, { axis, keepdim });
  const empty = r.axes.find((at) => x.shape[at] === 0);
  if (empty !== undefined) throw shapeError('logsumexp', `axis ${empty} is empty: the sum has no logarithm`);
  return tidy(() => {
    const input = castTo(x, floatOf(x.dtype));
    const shape = reducedShape(x.shape, r.axes, r.keepdim);
    const kept = [...x.shape.keys()].filter((at) => !r.axes.includes(at));
    const lines = reshape(permute(input, [...kept, ...r.axes]), [
      ...kept.map((at) => x.shape[at] as number),
      reducedCount(x.shape, r),
    ]);
    return reshape(logsumexpRows(lines), shape);
  });
}
