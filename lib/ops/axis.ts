// The axis argument of ops that work along one axis.
import { argumentError } from '../errors.ts';
import { normalizeAxis } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { reshape } from './view.ts';

/** The axis an op works along, or an object that names it; the last one when omitted. */
export type AxisArgument = number | { readonly axis?: number | undefined };

/** The axis of `argument`, counted from the front; 0 for rank 0. */
export function resolveAxis(op: string, x: Tensor, argument: AxisArgument | undefined): number {
  const named = typeof argument === 'object' && argument !== null && !Array.isArray(argument);
  const axis: unknown = (named ? argument.axis : argument) ?? -1;
  if (typeof axis !== 'number') throw argumentError(op, `wants an axis, got ${formatValue(axis)}`);
  return normalizeAxis(op, axis, x.rank);
}

/** `x`, with one axis of size 1 when it has none. */
export function withAxis(x: Tensor): Tensor {
  return x.rank === 0 ? reshape(x, [1]) : x;
}
