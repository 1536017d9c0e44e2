// Axes read backwards: views with negative strides, which share memory with the input; clone() gives a copy.
import { shapeError } from '../errors.ts';
import type { DType } from '../core/dtype.ts';
import { formatShape, normalizeAxes, normalizeAxis } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { requireTensor } from './shared.ts';
import { sliceOp, transpose } from './view.ts';

/**
 * A view of `x` with axes reversed, all of them when `axis` is omitted.
 * @example
 * flip(tensor([[1, 2], [3, 4]]), 1); // [[2, 1], [4, 3]]
 */
export function flip<D extends DType>(x: Tensor<D>, axis?: number | readonly number[]): Tensor<D> {
  requireTensor('flip', x);
  const axes = normalizeAxes('flip', axis, x.rank);
  const turned = (i: number): boolean => axes.includes(i);
  return sliceOp(
    x,
    x.shape.map((size, i) => (turned(i) ? Math.max(0, size - 1) : 0)),
    x.shape,
    x.shape.map((_, i) => (turned(i) ? -1 : 1)),
  ) as Tensor<D>;
}

/**
 * A view of `x` with its columns (axis 1) reversed.
 * @example
 * fliplr(tensor([[1, 2], [3, 4]])); // [[2, 1], [4, 3]]
 */
export function fliplr<D extends DType>(x: Tensor<D>): Tensor<D> {
  requireTensor('fliplr', x);
  if (x.rank < 2) throw shapeError('fliplr', `wants rank 2 or more, got shape ${formatShape(x.shape)}`);
  return flip(x, 1);
}

/**
 * A view of `x` with its rows (axis 0) reversed.
 * @example
 * flipud(tensor([[1, 2], [3, 4]])); // [[3, 4], [1, 2]]
 */
export function flipud<D extends DType>(x: Tensor<D>): Tensor<D> {
  requireTensor('flipud', x);
  if (x.rank < 1) throw shapeError('flipud', 'wants rank 1 or more, got a rank-0 tensor');
  return flip(x, 0);
}

/**
 * A view of `x` turned by 90 degrees `times` times, from the first of two axes towards the second.
 * @param times - negative turns the other way
 * @example
 * rot90(tensor([[1, 2], [3, 4]])); // [[2, 4], [1, 3]]
 */
export function rot90<D extends DType>(x: Tensor<D>, times = 1, axes: readonly [number, number] = [0, 1]): Tensor<D> {
  requireTensor('rot90', x);
  if (!Number.isSafeInteger(times)) throw shapeError('rot90', `times must be an integer, got ${formatValue(times)}`);
  if (!Array.isArray(axes) || axes.length !== 2) throw shapeError('rot90', 'axes must be two axes');
  if (x.rank < 2) throw shapeError('rot90', `wants rank 2 or more, got shape ${formatShape(x.shape)}`);
  const [from, to] = axes.map((each: number) => normalizeAxis('rot90', each, x.rank)) as [number, number];
  if (from === to) throw shapeError('rot90', `axes must differ, got ${formatShape(axes)}`);
  const quarter = ((times % 4) + 4) % 4;
  if (quarter === 0) return flip(x, []);
  if (quarter === 2) return flip(x, [from, to]);
  const turned = quarter === 1 ? flip(x, to) : transpose(x, from, to);
  const result = quarter === 1 ? transpose(turned, from, to) : flip(turned, to);
  turned.dispose();
  return result;
}
