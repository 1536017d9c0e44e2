// The axis argument of ops that work along one axis.
import { argumentError } from '../errors.ts';
import type { Shape } from '../core/shape.ts';
import { normalizeAxis } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { zeros } from './creation.ts';
import { scatterAdd } from './gather.ts';
import { reshape } from './view.ts';

/** The axis an op works along, or an object that names it; the last one when omitted. */
export type AxisArgument = number | { readonly axis?: number | undefined };

/** The axis of `argument`, counted from the front; 0 for rank 0. */
export function resolveAxis(op: string, x: Tensor, argument: AxisArgument | undefined): number {
  const named = typeof argument === 'object' && argument !== null && !Array.isArray(argument);
  const axis: unknown = named ? (argument.axis ?? -1) : argument === undefined ? -1 : argument;
  if (typeof axis !== 'number') throw argumentError(op, `wants an axis, got ${formatValue(axis)}`);
  return normalizeAxis(op, axis, x.rank);
}

/** `x`, with one axis of size 1 when it has none. */
export function withAxis(x: Tensor): Tensor {
  return x.rank === 0 ? reshape(x, [1]) : x;
}

/** The dtype of places on an axis of `size`. */
export function indexType(size: number): 'int32' | 'int64' {
  return size < 2 ** 31 ? 'int32' : 'int64';
}

/** Zeros of `shape` with `dy` added at indices of `axis`: the gradient of choosing elements. */
export function spreadTo(shape: Shape, axis: number, indices: Tensor, dy: Tensor): Tensor {
  return scatterAdd(zeros(shape, { dtype: dy.dtype, device: dy.device }), axis, indices, dy);
}
