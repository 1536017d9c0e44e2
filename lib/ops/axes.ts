// Axes moved, split and added: views, as far as the strides allow.
import { shapeError } from '../errors.ts';
import type { DType } from '../core/dtype.ts';
import { checkedNumel, formatShape, inferShape, normalizeAxis } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { requireTensor } from './shared.ts';
import { broadcastTo, flatten, permute, reshape, transpose, view } from './view.ts';

/** One axis or several, in the order given. */
function axisList(op: string, axis: number | readonly number[], rank: number): number[] {
  const list: readonly number[] = typeof axis === 'number' ? [axis] : axis;
  if (!Array.isArray(list)) {
    throw shapeError(op, `wants an axis or an array of axes, got ${formatValue(axis)}`);
  }
  const axes = list.map((each) => normalizeAxis(op, each, rank));
  if (new Set(axes).size !== axes.length) throw shapeError(op, `an axis appears twice in ${formatShape(list)}`);
  return axes;
}

/**
 * `x` with axes moved to other places; the others keep their order.
 * @example
 * movedim(zeros([2, 3, 4]), 0, -1).shape; // [3, 4, 2]
 */
export function movedim<D extends DType>(
  x: Tensor<D>,
  source: number | readonly number[],
  destination: number | readonly number[],
): Tensor<D> {
  requireTensor('movedim', x);
  const from = axisList('movedim', source, x.rank);
  const to = axisList('movedim', destination, x.rank);
  if (from.length !== to.length) {
    throw shapeError('movedim', `wants as many sources as destinations, got ${from.length} and ${to.length}`);
  }
  if (x.rank === 0) return view(x, []);
  const order = x.shape.map((_, i) => i).filter((i) => !from.includes(i));
  const moves = to.map((place, i) => [place, from[i] as number] as const).sort((a, b) => a[0] - b[0]);
  for (const [place, axis] of moves) order.splice(place, 0, axis);
  return permute(x, order);
}

/**
 * `x` with one axis split into several.
 * @param sizes - their product is the size of the axis; one may be -1
 * @example
 * unflatten(zeros([2, 6]), 1, [3, -1]).shape; // [2, 3, 2]
 */
export function unflatten<D extends DType>(x: Tensor<D>, axis: number, sizes: readonly number[]): Tensor<D> {
  requireTensor('unflatten', x);
  if (x.rank === 0) throw shapeError('unflatten', 'a rank-0 tensor has no axis to split');
  const at = normalizeAxis('unflatten', axis, x.rank);
  const parts = inferShape('unflatten', sizes, x.shape[at] as number);
  const shape = x.shape.toSpliced(at, 1, ...parts);
  checkedNumel('unflatten', shape);
  return reshape(x, shape);
}

/**
 * `x` repeated (without memory) to the shape of `other`.
 * @example
 * expandAs(tensor([1, 2]), zeros([3, 2])).shape; // [3, 2]
 */
export function expandAs<D extends DType>(x: Tensor<D>, other: Tensor): Tensor<D> {
  requireTensor('expandAs', x);
  requireTensor('expandAs', other, 'other');
  return broadcastTo(x, other.shape);
}

/**
 * The elements of `x` under the shape of `other`, without copying.
 * @example
 * viewAs(arange(6), zeros([2, 3])).shape; // [2, 3]
 */
export function viewAs<D extends DType>(x: Tensor<D>, other: Tensor): Tensor<D> {
  requireTensor('viewAs', x);
  requireTensor('viewAs', other, 'other');
  return view(x, other.shape);
}

/**
 * The elements of `x` under the shape of `other`: a view where strides allow it, else a copy.
 * @example
 * reshapeAs(arange(6), zeros([2, 3])).shape; // [2, 3]
 */
export function reshapeAs<D extends DType>(x: Tensor<D>, other: Tensor): Tensor<D> {
  requireTensor('reshapeAs', x);
  requireTensor('reshapeAs', other, 'other');
  return reshape(x, other.shape);
}

/**
 * `x` with at least one axis.
 * @example
 * atLeast1d(tensor(3)).shape; // [1]
 */
export function atLeast1d<D extends DType>(x: Tensor<D>): Tensor<D> {
  requireTensor('atLeast1d', x);
  return view(x, x.rank === 0 ? [1] : x.shape);
}

/**
 * `x` with at least two axes, added in front.
 * @example
 * atLeast2d(tensor([1, 2])).shape; // [1, 2]
 */
export function atLeast2d<D extends DType>(x: Tensor<D>): Tensor<D> {
  requireTensor('atLeast2d', x);
  return view(x, x.rank >= 2 ? x.shape : [1, ...(x.rank === 0 ? [1] : x.shape)]);
}

/**
 * `x` with at least three axes: a vector becomes [1, n, 1], a matrix [m, n, 1].
 * @example
 * atLeast3d(tensor([1, 2])).shape; // [1, 2, 1]
 */
export function atLeast3d<D extends DType>(x: Tensor<D>): Tensor<D> {
  requireTensor('atLeast3d', x);
  if (x.rank >= 3) return view(x, x.shape);
  const [m = 1, n] = x.shape;
  return view(x, n === undefined ? [1, m, 1] : [m, n, 1]);
}

export { flatten as ravel, movedim as moveaxis, transpose as swapaxes };
