import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { formatShape, normalizeAxes, normalizeAxis, numelOf, reducedShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq } from './compare.ts';
import { floatOf, requireTensor, reshapedView } from './shared.ts';
import { square } from './unary.ts';
import { broadcastTo, reshape } from './view.ts';

export interface ReduceOptions {
  /** The axes to reduce; all of them when omitted. */
  readonly axis?: number | readonly number[] | undefined;
  /** Keep reduced axes with size 1. */
  readonly keepdim?: boolean | undefined;
}

/** `{ axis, keepdim }`, or just the axis. */
export type ReduceArgument = number | readonly number[] | ReduceOptions;

interface Reduction {
  readonly axes: number[];
  readonly keepdim: boolean;
}

function options(argument: ReduceArgument | undefined): ReduceOptions {
  if (argument === undefined) return {};
  if (typeof argument === 'number' || Array.isArray(argument)) return { axis: argument as number | readonly number[] };
  if (typeof argument === 'object' && argument !== null) return argument as ReduceOptions;
  throw argumentError('reduce', `wants an axis or { axis, keepdim }, got ${formatValue(argument)}`);
}

function resolve(op: string, x: Tensor, argument: ReduceArgument | undefined): Reduction {
  requireTensor(op, x);
  const { axis, keepdim = false } = options(argument);
  return { axes: normalizeAxes(op, axis, x.rank), keepdim };
}

function inferReduced(x: Spec, { axes, keepdim }: Reduction): Spec {
  return { shape: reducedShape(x.shape, axes, keepdim), dtype: x.dtype };
}

/** The output as kernels want it: with reduced axes of size 1. */
function keptView(out: Tensor, x: Tensor, { axes, keepdim }: Reduction): KernelView {
  return keepdim ? out : reshapedView(out, reducedShape(x.shape, axes, true));
}

/** A reduced tensor repeated to the shape it was reduced from. */
function spread(t: Tensor, shape: Shape, { axes, keepdim }: Reduction): Tensor {
  return broadcastTo(keepdim ? t : reshape(t, reducedShape(shape, axes, true)), shape);
}

const sumOp = defineOp({
  name: 'sum',
  infer: inferReduced,
  forward: (ctx, x: Tensor, r: Reduction) => kernels.sum(keptView(ctx.out, x, r), x),
  backward: (ctx, dy) => [spread(dy, ctx.args[0].shape, ctx.args[1]), null],
  saves: [],
});

/**
 * Sum over axes; integers and bools are summed as int64.
 * @returns shape of `x` without the reduced axes
 * @example
 * sum(tensor([[1, 2], [3, 4]]), { axis: 0 }); // [4, 6]
 */
export function sum(x: Tensor, reduce?: ReduceArgument): Tensor {
  const r = resolve('sum', x, reduce);
  const wide = isFloat(x.dtype) ? x : castTo(x, 'int64');
  const result = sumOp(wide, r);
  if (wide !== x) wide.dispose();
  return result;
}

/** Sums a broadcast gradient back to `shape`; `x` itself when nothing was broadcast. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes: number[] = [];
  for (let i = 0; i < x.rank; i++) {
    if (i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1)) axes.push(i);
  }
  const kept = sumOp(x, { axes, keepdim: true });
  return lead === 0 ? kept : reshape(kept, shape);
}

/** The column sums of a matrix: the gradient of a bias. */
export function reduceRows(x: Tensor): Tensor {
  return sumOp(x, { axes: [0], keepdim: false });
}

/** The sum over axes, for ops' own use: everything checked. */
export function sumOver(x: Tensor, axes: number[], keepdim: boolean): Tensor {
  return sumOp(x, { axes, keepdim });
}

const meanOp = defineOp({
  name: 'mean',
  infer: inferReduced,
  forward: (ctx, x: Tensor, r: Reduction) => kernels.mean(keptView(ctx.out, x, r), x),
  backward: (ctx, dy) => {
    const [x, r] = ctx.args;
    return [spread(div(dy, count(x.shape, r)), x.shape, r), null];
  },
  saves: [],
});

function count(shape: Shape, { axes }: Reduction): number {
  return axes.reduce((product, axis) => product * (shape[axis] as number), 1);
}

/**
 * Mean of `x` over `axis`; integers give float32.
 * @returns shape of `x` without the reduced axes
 * @example
 * mean(tensor([[1, 2], [3, 4]]), { axis: 0 }); // [2, 3]
 */
export function mean(x: Tensor, reduce?: ReduceArgument): Tensor {
  const r = resolve('mean', x, reduce);
  const wide = castTo(x, floatOf(x.dtype));
  const result = meanOp(wide, r);
  if (wide !== x) wide.dispose();
  return result;
}

function extremum(name: 'amax' | 'amin'): (x: Tensor, r: Reduction) => Tensor {
  return defineOp({
    name,
    infer: inferReduced,
    forward: (ctx, x: Tensor, r: Reduction) => kernels[name](keptView(ctx.out, x, r), x),
    // Equal extremes share the gradient evenly.
    backward: (ctx, dy) => {
      const [x, r] = ctx.args;
      const mask = castTo(eq(x, spread(ctx.out, x.shape, r)), dy.dtype);
      const ties = sumOp(mask, { axes: r.axes, keepdim: true });
      return [div(mul(mask, spread(dy, x.shape, r)), ties), null];
    },
    saves: [0],
    savesOutputs: [0],
  });
}

const amaxOp = extremum('amax');
const aminOp = extremum('amin');

function requireElements(op: string, x: Tensor, axes: readonly number[]): void {
  if (axes.some((axis) => x.shape[axis] === 0)) {
    throw shapeError(op, `cannot reduce an axis of size 0, got shape ${formatShape(x.shape)}`);
  }
}

/**
 * Largest element over axes; NaN wins.
 * @returns shape of `x` without the reduced axes; ERR_SHAPE for an empty axis
 * @example
 * amax(tensor([[1, 5], [3, 4]]), { axis: 1 }); // [5, 4]
 */
export function amax<D extends DType>(x: Tensor<D>, reduce?: ReduceArgument): Tensor<D> {
  const r = resolve('amax', x, reduce);
  requireElements('amax', x, r.axes);
  return amaxOp(x, r) as Tensor<D>;
}

/**
 * Smallest element over axes; NaN wins.
 * @returns shape of `x` without the reduced axes; ERR_SHAPE for an empty axis
 * @example
 * amin(tensor([[1, 5], [3, 4]]), { axis: 1 }); // [1, 3]
 */
export function amin<D extends DType>(x: Tensor<D>, reduce?: ReduceArgument): Tensor<D> {
  const r = resolve('amin', x, reduce);
  requireElements('amin', x, r.axes);
  return aminOp(x, r) as Tensor<D>;
}

const argmaxOp = defineOp({
  name: 'argmax',
  infer: (x: Spec, r: Reduction): Spec => ({
    shape: reducedShape(x.shape, r.axes, r.keepdim),
    dtype: (x.shape[r.axes[0] as number] as number) < 2 ** 31 ? 'int32' : 'int64',
  }),
  forward: (ctx, x, r) => kernels.argmax(keptView(ctx.out, x, r), x),
});

/**
 * Index of the largest element along one axis, or in the flattened tensor; the first of equals, NaN wins.
 * @returns int32 (int64 for axes of 2^31 and more); shape of `x` without the axis
 * @example
 * argmax(tensor([[1, 5], [3, 4]]), { axis: 1 }); // [1, 0]
 */
export function argmax(x: Tensor, reduce?: ReduceArgument): Tensor<'int32' | 'int64'> {
  requireTensor('argmax', x);
  const { axis, keepdim = false } = options(reduce);
  if (axis !== undefined && typeof axis !== 'number' && !(Array.isArray(axis) && axis.length === 1)) {
    throw shapeError('argmax', `wants one axis, got ${formatValue(axis)}`);
  }
  const one = typeof axis === 'number' ? axis : axis?.[0];
  return tidy(() => {
    if (one === undefined || x.rank === 0) {
      if (one !== undefined) normalizeAxis('argmax', one, 0);
      const flat = reshape(x, [x.size]);
      requireElements('argmax', flat, [0]);
      const result = argmaxOp(flat, { axes: [0], keepdim: false });
      return keepdim
        ? reshape(
            result,
            x.shape.map(() => 1),
          )
        : result;
    }
    const axes = [normalizeAxis('argmax', one, x.rank)];
    requireElements('argmax', x, axes);
    return argmaxOp(x, { axes, keepdim });
  }) as Tensor<'int32' | 'int64'>;
}

export interface VarianceOptions extends ReduceOptions {
  /** Subtracted from the count: 1 gives the unbiased estimate, 0 the mean square deviation. */
  readonly correction?: number | undefined;
}

/**
 * Variance over axes, the unbiased estimate unless `correction` is 0.
 * @returns shape of `x` without the reduced axes
 * @example
 * variance(tensor([1, 2, 3, 4]), { correction: 0 }); // 1.25
 */
export function variance(x: Tensor, reduce: number | readonly number[] | VarianceOptions = {}): Tensor {
  const r = resolve('variance', x, reduce);
  const correction = typeof reduce === 'object' && 'correction' in reduce ? (reduce.correction ?? 1) : 1;
  if (!Number.isFinite(correction)) {
    throw argumentError('variance', `correction must be a finite number, got ${formatValue(correction)}`);
  }
  if (!isFloat(x.dtype)) throw dtypeError('variance', `wants float32 or float64, got ${x.dtype}`);
  return tidy(() => {
    const center = sub(x, meanOp(x, { axes: r.axes, keepdim: true }));
    const divisor = Math.max(0, (numelOf(x.shape) === 0 ? 0 : count(x.shape, r)) - correction);
    return div(sumOp(square(center), r), divisor);
  });
}
