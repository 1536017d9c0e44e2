import { argumentError, shapeError } from '../errors.ts';
import { formatValue } from './values.ts';

export type Shape = readonly number[];

export const maxRank = 8;

/** How a shape, or what was given for one, is written in messages. */
export function formatShape(shape: readonly unknown[]): string {
  return `[${shape.map(formatValue).join(', ')}]`;
}

/** Elements of `shape`; throws ERR_SHAPE for anything but at most eight non-negative integers with a product ≤ 2^53. */
export function checkedNumel(op: string, shape: Shape): number {
  if (!Array.isArray(shape)) throw shapeError(op, `shape must be an array of integers, got ${formatValue(shape)}`);
  if (shape.length > maxRank) throw shapeError(op, `rank must be at most ${maxRank}, got ${shape.length}`);
  let numel = 1;
  let empty = false;
  for (let i = 0; i < shape.length; i++) {
    const size: unknown = shape[i];
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      throw shapeError(op, `sizes must be non-negative integers, got ${formatValue(size)} at axis ${i}`);
    }
    if (size === 0) empty = true;
    else numel *= size;
    if (numel > Number.MAX_SAFE_INTEGER)
      throw shapeError(op, `shape ${formatShape(shape)} has more than 2^53 elements`);
  }
  return empty ? 0 : numel;
}

/** Elements of a shape that was checked before. */
export function numelOf(shape: Shape): number {
  let numel = 1;
  for (let i = 0; i < shape.length; i++) numel *= shape[i] as number;
  return numel;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Row-major strides, in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= Math.max(1, shape[i] as number);
  }
  return strides;
}

/** Whether elements lie in row-major order without gaps; strides of axes of size 1 do not matter. */
export function isContiguous(shape: Shape, strides: Shape): boolean {
  let step = 1;
  let dense = true;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i] as number;
    if (size === 0) return true;
    if (size !== 1 && strides[i] !== step) dense = false;
    step *= size;
  }
  return dense;
}

/** The shape two operands broadcast to. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw shapeError(
        op,
        `shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast (${left} ≠ ${right} at axis ${i - rank})`,
      );
    }
    shape[i] = left === 1 ? right : left;
  }
  return shape;
}

const none: Shape = [];

/** The axes before the last two, over which products of matrices repeat. */
export function leadingAxes(shape: Shape): Shape {
  return shape.length === 2 ? none : shape.slice(0, -2);
}

/** Strides that read a tensor of `shape` as `target`, axes of size 1 repeated with stride 0; throws when they do not fit. */
export function broadcastStrides(op: string, shape: Shape, strides: Shape, target: Shape): number[] {
  const lead = target.length - shape.length;
  const fail = () => shapeError(op, `${formatShape(shape)} does not broadcast to ${formatShape(target)}`);
  if (lead < 0) throw fail();
  const result = new Array<number>(target.length);
  for (let i = 0; i < target.length; i++) {
    const size = i < lead ? 1 : (shape[i - lead] as number);
    if (size === target[i]) result[i] = i < lead ? 0 : (strides[i - lead] as number);
    else if (size === 1) result[i] = 0;
    else throw fail();
  }
  return result;
}

/** `axis` as an index from the front. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const limit = Math.max(rank, 1);
  if (!Number.isInteger(axis) || axis < -limit || axis >= limit) {
    throw shapeError(op, `axis must be an integer in [${-limit}, ${limit - 1}], got ${formatValue(axis)}`);
  }
  return axis < 0 ? axis + limit : axis;
}

/** Axes sorted and from the front; all of them when `axis` is undefined. */
export function normalizeAxes(op: string, axis: number | readonly number[] | undefined, rank: number): number[] {
  if (axis === undefined) {
    const all = new Array<number>(rank);
    for (let i = 0; i < rank; i++) all[i] = i;
    return all;
  }
  if (typeof axis === 'number') {
    const at = normalizeAxis(op, axis, rank);
    return rank === 0 ? [] : [at];
  }
  if (!Array.isArray(axis))
    throw shapeError(op, `axis must be an integer or an array of integers, got ${formatValue(axis)}`);
  const axes = axis.map((each) => normalizeAxis(op, each, rank)).sort((a, b) => a - b);
  for (let i = 1; i < axes.length; i++) {
    if (axes[i] === axes[i - 1]) throw shapeError(op, `axis ${axes[i]} appears twice in ${formatShape(axis)}`);
  }
  return rank === 0 ? [] : axes;
}

/** The sizes left after reducing `axes`; with keepdim they become 1. */
export function reducedShape(shape: Shape, axes: readonly number[], keepdim: boolean): number[] {
  const result: number[] = [];
  for (let i = 0; i < shape.length; i++) {
    if (!axes.includes(i)) result.push(shape[i] as number);
    else if (keepdim) result.push(1);
  }
  return result;
}

/** A copy of checked sizes; adding 0 turns −0, which is a size like any other, into 0. */
export function plainSizes(shape: Shape): number[] {
  return shape.map((size) => size + 0);
}

/** `shape` with its one -1 replaced so that it holds `numel` elements. */
export function inferShape(op: string, shape: Shape, numel: number): number[] {
  if (!Array.isArray(shape)) throw shapeError(op, `shape must be an array of integers, got ${formatValue(shape)}`);
  const hole = shape.indexOf(-1);
  if (hole < 0) {
    if (checkedNumel(op, shape) !== numel)
      throw shapeError(op, `${formatShape(shape)} does not hold ${numel} elements`);
    return plainSizes(shape);
  }
  const known = checkedNumel(op, shape.toSpliced(hole, 1));
  if (known === 0 || numel % known !== 0) {
    throw shapeError(
      op,
      `${formatShape(shape)} cannot hold ${numel} elements${known === 0 ? ': -1 is ambiguous' : ''}`,
    );
  }
  return plainSizes(shape.with(hole, numel / known));
}

/** Strides for reading a strided tensor under another shape without copying, or null when that needs a copy. */
export function viewStrides(shape: Shape, strides: Shape, target: Shape): number[] | null {
  if (isContiguous(shape, strides)) return contiguousStrides(target);
  const result = new Array<number>(target.length);
  let from = shape.length - 1;
  let to = target.length - 1;
  // Walk runs of source axes that can be merged; each run must be filled exactly by target axes.
  while (from >= 0) {
    let size = shape[from] as number;
    const step = strides[from] as number;
    while (from > 0 && (shape[from - 1] === 1 || strides[from - 1] === size * step || size === 1)) {
      if (size === 1) return viewStrides(shape.toSpliced(from, 1), strides.toSpliced(from, 1), target);
      from--;
      size *= shape[from] as number;
    }
    from--;
    let filled = 1;
    while (to >= 0 && (filled < size || target[to] === 1)) {
      result[to] = filled * step;
      filled *= target[to] as number;
      to--;
    }
    if (filled !== size) return null;
  }
  while (to >= 0) result[to--] = 1;
  return result;
}

/** A size or pair of sizes as a pair of integers ≥ `least`. */
export function checkPair(
  op: string,
  name: string,
  value: number | readonly [number, number],
  least: number,
): [number, number] {
  const pair: readonly unknown[] = typeof value === 'number' ? [value, value] : value;
  const [h, w] = Array.isArray(pair) && pair.length === 2 ? pair : [Number.NaN, Number.NaN];
  const ok = (x: unknown): x is number => typeof x === 'number' && Number.isInteger(x) && x >= least && x < 2 ** 31;
  if (!ok(h) || !ok(w)) {
    const got = Array.isArray(value) ? formatShape(value) : formatValue(value);
    throw argumentError(op, `${name} must be an integer ≥ ${least} or a pair of them, got ${got}`);
  }
  return [h, w];
}
