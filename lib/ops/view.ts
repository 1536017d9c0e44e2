// Ops that copy nothing: the result shares storage with the input under another shape, strides and offset.
import { argumentError, shapeError } from '../errors.ts';
import { defineView } from '../autograd/define-view.ts';
import {
  broadcastStrides,
  checkedNumel,
  formatShape,
  inferShape,
  normalizeAxes,
  normalizeAxis,
  numelOf,
  plainSizes,
  viewStrides,
} from '../core/shape.ts';
import type { Shape } from '../core/shape.ts';
import type { DType } from '../core/dtype.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { clone } from './cast.ts';
import { requireTensor, sliceView } from './shared.ts';
import { embedSlice } from './slice.ts';
import { sumTo } from './reduce.ts';

const viewOp = defineView({
  name: 'view',
  geometry: (x, shape: Shape) => {
    const strides = viewStrides(x.shape, x.strides, shape);
    if (strides === null) {
      throw shapeError(
        'view',
        `${formatShape(x.shape)} with strides ${formatShape(x.strides)} needs a copy to become ${formatShape(shape)}; use reshape`,
      );
    }
    return { shape, strides, offset: x.offset };
  },
  backward: (ctx, dy) => reshape(dy, ctx.args[0].shape),
});

/**
 * The elements of `x` under another shape, without copying; ERR_SHAPE when strides make that impossible.
 * @param shape - one size may be -1
 * @example
 * view(arange(6), [2, -1]).shape; // [2, 3]
 */
export function view<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  requireTensor('view', x);
  return viewOp(x, inferShape('view', shape, x.size)) as Tensor<D>;
}

/**
 * The elements of `x` under another shape: a view where strides allow it, else a copy.
 * @param shape - one size may be -1
 * @example
 * reshape(arange(6), [3, 2]).shape; // [3, 2]
 */
export function reshape<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  requireTensor('reshape', x);
  const target = inferShape('reshape', shape, x.size);
  if (x.isContiguous || viewStrides(x.shape, x.strides, target) !== null) return viewOp(x, target) as Tensor<D>;
  const copy = clone(x);
  const result = viewOp(copy, target) as Tensor<D>;
  copy.dispose();
  return result;
}

/**
 * `x` with axes `start` to `end` merged into one.
 * @example
 * flatten(zeros([2, 3, 4]), 1).shape; // [2, 12]
 */
export function flatten<D extends DType>(x: Tensor<D>, start = 0, end = -1): Tensor<D> {
  requireTensor('flatten', x);
  if (x.rank === 0) return reshape(x, [1]);
  const from = normalizeAxis('flatten', start, x.rank);
  const to = normalizeAxis('flatten', end, x.rank);
  if (from > to) throw shapeError('flatten', `start axis ${start} comes after end axis ${end}`);
  const merged = numelOf(x.shape.slice(from, to + 1));
  return reshape(x, [...x.shape.slice(0, from), merged, ...x.shape.slice(to + 1)]);
}

const permuteOp = defineView({
  name: 'permute',
  geometry: (x, order: readonly number[]) => ({
    shape: order.map((axis) => x.shape[axis] as number),
    strides: order.map((axis) => x.strides[axis] as number),
    offset: x.offset,
  }),
  backward: (ctx, dy): Tensor => permuteOp(dy, inverse(ctx.args[1])),
});

function inverse(order: readonly number[]): number[] {
  const result = new Array<number>(order.length);
  for (const [to, from] of order.entries()) result[from] = to;
  return result;
}

/**
 * `x` with its axes in another order.
 * @example
 * permute(zeros([2, 3, 4]), [2, 0, 1]).shape; // [4, 2, 3]
 */
export function permute<D extends DType>(x: Tensor<D>, order: readonly number[]): Tensor<D> {
  requireTensor('permute', x);
  if (!Array.isArray(order) || order.length !== x.rank) {
    throw shapeError(
      'permute',
      `wants ${x.rank} axes, got ${Array.isArray(order) ? formatShape(order) : typeof order}`,
    );
  }
  const axes = order.map((axis) => normalizeAxis('permute', axis, x.rank));
  if (new Set(axes).size !== axes.length) throw shapeError('permute', `an axis appears twice in ${formatShape(order)}`);
  return permuteOp(x, axes) as Tensor<D>;
}

/**
 * `x` with two axes exchanged, the last two by default.
 * @example
 * transpose(zeros([2, 3])).shape; // [3, 2]
 */
export function transpose<D extends DType>(x: Tensor<D>, a = -2, b = -1): Tensor<D> {
  requireTensor('transpose', x);
  if (x.rank < 2 && a === -2 && b === -1)
    throw shapeError('transpose', `wants rank 2 or more, got shape ${formatShape(x.shape)}`);
  const from = normalizeAxis('transpose', a, x.rank);
  const to = normalizeAxis('transpose', b, x.rank);
  const order = x.shape.map((_, i) => (i === from ? to : i === to ? from : i));
  return permuteOp(x, order) as Tensor<D>;
}

const expandOp = defineView({
  name: 'expand',
  geometry: (x, shape: Shape) => ({
    shape,
    strides: broadcastStrides('expand', x.shape, x.strides, shape),
    offset: x.offset,
  }),
  backward: (ctx, dy) => sumTo(dy, ctx.args[0].shape),
});

/**
 * `x` with axes of size 1 repeated (without memory) to `shape`; -1 keeps a size.
 * @example
 * expand(ones([3, 1]), [-1, 4]).shape; // [3, 4]
 */
export function expand<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  requireTensor('expand', x);
  if (!Array.isArray(shape)) throw shapeError('expand', 'shape must be an array of integers');
  const lead = shape.length - x.rank;
  const target = shape.map((size, i) => (size === -1 && i >= lead ? (x.shape[i - lead] as number) : size));
  checkedNumel('expand', target);
  return expandOp(x, plainSizes(target)) as Tensor<D>;
}

/**
 * `x` repeated to exactly `shape` as NumPy broadcasts.
 * @example
 * broadcastTo(tensor([1, 2]), [3, 2]).shape; // [3, 2]
 */
export function broadcastTo<D extends DType>(x: Tensor<D>, shape: Shape): Tensor<D> {
  requireTensor('broadcastTo', x);
  checkedNumel('broadcastTo', shape);
  return expandOp(x, plainSizes(shape)) as Tensor<D>;
}

/**
 * `x` without axes of size 1: all of them, or those named (kept where their size is not 1).
 * @param axis - one axis or several
 * @example
 * squeeze(zeros([1, 3, 1])).shape; // [3]
 */
export function squeeze<D extends DType>(x: Tensor<D>, axis?: number | readonly number[]): Tensor<D> {
  requireTensor('squeeze', x);
  const axes = normalizeAxes('squeeze', axis, x.rank);
  return viewOp(
    x,
    x.shape.filter((size, i) => size !== 1 || !axes.includes(i)),
  ) as Tensor<D>;
}

/**
 * `x` with axes of size 1 inserted: they stand at `axis` of the result.
 * @param axis - one axis or several, counted in the result
 * @example
 * unsqueeze(zeros([3]), 0).shape; // [1, 3]
 * unsqueeze(zeros([3]), [0, -1]).shape; // [1, 3, 1]
 */
export function unsqueeze<D extends DType>(x: Tensor<D>, axis: number | readonly number[]): Tensor<D> {
  requireTensor('unsqueeze', x);
  let shape: number[];
  if (typeof axis === 'number') {
    shape = x.shape.toSpliced(normalizeAxis('unsqueeze', axis, x.rank + 1), 0, 1);
  } else {
    if (!Array.isArray(axis)) {
      throw shapeError('unsqueeze', `axis must be an integer or an array of integers, got ${formatValue(axis)}`);
    }
    shape = [...x.shape];
    // In rising order each axis already stands where it will stay.
    for (const at of normalizeAxes('unsqueeze', axis, x.rank + axis.length)) shape.splice(at, 0, 1);
  }
  checkedNumel('unsqueeze', shape);
  return viewOp(x, shape) as Tensor<D>;
}

/** The geometric half of slice: everything already normalised. */
export const sliceOp: (x: Tensor, starts: Shape, lengths: Shape, steps: Shape) => Tensor = defineView({
  name: 'slice',
  partial: true,
  geometry: (x, starts: Shape, lengths: Shape, steps: Shape) => sliceView(x, starts, lengths, steps),
  range: ({ shape }, starts: Shape, lengths: Shape, steps: Shape) => {
    const axis = shape.findIndex((size, i) => size !== lengths[i]);
    const others = shape.every((size, i) => i === axis || size === lengths[i]);
    if (axis < 0 || !others || steps.some((step) => step !== 1)) return null;
    const from = starts[axis] as number;
    return { axis, from, to: from + (lengths[axis] as number) };
  },
  backward: (ctx, dy) => embedSlice(dy, ctx.args[0].shape, ctx.args[1], ctx.args[3]),
});

/**
 * `length` elements of `x` along `axis`, from `start` on.
 * @example
 * narrow(arange(10), 0, 2, 3); // [2, 3, 4]
 */
export function narrow<D extends DType>(x: Tensor<D>, axis: number, start: number, length: number): Tensor<D> {
  requireTensor('narrow', x);
  if (x.rank === 0) throw shapeError('narrow', 'a rank-0 tensor has no axes');
  const at = normalizeAxis('narrow', axis, x.rank);
  const size = x.shape[at] as number;
  if (!Number.isInteger(start) || start < -size || start > size)
    throw shapeError('narrow', `start must be an integer in [${-size}, ${size}], got ${formatValue(start)}`);
  const from = start < 0 ? start + size : start;
  if (!Number.isInteger(length) || length < 0 || from + length > size) {
    throw shapeError('narrow', `start ${start} and length ${formatValue(length)} leave axis ${at} of size ${size}`);
  }
  const starts = x.shape.map((_, i) => (i === at ? from : 0));
  return sliceOp(
    x,
    starts,
    x.shape.with(at, length),
    x.shape.map(() => 1),
  ) as Tensor<D>;
}

const selectOp = defineView({
  name: 'select',
  partial: true,
  geometry: (x, axis: number, index: number) => ({
    shape: x.shape.toSpliced(axis, 1),
    strides: x.strides.toSpliced(axis, 1),
    offset: x.offset + index * (x.strides[axis] as number),
  }),
  range: (_x, axis: number, index: number) => ({ axis, from: index, to: index + 1 }),
  backward: (ctx, dy) => {
    const [x, axis, index] = ctx.args;
    const starts = x.shape.map((_, i) => (i === axis ? index : 0));
    const wide = unsqueeze(dy, axis);
    return embedSlice(
      wide,
      x.shape,
      starts,
      x.shape.map(() => 1),
    );
  },
});

/**
 * The part of `x` at one index of an axis, which disappears.
 * @example
 * select(tensor([[1, 2], [3, 4]]), 0, 1); // [3, 4]
 */
export function select<D extends DType>(x: Tensor<D>, axis: number, index: number): Tensor<D> {
  requireTensor('select', x);
  if (x.rank === 0) throw shapeError('select', 'a rank-0 tensor has no axes');
  const at = normalizeAxis('select', axis, x.rank);
  const size = x.shape[at] as number;
  if (!Number.isInteger(index) || index < -size || index >= size) {
    throw argumentError('select', `index must be an integer in [${-size}, ${size - 1}], got ${formatValue(index)}`);
  }
  return selectOp(x, at, index < 0 ? index + size : index) as Tensor<D>;
}
