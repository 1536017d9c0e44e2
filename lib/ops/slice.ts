import { shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import { broadcastShapes, formatShape, sameShape } from '../core/shape.ts';
import type { Shape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { castTo } from './cast.ts';
import { zeros } from './creation.ts';
import { sumTo } from './reduce.ts';
import { broadcastView, requireTensor, sliceView } from './shared.ts';
import { sliceOp } from './view.ts';

/** Zeros of `shape` with `x` placed at a slice: the gradient of slice, narrow and select. */
export const embedSlice: (x: Tensor, shape: Shape, starts: Shape, steps: Shape) => Tensor = defineOp({
  name: 'embedSlice',
  dtypes: 'all',
  infer: (x: Spec, shape: Shape, _starts: Shape, _steps: Shape) => ({ shape, dtype: x.dtype }),
  forward: (ctx, x, _shape, starts, steps) => {
    kernels.fill(ctx.out, 0);
    kernels.copy(sliceView(ctx.out, starts, x.shape, steps), x);
  },
  backward: (ctx, dy): Gradients => {
    const [x, , starts, steps] = ctx.args;
    return [sliceOp(dy, starts, x.shape, steps), null, null, null];
  },
  saves: [],
});

/** What to take of one axis: null or undefined all of it, a number from there on, [start, stop] a half-open range. */
export type Range = number | readonly [number] | readonly [number, number] | null | undefined;

interface Slice {
  readonly starts: number[];
  readonly lengths: number[];
  readonly steps: number[];
}

/** Ranges as starts, lengths and steps; bounds beyond the axis are clamped as in JavaScript and Python. */
function resolve(op: string, x: Tensor, ranges: readonly Range[], steps: readonly number[]): Slice {
  if (!Array.isArray(ranges) || ranges.length > x.rank) {
    throw shapeError(op, `wants an array of at most ${x.rank} ranges for shape ${formatShape(x.shape)}`);
  }
  if (!Array.isArray(steps)) throw shapeError(op, `steps must be an array of integers, got ${formatValue(steps)}`);
  if (steps.length > x.rank) throw shapeError(op, `wants at most ${x.rank} steps, got ${steps.length}`);
  const result: Slice = { starts: [], lengths: [], steps: [] };
  for (let i = 0; i < x.rank; i++) {
    const size = x.shape[i] as number;
    const step = steps[i] ?? 1;
    if (!Number.isSafeInteger(step) || step < 1)
      throw shapeError(op, `steps must be integers ≥ 1, got ${formatValue(step)} for axis ${i}`);
    const range = ranges[i];
    const [from, to] =
      range == null ? [0, size] : typeof range === 'number' ? [range, size] : [range[0], range[1] ?? size];
    const start = bound(op, from, size);
    const stop = Math.max(start, bound(op, to, size));
    result.starts.push(start);
    result.lengths.push(Math.ceil((stop - start) / step));
    result.steps.push(step);
  }
  return result;
}

function bound(op: string, value: unknown, size: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw shapeError(op, `range bounds must be integers, got ${formatValue(value)}`);
  return Math.min(size, Math.max(0, value < 0 ? value + size : value));
}

/**
 * A view of part of `x`: one range for each leading axis, the rest whole.
 * @param ranges - [start, stop] (negative counts from the end), a start, or null for everything
 * @param steps - take every n-th element of an axis
 * @example
 * slice(arange(10), [[2, 8]], [3]); // [2, 5]
 */
export function slice<D extends DType>(
  x: Tensor<D>,
  ranges: readonly Range[],
  steps: readonly number[] = [],
): Tensor<D> {
  requireTensor('slice', x);
  const resolved = resolve('slice', x, ranges, steps);
  return sliceOp(x, resolved.starts, resolved.lengths, resolved.steps) as Tensor<D>;
}

const copySliceOp = defineOp({
  name: 'copySlice',
  dtypes: 'all',
  infer: (x: Spec, _src: Spec, _slice: Slice) => x,
  forward: (ctx, x, src, { starts, lengths, steps }) => {
    kernels.copy(ctx.out, x);
    kernels.copy(sliceView(ctx.out, starts, lengths, steps), broadcastView('copySlice', src, lengths));
  },
  backward: (ctx, dy): Gradients => {
    const [, src, part] = ctx.args;
    const { starts, lengths, steps } = part;
    const dx = ctx.needs(0) ? copySliceOp(dy, zeros([], { dtype: dy.dtype, device: dy.device }), part) : null;
    return [dx, ctx.needs(1) ? sumTo(sliceOp(dy, starts, lengths, steps), src.shape) : null, null];
  },
  saves: [],
});

/**
 * A copy of `x` in which a slice holds `src`, which broadcasts to the slice.
 * @param ranges - as in slice
 * @example
 * copySlice(zeros([4]), tensor([1, 2]), [[1, 3]]); // [0, 1, 2, 0]
 */
export function copySlice<D extends DType>(
  x: Tensor<D>,
  src: Tensor,
  ranges: readonly Range[],
  steps: readonly number[] = [],
): Tensor<D> {
  requireTensor('copySlice', x);
  requireTensor('copySlice', src, 'src');
  const part = resolve('copySlice', x, ranges, steps);
  if (!sameShape(broadcastShapes('copySlice', src.shape, part.lengths), part.lengths)) {
    throw shapeError(
      'copySlice',
      `${formatShape(src.shape)} does not fit into a slice of shape ${formatShape(part.lengths)}`,
    );
  }
  const source = castTo(src, x.dtype);
  const result = copySliceOp(x, source, part) as Tensor<D>;
  if (source !== src) source.dispose();
  return result;
}
