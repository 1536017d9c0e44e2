// What the arguments of at() mean: a view first (numbers, ranges, new axes), then index tensors or a mask on its axes.
import { argumentError, dtypeError, indexError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { isInteger } from '../core/dtype.ts';
import { checkedNumel, formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { sliceOp, view } from './view.ts';

/** [start, stop, step], each of which may be left out or null; a negative step goes backwards. */
export type IndexRange = readonly (number | null | undefined)[];

/**
 * One argument of at(): a position (negative from the end), a range, ':' for a whole axis, '...' for as many whole axes as
 * are left, null for a new axis of size 1, a tensor of integer positions, or a bool mask over as many axes as it has.
 */
export type Index = number | IndexRange | ':' | '...' | null | Tensor;

/** An index tensor and the axis of the view it stands on (the first one, for a mask). */
export interface TensorIndex {
  readonly tensor: Tensor;
  readonly axis: number;
}

export interface Plan {
  readonly starts: number[];
  readonly lengths: number[];
  readonly steps: number[];
  /** Shape of the view after positions have removed axes and null has added some. */
  readonly shape: number[];
  readonly tensors: TensorIndex[];
}

const isMask = (each: unknown): boolean => each instanceof Tensor && each.dtype === 'bool';

/** Axes of the input an index takes. */
function consumed(each: Index): number {
  if (each === null || each === '...') return 0;
  return isMask(each) ? (each as Tensor).rank : 1;
}

function bound(value: unknown, missing: number, size: number, low: number, high: number): number {
  if (value === null || value === undefined) return missing;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw argumentError('at', `bounds of a range must be integers or null, got ${formatValue(value)}`);
  }
  return Math.min(high, Math.max(low, value < 0 ? value + size : value));
}

/** Start, length and step of a range on an axis of `size`, as Python slices. */
function rangeOf(range: IndexRange, size: number): [number, number, number] {
  if (range.length > 3) throw argumentError('at', `a range is [start, stop, step], got ${formatShape(range)}`);
  const step = range[2] ?? 1;
  if (!Number.isSafeInteger(step) || step === 0) {
    throw argumentError('at', `the step of a range must be an integer other than 0, got ${formatValue(step)}`);
  }
  if (step > 0) {
    const start = bound(range[0], 0, size, 0, size);
    const stop = bound(range[1], size, size, 0, size);
    return [start, Math.max(0, Math.ceil((stop - start) / step)), step];
  }
  const start = bound(range[0], size - 1, size, -1, size - 1);
  const stop = bound(range[1], -1, size, -1, size - 1);
  return [start, Math.max(0, Math.ceil((start - stop) / -step)), step];
}

function position(value: number, axis: number, size: number): number {
  if (!Number.isSafeInteger(value))
    throw argumentError('at', `a position must be an integer, got ${formatValue(value)}`);
  if (value < -size || value >= size) {
    throw indexError('at', `index ${value} is out of range for axis ${axis} of size ${size}`);
  }
  return value < 0 ? value + size : value + 0;
}

/** Reads the arguments of at(). */
export function planOf(x: Tensor, indices: readonly Index[]): Plan {
  checkArguments('at', [x, ...indices]);
  const rests = indices.filter((each) => each === '...').length;
  if (rests > 1) throw argumentError('at', "'...' may stand once");
  const taken = indices.reduce<number>((sum, each) => sum + consumed(each), 0);
  if (taken > x.rank) {
    throw shapeError('at', `${taken} indices are too many for shape ${formatShape(x.shape)}`);
  }
  const plan: Plan = { starts: [], lengths: [], steps: [], shape: [], tensors: [] };
  const whole = (count: number): void => {
    for (let k = 0; k < count; k++) {
      const size = x.shape[plan.starts.length] as number;
      plan.starts.push(0);
      plan.lengths.push(size);
      plan.steps.push(1);
      plan.shape.push(size);
    }
  };
  for (const each of indices) {
    const axis = plan.starts.length;
    const size = x.shape[axis] as number;
    if (each === null) plan.shape.push(1);
    else if (each === '...') whole(x.rank - taken);
    else if (each === ':') whole(1);
    else if (typeof each === 'number') {
      plan.starts.push(position(each, axis, size));
      plan.lengths.push(1);
      plan.steps.push(1);
    } else if (each instanceof Tensor) {
      checkTensor(x, each, axis);
      plan.tensors.push({ tensor: each, axis: plan.shape.length });
      whole(consumed(each));
    } else if (Array.isArray(each)) {
      const [start, length, step] = rangeOf(each, size);
      plan.starts.push(length === 0 ? 0 : start);
      plan.lengths.push(length);
      plan.steps.push(step);
      plan.shape.push(length);
    } else {
      throw argumentError(
        'at',
        `an index is a number, a range, ':', '...', null or a tensor, got ${formatValue(each)}`,
      );
    }
  }
  whole(x.rank - plan.starts.length);
  checkedNumel('at', plan.shape);
  return plan;
}

function checkTensor(x: Tensor, index: Tensor, axis: number): void {
  if (isInteger(index.dtype)) return;
  if (index.dtype !== 'bool') {
    throw dtypeError('at', `an index tensor must hold integers or be a bool mask, got ${index.dtype}`);
  }
  if (index.rank === 0) throw shapeError('at', 'a mask must have at least one axis');
  const covered = x.shape.slice(axis, axis + index.rank);
  if (index.shape.some((size, i) => size !== covered[i])) {
    throw shapeError(
      'at',
      `a mask of shape ${formatShape(index.shape)} does not cover axes of sizes ${formatShape(covered)}`,
    );
  }
}

/** The view the plan starts from. Made inside of tidy. */
export function viewOf(x: Tensor, { starts, lengths, steps, shape }: Plan): Tensor {
  return view(sliceOp(x, starts, lengths, steps), shape);
}
