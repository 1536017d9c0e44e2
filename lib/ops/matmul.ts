import { shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { precisionCode } from '../core/float32-precision.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import {
  broadcastShapes,
  broadcastStrides,
  contiguousStrides,
  formatShape,
  leadingAxes,
  maxRank,
  numelOf,
  sameShape,
  viewStrides,
} from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { contiguous } from './cast.ts';
import { reduceRows, sumTo } from './reduce.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { reshape, transpose, unsqueeze } from './view.ts';

/** `t` with its leading axes broadcast to `batch`. */
function batched(t: Tensor, batch: Shape): KernelView {
  if (batch.length === 0 || sameShape(batch, leadingAxes(t.shape))) return t;
  const shape = [...batch, ...t.shape.slice(-2)];
  const strides = broadcastStrides('matmul', t.shape, t.strides, shape);
  return { storage: t.storage, offset: t.offset, shape, strides, dtype: t.dtype };
}

const matmulOp = defineOp({
  name: 'matmul',
  autocast: 'lower',
  row: 'matmul',
  infer: (a: Spec, b: Spec): Spec => {
    const k = a.shape.at(-1);
    const k2 = b.shape.at(-2);
    if (k !== k2) {
      throw shapeError(
        'matmul',
        `inner sizes must match: left is ${formatShape(a.shape)}, right is ${formatShape(b.shape)} (${k} ≠ ${k2})`,
      );
    }
    const [rows, columns] = [a.shape.at(-2) as number, b.shape.at(-1) as number];
    if (a.shape.length === 2 && b.shape.length === 2) return { shape: [rows, columns], dtype: a.dtype };
    const batch = broadcastShapes('matmul', leadingAxes(a.shape), leadingAxes(b.shape));
    return { shape: [...batch, rows, columns], dtype: a.dtype };
  },
  forward: (ctx, a, b) => {
    const batch = leadingAxes(ctx.out.shape);
    kernels.matmul(ctx.out, batched(a, batch), batched(b, batch), null, { precision: precisionCode() });
  },
  backward: (ctx, dy): Gradients => {
    const [a, b] = ctx.args;
    return [
      ctx.needs(0) ? sumTo(matmulOp(dy, transpose(b)), a.shape) : null,
      ctx.needs(1) ? sumTo(matmulOp(transpose(a), dy), b.shape) : null,
    ];
  },
  saves: 'others',
});

/**
 * Matrix product over the last two axes; leading axes broadcast. Rank-1 operands are a row on the left, a column on the
 * right, and that axis disappears.
 * @returns [..., M, N] for [..., M, K] and [..., K, N]
 * @example
 * matmul(tensor([[1, 2]]), tensor([[3], [4]])); // [[11]]
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  requireTensor('matmul', a, 'left');
  requireTensor('matmul', b, 'right');
  checkArguments('matmul', [a, b]);
  if (a.rank === 0 || b.rank === 0) {
    throw shapeError(
      'matmul',
      `wants tensors of rank 1 or more, left is ${formatShape(a.shape)}, right is ${formatShape(b.shape)}`,
    );
  }
  requireFloat('matmul', a, 'left');
  requireSameDtype('matmul', a, b);
  if (a.rank >= 2 && b.rank >= 2 && (a.rank === 2 || b.rank > 2)) return matmulOp(a, b);
  return tidy(() => {
    const left = a.rank === 1 ? unsqueeze(a, 0) : a;
    const right = b.rank === 1 ? unsqueeze(b, 1) : b;
    const rows = left.shape.slice(0, -1);
    // One large product beats many small ones when all of the left meets the same matrix.
    const merge =
      left.rank > 2 && right.rank === 2 && viewStrides(left.shape, left.strides, merged(left.shape)) !== null;
    const product = merge
      ? reshape(matmulOp(reshape(left, merged(left.shape)), right), [...rows, right.shape[1] as number])
      : matmulOp(left, right);
    if (a.rank > 1 && b.rank > 1) return product;
    const shape = product.shape.slice(0, -2);
    if (a.rank > 1) shape.push(product.shape.at(-2) as number);
    if (b.rank > 1) shape.push(product.shape.at(-1) as number);
    return reshape(product, shape);
  });
}

/** [..., K] as [rows, K]. */
function merged(shape: Shape): number[] {
  return [numelOf(shape.slice(0, -1)), shape.at(-1) as number];
}

/** Rows of `t` as a matrix; `t` is viewable so (see rowsOf). */
function matrix(t: Tensor): KernelView {
  const shape = merged(t.shape);
  const strides = viewStrides(t.shape, t.strides, shape) ?? contiguousStrides(shape);
  return { storage: t.storage, offset: t.offset, shape, strides, dtype: t.dtype };
}

function flipped(t: Tensor): KernelView {
  const { storage, offset, shape, strides, dtype } = t;
  return { storage, offset, shape: [...shape].reverse(), strides: [...strides].reverse(), dtype };
}

const linearOp = defineOp({
  name: 'linear',
  autocast: 'lower',
  row: 'matmul',
  infer: (x: Tensor, weight: Tensor, _bias: Tensor | null): Spec => ({
    shape: [...x.shape.slice(0, -1), weight.shape[0] as number],
    dtype: x.dtype,
  }),
  forward: (ctx, x, weight, bias) =>
    kernels.matmul(matrix(ctx.out), matrix(x), flipped(weight), bias, { precision: precisionCode() }),
  backward: (ctx, dy): Gradients => {
    const [x, weight, bias] = ctx.args;
    const rows = dy.rank === 2 ? dy : reshape(dy, merged(dy.shape));
    return [
      ctx.needs(0) ? reshape(matmulOp(rows, weight), x.shape) : null,
      ctx.needs(1) ? matmulOp(transpose(rows), x.rank === 2 ? x : reshape(x, merged(x.shape))) : null,
      bias !== null && ctx.needs(2) ? reduceRows(rows) : null,
    ];
  },
  saves: 'others',
});

/**
 * x · weightᵀ + bias, the fully connected layer.
 * @param x - [..., in]
 * @param weight - [out, in]
 * @param bias - [out]
 * @returns [..., out]
 * @example
 * linear(ones([2, 3]), ones([4, 3]), zeros([4])).shape; // [2, 4]
 */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  requireTensor('linear', x);
  requireTensor('linear', weight, 'weight');
  checkArguments('linear', [x, weight, bias]);
  if (weight.rank !== 2) throw shapeError('linear', `weight must be [out, in], got ${formatShape(weight.shape)}`);
  if (x.rank === 0 || x.shape.at(-1) !== weight.shape[1]) {
    throw shapeError(
      'linear',
      `the last axis of ${formatShape(x.shape)} must match weight ${formatShape(weight.shape)}`,
    );
  }
  if (x.rank > maxRank) throw shapeError('linear', `rank must be at most ${maxRank}`);
  requireFloat('linear', x);
  requireSameDtype('linear', x, weight);
  if (bias !== null) {
    requireTensor('linear', bias, 'bias');
    requireSameDtype('linear', x, bias);
    if (bias.rank !== 1 || bias.shape[0] !== weight.shape[0]) {
      throw shapeError('linear', `bias must be [${weight.shape[0]}], got ${formatShape(bias.shape)}`);
    }
  }
  if (x.rank === 2 || x.isContiguous) return linearOp(x, weight, bias);
  const packed = contiguous(x);
  const result = linearOp(packed, weight, bias);
  packed.dispose();
  return result;
}
