// Diagonals and triangles of matrices.
import { shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import { defineView } from '../autograd/define-view.ts';
import type { Geometry } from '../autograd/tape.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { checkedNumel, formatShape, normalizeAxis } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { sum } from './reduce.ts';
import { requireTensor } from './shared.ts';
import { reshape } from './view.ts';

export interface DiagonalOptions {
  /** Above the main diagonal when positive, below when negative. Default 0. */
  readonly offset?: number | undefined;
  /** Rows. Default 0, for diagEmbed -2. */
  readonly axis1?: number | undefined;
  /** Columns. Default 1, for diagEmbed -1. */
  readonly axis2?: number | undefined;
}

function checkOffset(op: string, offset: unknown): number {
  if (typeof offset === 'number' && Number.isSafeInteger(offset)) return offset + 0;
  throw shapeError(op, `the diagonal must be an integer, got ${formatValue(offset)}`);
}

/** Where the diagonal of two axes lies: the other axes, then the diagonal. */
function geometryOf(x: Tensor, offset: number, axis1: number, axis2: number): Geometry {
  const [rows, columns] = [x.shape[axis1] as number, x.shape[axis2] as number];
  const [down, across] = [x.strides[axis1] as number, x.strides[axis2] as number];
  const length = Math.max(0, offset < 0 ? Math.min(rows + offset, columns) : Math.min(rows, columns - offset));
  const others = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== axis1 && i !== axis2);
  const shape = [...others(x.shape), length];
  // An empty diagonal has no first element: an offset for one may lie beyond the storage.
  const first = shape.includes(0) ? 0 : offset < 0 ? -offset * down : offset * across;
  return { shape, strides: [...others(x.strides), down + across], offset: x.offset + first };
}

const diagonalOp: (x: Tensor, offset: number, axis1: number, axis2: number) => Tensor = defineView({
  name: 'diagonal',
  geometry: geometryOf,
  backward: (ctx, dy) => {
    const [x, offset, axis1, axis2] = ctx.args;
    return embedOp(dy, x.shape, offset, axis1, axis2);
  },
});

/** Zeros of `shape` with `x` on the diagonal of two axes. */
const embedOp: (x: Tensor, shape: Shape, offset: number, axis1: number, axis2: number) => Tensor = defineOp({
  name: 'diagEmbed',
  infer: (x: Spec, shape: Shape, _offset: number, _axis1: number, _axis2: number): Spec => ({ shape, dtype: x.dtype }),
  forward: (ctx, x, _shape, offset, axis1, axis2) => {
    kernels.fill(ctx.out, 0);
    const { storage, dtype } = ctx.out;
    kernels.copy({ storage, dtype, ...geometryOf(ctx.out, offset, axis1, axis2) }, x);
  },
  backward: (ctx, dy): Gradients => {
    const [, , offset, axis1, axis2] = ctx.args;
    return [diagonalOp(dy, offset, axis1, axis2), null, null, null, null];
  },
  saves: [],
});

function twoAxes(op: string, first: number, second: number, rank: number): [number, number] {
  if (rank < 2) throw shapeError(op, `wants rank 2 or more, got rank ${rank}`);
  const [a, b] = [normalizeAxis(op, first, rank), normalizeAxis(op, second, rank)];
  if (a === b) throw shapeError(op, `axis1 and axis2 must differ, both are ${a}`);
  return [a, b];
}

/**
 * A view of the diagonal of two axes, which stands last in the result.
 * @param options - `{ offset, axis1, axis2 }`: the first two axes unless said otherwise
 * @example
 * diagonal(tensor([[1, 2], [3, 4]])); // [1, 4]
 */
export function diagonal<D extends DType>(x: Tensor<D>, options: DiagonalOptions = {}): Tensor<D> {
  requireTensor('diagonal', x);
  checkOptions('diagonal', options);
  const { offset = 0, axis1 = 0, axis2 = 1 } = options;
  const [a, b] = twoAxes('diagonal', axis1, axis2, x.rank);
  return diagonalOp(x, checkOffset('diagonal', offset), a, b) as Tensor<D>;
}

/**
 * Matrices with the last axis of `x` on their diagonals and zeros elsewhere.
 * @param options - `{ offset, axis1, axis2 }`: axes of the result, its last two unless said otherwise
 * @example
 * diagEmbed(tensor([1, 2])); // [[1, 0], [0, 2]]
 */
export function diagEmbed<D extends DType>(x: Tensor<D>, options: DiagonalOptions = {}): Tensor<D> {
  requireTensor('diagEmbed', x);
  checkOptions('diagEmbed', options);
  const { offset = 0, axis1 = -2, axis2 = -1 } = options;
  if (x.rank === 0) throw shapeError('diagEmbed', 'wants rank 1 or more, got a rank-0 tensor');
  const [a, b] = twoAxes('diagEmbed', axis1, axis2, x.rank + 1);
  const size = (x.shape[x.rank - 1] as number) + Math.abs(checkOffset('diagEmbed', offset));
  const shape = x.shape.slice(0, -1);
  for (const at of a < b ? [a, b] : [b, a]) shape.splice(at, 0, size);
  checkedNumel('diagEmbed', shape);
  return embedOp(x, shape, offset, a, b) as Tensor<D>;
}

/**
 * The diagonal of a matrix as a copy, or the matrix with a vector on its diagonal.
 * @param offset - above the main diagonal when positive, below when negative
 * @example
 * diag(tensor([1, 2])); // [[1, 0], [0, 2]]
 */
export function diag<D extends DType>(x: Tensor<D>, offset = 0): Tensor<D> {
  requireTensor('diag', x);
  if (x.rank === 1) return diagEmbed(x, { offset });
  if (x.rank !== 2) throw shapeError('diag', `wants a vector or a matrix, got shape ${formatShape(x.shape)}`);
  return tidy(() => diagonal(x, { offset }).clone()) as Tensor<D>;
}

/**
 * The matrix with the elements of `x`, flattened, on its diagonal.
 * @param offset - above the main diagonal when positive, below when negative
 * @example
 * diagflat(tensor([[1], [2]])); // [[1, 0], [0, 2]]
 */
export function diagflat<D extends DType>(x: Tensor<D>, offset = 0): Tensor<D> {
  requireTensor('diagflat', x);
  return tidy(() => diagEmbed(reshape(x, [x.size]), { offset })) as Tensor<D>;
}

/**
 * The sum of the diagonal of a matrix; integers in their own dtype.
 * @example
 * trace(tensor([[1, 2], [3, 4]])); // 5
 */
export function trace(x: Tensor): Tensor {
  requireTensor('trace', x);
  if (x.rank !== 2) throw shapeError('trace', `wants a matrix, got shape ${formatShape(x.shape)}`);
  return tidy(() => sum(diagonal(x)));
}

const triangleOp: (x: Tensor, diagonal: number, part: 'upper' | 'lower') => Tensor = defineOp({
  name: 'triangle',
  infer: (x: Spec, _diagonal: number, _part: 'upper' | 'lower'): Spec => x,
  forward: (ctx, x, diagonal, part) => kernels.triangle(ctx.out, x, diagonal, part === 'upper' ? 1 : 0),
  backward: (ctx, dy): Gradients => [triangleOp(dy, ctx.args[1], ctx.args[2]), null, null],
  saves: [],
});

function triangle<D extends DType>(op: string, x: Tensor<D>, diagonal: number, part: 'upper' | 'lower'): Tensor<D> {
  requireTensor(op, x);
  if (x.rank < 2) throw shapeError(op, `wants rank 2 or more, got shape ${formatShape(x.shape)}`);
  const limit = (x.shape[x.rank - 1] as number) + (x.shape[x.rank - 2] as number);
  const edge = Math.max(-limit, Math.min(limit, checkOffset(op, diagonal)));
  return triangleOp(x, edge, part) as Tensor<D>;
}

/**
 * The lower triangles of matrices (the last two axes), zeros above.
 * @param diagonal - the last diagonal kept: above the main one when positive
 * @example
 * tril(ones([2, 2])); // [[1, 0], [1, 1]]
 */
export function tril<D extends DType>(x: Tensor<D>, diagonal = 0): Tensor<D> {
  return triangle('tril', x, diagonal, 'lower');
}

/**
 * The upper triangles of matrices (the last two axes), zeros below.
 * @param diagonal - the first diagonal kept: above the main one when positive
 * @example
 * triu(ones([2, 2]), 1); // [[0, 1], [0, 0]]
 */
export function triu<D extends DType>(x: Tensor<D>, diagonal = 0): Tensor<D> {
  return triangle('triu', x, diagonal, 'upper');
}
