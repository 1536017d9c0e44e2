// What reductions share: their arguments, and the way from a reduced tensor to the shape it came from.
import { argumentError, shapeError } from '../errors.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Shape } from '../core/shape.ts';
import { formatShape, normalizeAxes, normalizeAxis, reducedShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import type { KernelView } from '../native/kernels.ts';
import { requireTensor, reshapedView } from './shared.ts';
import { broadcastTo, reshape } from './view.ts';

export interface ReduceOptions {
  /** The axes to reduce; all of them when omitted. */
  readonly axis?: number | readonly number[] | undefined;
  /** Keep reduced axes with size 1. */
  readonly keepdim?: boolean | undefined;
}

/** `{ axis, keepdim }`, or just the axis. */
export type ReduceArgument = number | readonly number[] | ReduceOptions;

/** A reduction whose arguments were checked. */
export interface Reduction {
  readonly axes: number[];
  readonly keepdim: boolean;
}

export function reduceOptions(op: string, argument: ReduceArgument | undefined): ReduceOptions {
  if (argument === undefined) return {};
  if (typeof argument === 'number' || Array.isArray(argument)) return { axis: argument as number | readonly number[] };
  if (typeof argument === 'object' && argument !== null && !('storage' in argument)) return argument as ReduceOptions;
  throw argumentError(op, `wants an axis or { axis, keepdim }, got ${formatValue(argument)}`);
}

export function resolveReduction(op: string, x: Tensor, argument: ReduceArgument | undefined): Reduction {
  requireTensor(op, x);
  const { axis, keepdim = false } = reduceOptions(op, argument);
  return { axes: normalizeAxes(op, axis, x.rank), keepdim };
}

/** The one axis to reduce; undefined when all are. */
export function resolveOneAxis(
  op: string,
  x: Tensor,
  argument: ReduceArgument | undefined,
): { readonly axis: number | undefined; readonly keepdim: boolean } {
  requireTensor(op, x);
  const { axis, keepdim = false } = reduceOptions(op, argument);
  if (axis === undefined) return { axis, keepdim };
  const one: unknown = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis;
  if (typeof one !== 'number') throw shapeError(op, `wants one axis, got ${formatValue(axis)}`);
  return { axis: normalizeAxis(op, one, x.rank), keepdim };
}

export function inferReduced(x: Spec, { axes, keepdim }: Reduction): Spec {
  return { shape: reducedShape(x.shape, axes, keepdim), dtype: x.dtype };
}

/** The output as kernels want it: with reduced axes of size 1. */
export function keptView(out: Tensor, x: Tensor, { axes, keepdim }: Reduction): KernelView {
  return keepdim ? out : reshapedView(out, reducedShape(x.shape, axes, true));
}

/** A reduced tensor repeated to the shape it was reduced from. */
export function spread(t: Tensor, shape: Shape, { axes, keepdim }: Reduction): Tensor {
  return broadcastTo(keepdim ? t : reshape(t, reducedShape(shape, axes, true)), shape);
}

/** How many elements are folded into one. */
export function reducedCount(shape: Shape, { axes }: Reduction): number {
  return axes.reduce((product, axis) => product * (shape[axis] as number), 1);
}

export function requireElements(op: string, x: Tensor, axes: readonly number[]): void {
  if (axes.some((axis) => x.shape[axis] === 0)) {
    throw shapeError(op, `cannot reduce an axis of size 0, got shape ${formatShape(x.shape)}`);
  }
}
