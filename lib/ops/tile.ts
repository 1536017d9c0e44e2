// Elements repeated and moved round.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tensor } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { checkedNumel, formatShape, maxRank, normalizeAxis } from '../core/shape.ts';
import { emptyTensor, queueOf, Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { castTo, clone } from './cast.ts';
import { whenCounted } from './counted.ts';
import { index as indexRows } from './index-select.ts';
import { sum } from './reduce.ts';
import { requireIntegers, requireTensor, sliceView } from './shared.ts';
import { broadcastTo, expand, reshape } from './view.ts';

/** `x` with axis i repeated counts[i] times as a whole. Made inside of tidy. */
function repeated(x: Tensor, counts: readonly number[]): Tensor {
  const shape = x.shape.map((size, i) => size * (counts[i] as number));
  checkedNumel('repeat', shape);
  const pending = counts.flatMap((count, i) => (count === 1 ? [] : [i]));
  if (pending.length === 0) return clone(x);
  // As many axes at a time as the rank leaves room for, each split into count and size.
  const room = maxRank - x.rank;
  if (room === 0) {
    // Neighbours merge around one axis, which then has room.
    return pending.reduce((each, axis) => {
      const before = each.shape.slice(0, axis).reduce((a, b) => a * b, 1);
      const behind = each.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const [size, count] = [each.shape[axis] as number, counts[axis] as number];
      const wide = expand(reshape(each, [before, 1, size, behind]), [before, count, size, behind]);
      return reshape(wide, each.shape.with(axis, size * count));
    }, x);
  }
  let result = x;
  for (let i = 0; i < pending.length; i += room) {
    const now = pending.slice(i, i + room);
    const split = (axis: number, size: number, count: number): number[] =>
      now.includes(axis) ? [count, size] : [size];
    const { shape: before } = result;
    const wide = expand(
      reshape(
        result,
        before.flatMap((size, axis) => split(axis, size, 1)),
      ),
      before.flatMap((size, axis) => split(axis, size, counts[axis] as number)),
    );
    result = reshape(
      wide,
      before.map((size, axis) => (now.includes(axis) ? size * (counts[axis] as number) : size)),
    );
  }
  return result;
}

function checkCounts(op: string, counts: unknown): number[] {
  if (!Array.isArray(counts) || !counts.every((each) => Number.isSafeInteger(each) && each >= 0)) {
    const got = Array.isArray(counts) ? formatShape(counts) : formatValue(counts);
    throw shapeError(op, `wants an array of integers ≥ 0, got ${got}`);
  }
  if (counts.length > maxRank) throw shapeError(op, `rank must be at most ${maxRank}, got ${counts.length}`);
  return counts.map((each: number) => each + 0);
}

/**
 * `x` repeated along each axis, as a copy; more counts than axes add axes in front.
 * @param counts - one for each axis of the result
 * @example
 * repeat(tensor([1, 2]), [2, 2]); // [[1, 2, 1, 2], [1, 2, 1, 2]]
 */
export function repeat<D extends DType>(x: Tensor<D>, counts: readonly number[]): Tensor<D> {
  requireTensor('repeat', x);
  const list = checkCounts('repeat', counts);
  if (list.length < x.rank) {
    throw shapeError('repeat', `wants at least ${x.rank} counts for shape ${formatShape(x.shape)}, got ${list.length}`);
  }
  const shape = [...new Array<number>(list.length - x.rank).fill(1), ...x.shape];
  return tidy(() => repeated(reshape(x, shape), list)) as Tensor<D>;
}

/**
 * `x` repeated along its last axes, as a copy: like `repeat`, but fewer counts than axes leave the first axes alone.
 * @example
 * tile(tensor([[1], [2]]), [2]); // [[1, 1], [2, 2]]
 */
export function tile<D extends DType>(x: Tensor<D>, counts: readonly number[]): Tensor<D> {
  requireTensor('tile', x);
  const list = checkCounts('tile', counts);
  return repeat(x, [...new Array<number>(Math.max(0, x.rank - list.length)).fill(1), ...list]);
}

// ---- repeatInterleave --------------------------------------------------------------------------------------------------

export interface RepeatInterleaveOptions {
  /** The axis repeated along; without it `x` is flattened first. */
  readonly axis?: number | undefined;
  /** The sum of the counts, for a tensor of counts: makes the result static and capturable. */
  readonly outputSize?: number | undefined;
}

interface Interleaving {
  readonly x: Tensor;
  readonly axis: number;
}

function checkInterleave(op: string, x: Tensor, options: RepeatInterleaveOptions): Interleaving {
  requireTensor(op, x);
  checkOptions(op, options);
  const { axis } = options;
  if (axis === undefined) return { x: reshape(x, [x.size]), axis: 0 };
  if (x.rank === 0) throw shapeError(op, 'a rank-0 tensor has no axis to repeat along');
  return { x, axis: normalizeAxis(op, axis, x.rank) };
}

/** Every element `count` times. */
function interleaved({ x, axis }: Interleaving, count: number): Tensor {
  const size = x.shape[axis] as number;
  const shape = x.shape.with(axis, size * count);
  checkedNumel('repeatInterleave', shape);
  const [before, behind] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  const product = (list: Shape): number => list.reduce((a, b) => a * b, 1);
  const parts = [product(before), size, product(behind)] as const;
  const wide = expand(reshape(x, [parts[0], parts[1], 1, parts[2]]), [parts[0], parts[1], count, parts[2]]);
  const result = reshape(wide, shape);
  return result.storage === x.storage ? clone(result) : result;
}

/** The counts as a vector of the length of the axis. */
function countsFor(op: string, { x, axis }: Interleaving, counts: Tensor): Tensor {
  requireIntegers(op, counts, 'repeats');
  const size = x.shape[axis] as number;
  if (counts.rank > 1 || (counts.size !== 1 && counts.size !== size)) {
    throw shapeError(op, `repeats must be a vector of ${size} counts, got shape ${formatShape(counts.shape)}`);
  }
  return broadcastTo(counts, [size]);
}

function byCounts({ x, axis }: Interleaving, counts: Tensor, total: number): Tensor {
  const where = emptyTensor([total], total < 2 ** 31 ? 'int32' : 'int64', queueOf(x));
  kernels.repeatIndices(where, counts);
  return indexRows(x, where, axis);
}

/** Counts that JavaScript knows: the indices are written down here. */
function byList(op: string, each: Interleaving, counts: readonly number[]): Tensor {
  const size = each.x.shape[each.axis] as number;
  if (counts.length !== size) throw shapeError(op, `wants ${size} counts, got ${counts.length}`);
  const total = counts.reduce((a, b) => a + b, 0);
  checkedNumel(op, each.x.shape.with(each.axis, total));
  const list = tensor(Int32Array.from(counts), { device: each.x.device });
  return byCounts(each, list, total);
}

/**
 * Each element (slice along `axis`) of `x` repeated where it stands. With a tensor of counts and no `outputSize` the size
 * of the result is a value: a promise.
 * @param repeats - a count for all, an array of counts, or an integer tensor of counts
 * @example
 * repeatInterleave(tensor([1, 2]), 2); // [1, 1, 2, 2]
 * repeatInterleave(tensor([1, 2]), [1, 3]); // [1, 2, 2, 2]
 */
export function repeatInterleave(x: Tensor, repeats: Tensor, options?: { readonly axis?: number }): Promise<Tensor>;
export function repeatInterleave(
  x: Tensor,
  repeats: number | readonly number[] | Tensor,
  options?: RepeatInterleaveOptions,
): Tensor;
export function repeatInterleave(
  x: Tensor,
  repeats: number | readonly number[] | Tensor,
  options: RepeatInterleaveOptions = {},
): Tensor | Promise<Tensor> {
  const op = 'repeatInterleave';
  if (!(repeats instanceof Tensor) || options?.outputSize !== undefined) return known(op, x, repeats, options);
  checkArguments(op, [x, repeats]);
  return tidy(() => {
    const each = checkInterleave(op, x, options);
    const counts = clone(countsFor(op, each, repeats));
    const held = clone(each.x);
    return whenCounted(sum(castTo(counts, 'int64')), [counts, held], (total) =>
      tidy(() => byCounts({ x: held, axis: each.axis }, counts, total)),
    );
  });
}

/**
 * `repeatInterleave` that blocks the event loop until the device has added up the counts.
 * @example
 * repeatInterleaveSync(tensor([1, 2]), tensor([1, 3], { dtype: 'int32' })); // [1, 2, 2, 2]
 */
export function repeatInterleaveSync(
  x: Tensor,
  repeats: number | readonly number[] | Tensor,
  options: RepeatInterleaveOptions = {},
): Tensor {
  const op = 'repeatInterleaveSync';
  if (!(repeats instanceof Tensor) || options?.outputSize !== undefined) return known(op, x, repeats, options);
  checkArguments(op, [x, repeats]);
  return tidy(() => {
    const each = checkInterleave(op, x, options);
    const counts = countsFor(op, each, repeats);
    return byCounts(each, counts, sum(castTo(counts, 'int64')).itemSync());
  });
}

/** The forms whose size is known at the call. */
function known(
  op: string,
  x: Tensor,
  repeats: number | readonly number[] | Tensor,
  options: RepeatInterleaveOptions,
): Tensor {
  if (repeats instanceof Tensor) checkArguments(op, [x, repeats]);
  return tidy(() => {
    const each = checkInterleave(op, x, options);
    if (repeats instanceof Tensor) {
      const { outputSize } = options;
      if (!Number.isSafeInteger(outputSize) || (outputSize as number) < 0) {
        throw argumentError(op, `outputSize must be a non-negative integer, got ${formatValue(outputSize)}`);
      }
      return byCounts(each, countsFor(op, each, repeats), outputSize as number);
    }
    const list: readonly unknown[] = typeof repeats === 'number' ? [repeats] : repeats;
    if (!Array.isArray(list) || !list.every((n) => Number.isSafeInteger(n) && n >= 0 && n < 2 ** 31)) {
      throw argumentError(op, `repeats must be integers ≥ 0, got ${formatValue(repeats)}`);
    }
    return typeof repeats === 'number' ? interleaved(each, repeats) : byList(op, each, list as number[]);
  });
}

// ---- roll --------------------------------------------------------------------------------------------------------------

const rollOp: (x: Tensor, shifts: readonly number[], axes: readonly number[]) => Tensor = defineOp({
  name: 'roll',
  infer: (x: Spec, _shifts: readonly number[], _axes: readonly number[]): Spec => x,
  forward: (ctx, x, shifts, axes) => {
    // Each axis is two pieces that change places; a copy for each combination of pieces.
    const ones = x.shape.map(() => 1);
    for (let piece = 0; piece < 2 ** axes.length; piece++) {
      const from = x.shape.map(() => 0);
      const to = x.shape.map(() => 0);
      const lengths = [...x.shape];
      for (const [k, axis] of axes.entries()) {
        const size = x.shape[axis] as number;
        const shift = shifts[k] as number;
        const wraps = ((piece >> k) & 1) === 1;
        from[axis] = wraps ? size - shift : 0;
        to[axis] = wraps ? 0 : shift;
        lengths[axis] = wraps ? shift : size - shift;
      }
      if (lengths.includes(0)) continue;
      kernels.copy(sliceView(ctx.out, to, lengths, ones), sliceView(x, from, lengths, ones));
    }
  },
  backward: (ctx, dy): Gradients => {
    const [x, shifts, axes] = ctx.args;
    const back = axes.map((axis, k) => {
      const size = x.shape[axis] as number;
      return size === 0 ? 0 : (size - (shifts[k] as number)) % size;
    });
    return [rollOp(dy, back, axes), null, null];
  },
  saves: [],
});

/**
 * `x` with elements moved along axes; what leaves at one end enters at the other.
 * @param shifts - towards higher indices; one for each axis
 * @param axis - without it the flattened elements are moved
 * @example
 * roll(tensor([1, 2, 3]), 1); // [3, 1, 2]
 */
export function roll<D extends DType>(
  x: Tensor<D>,
  shifts: number | readonly number[],
  axis?: number | readonly number[],
): Tensor<D> {
  requireTensor('roll', x);
  const list = typeof shifts === 'number' ? [shifts] : shifts;
  if (!Array.isArray(list) || !list.every(Number.isSafeInteger)) {
    throw argumentError('roll', `shifts must be integers, got ${formatValue(shifts)}`);
  }
  if (axis === undefined) {
    if (list.length !== 1) throw shapeError('roll', `wants one shift without axes, got ${list.length}`);
    return tidy(() => reshape(roll(reshape(x, [x.size]), list, 0), x.shape)) as Tensor<D>;
  }
  const axes = typeof axis === 'number' ? [axis] : axis;
  if (!Array.isArray(axes) || axes.length !== list.length) {
    throw shapeError('roll', `wants as many shifts as axes, got ${list.length} and ${formatValue(axis)}`);
  }
  // Shifts of one axis add up.
  const total = new Map<number, number>();
  for (const [k, each] of axes.entries()) {
    const at = normalizeAxis('roll', each, x.rank);
    const size = x.shape[at] ?? 1;
    const sum = (total.get(at) ?? 0) + ((list[k] as number) % Math.max(1, size));
    if (x.rank > 0) total.set(at, size === 0 ? 0 : ((sum % size) + size) % size);
  }
  return rollOp(x, [...total.values()], [...total.keys()]) as Tensor<D>;
}
