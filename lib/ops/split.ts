// A tensor as several views along an axis.
import { argumentError, shapeError } from '../errors.ts';
import type { DType } from '../core/dtype.ts';
import { formatShape, normalizeAxis } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { requireTensor } from './shared.ts';
import { narrow, select } from './view.ts';

function axisOf(op: string, x: Tensor, axis: number): number {
  requireTensor(op, x);
  if (x.rank === 0) throw shapeError(op, 'a rank-0 tensor has no axis to split');
  return normalizeAxis(op, axis, x.rank);
}

function countOf(op: string, name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value;
  throw argumentError(op, `${name} must be an integer ≥ 1, got ${formatValue(value)}`);
}

function parts<D extends DType>(x: Tensor<D>, axis: number, lengths: readonly number[]): Tensor<D>[] {
  let start = 0;
  return lengths.map((length) => {
    start += length;
    return narrow(x, axis, start - length, length);
  });
}

/** Lengths of parts of `size` that fill `total`; the last may be shorter. Nothing is one empty part. */
function evenly(total: number, size: number): number[] {
  const count = Math.max(1, Math.ceil(total / size));
  return Array.from({ length: count }, (_, i) => Math.min(size, total - i * size));
}

/**
 * Views of `x` along an axis: of `size` each, the last perhaps shorter, or of the sizes listed.
 * @param size - a size, or sizes that add up to that of the axis
 * @example
 * split(arange(5), 2).map((t) => t.size); // [2, 2, 1]
 */
export function split<D extends DType>(x: Tensor<D>, size: number | readonly number[], axis = 0): Tensor<D>[] {
  const at = axisOf('split', x, axis);
  const total = x.shape[at] as number;
  if (!Array.isArray(size)) return parts(x, at, evenly(total, countOf('split', 'size', size)));
  const sum = size.reduce((a: number, b: number) => a + b, 0);
  if (size.length === 0 || sum !== total || !size.every((each) => Number.isSafeInteger(each) && each >= 0)) {
    throw shapeError('split', `sizes ${formatShape(size)} must be integers that add up to ${total}`);
  }
  return parts(x, at, size);
}

/**
 * At most `chunks` views of equal size along an axis, the last perhaps shorter.
 * @example
 * chunk(arange(5), 3).map((t) => t.size); // [2, 2, 1]
 */
export function chunk<D extends DType>(x: Tensor<D>, chunks: number, axis = 0): Tensor<D>[] {
  const at = axisOf('chunk', x, axis);
  const count = countOf('chunk', 'chunks', chunks);
  const total = x.shape[at] as number;
  if (total === 0) {
    if (count > maxParts) throw argumentError('chunk', `chunks must be at most ${maxParts}, got ${count}`);
    return parts(x, at, new Array<number>(count).fill(0));
  }
  return parts(x, at, evenly(total, Math.ceil(total / count)));
}

/** More views than anyone wants: a guard against typing errors that would exhaust memory. */
const maxParts = 2 ** 20;

/**
 * Views of `x`, one for each index of an axis, which disappears.
 * @example
 * unbind(tensor([[1, 2], [3, 4]])); // [1, 2] and [3, 4]
 */
export function unbind<D extends DType>(x: Tensor<D>, axis = 0): Tensor<D>[] {
  const at = axisOf('unbind', x, axis);
  return Array.from({ length: x.shape[at] as number }, (_, i) => select(x, at, i));
}

/**
 * Views of `x` along an axis: `sections` of them whose sizes differ by at most one, or the parts between the indices listed.
 * @param sections - a number of parts, or the indices where parts after the first begin
 * @example
 * tensorSplit(arange(7), 3).map((t) => t.size); // [3, 2, 2]
 * tensorSplit(arange(7), [2, 5]).map((t) => t.size); // [2, 3, 2]
 */
export function tensorSplit<D extends DType>(
  x: Tensor<D>,
  sections: number | readonly number[],
  axis = 0,
): Tensor<D>[] {
  return divide('tensorSplit', x, sections, axisOf('tensorSplit', x, axis));
}

function divide<D extends DType>(
  op: string,
  x: Tensor<D>,
  sections: number | readonly number[],
  axis: number,
): Tensor<D>[] {
  const total = x.shape[axis] as number;
  if (!Array.isArray(sections)) {
    const count = countOf(op, 'sections', sections);
    if (count > maxParts) throw argumentError(op, `sections must be at most ${maxParts}, got ${count}`);
    const least = Math.floor(total / count);
    const longer = total % count;
    return parts(
      x,
      axis,
      Array.from({ length: count }, (_, i) => least + (i < longer ? 1 : 0)),
    );
  }
  if (!sections.every(Number.isSafeInteger))
    throw argumentError(op, `indices must be integers, got ${formatShape(sections)}`);
  const bound = (i: number): number => Math.min(total, Math.max(0, i < 0 ? i + total : i));
  const stops = [...sections.map(bound), total];
  return stops.map((stop, i) => {
    const start = i === 0 ? 0 : (stops[i - 1] as number);
    return narrow(x, axis, start, Math.max(0, stop - start));
  });
}

/** PyTorch's hsplit and its kind: a number of sections must divide the axis. */
function exactly<D extends DType>(
  op: string,
  x: Tensor<D>,
  sections: number | readonly number[],
  axis: number,
  rank: number,
): Tensor<D>[] {
  requireTensor(op, x);
  if (x.rank < rank) throw shapeError(op, `wants rank ${rank} or more, got shape ${formatShape(x.shape)}`);
  const total = x.shape[axis] as number;
  if (!Array.isArray(sections) && total % countOf(op, 'sections', sections) !== 0) {
    throw shapeError(op, `axis ${axis} of size ${total} cannot be split into ${formatValue(sections)} equal parts`);
  }
  return divide(op, x, sections, axis);
}

/**
 * Views of `x` side by side: along axis 1, or axis 0 of a vector.
 * @param sections - a number that divides the axis, or the indices where parts after the first begin
 * @example
 * hsplit(zeros([2, 4]), 2).map((t) => t.shape); // [2, 2] twice
 */
export function hsplit<D extends DType>(x: Tensor<D>, sections: number | readonly number[]): Tensor<D>[] {
  requireTensor('hsplit', x);
  return exactly('hsplit', x, sections, x.rank === 1 ? 0 : 1, 1);
}

/**
 * Views of `x` one below the other: along axis 0 of rank 2 or more.
 * @param sections - a number that divides the axis, or the indices where parts after the first begin
 * @example
 * vsplit(zeros([4, 2]), [1]).map((t) => t.shape); // [1, 2] and [3, 2]
 */
export function vsplit<D extends DType>(x: Tensor<D>, sections: number | readonly number[]): Tensor<D>[] {
  return exactly('vsplit', x, sections, 0, 2);
}

/**
 * Views of `x` one behind the other: along axis 2 of rank 3 or more.
 * @param sections - a number that divides the axis, or the indices where parts after the first begin
 * @example
 * dsplit(zeros([1, 2, 4]), 2).map((t) => t.shape); // [1, 2, 2] twice
 */
export function dsplit<D extends DType>(x: Tensor<D>, sections: number | readonly number[]): Tensor<D>[] {
  return exactly('dsplit', x, sections, 2, 3);
}
