// Integrals of samples by the trapezoidal rule.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { resolveAxis } from './axis.ts';
import { add, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { early, late } from './recurrence.ts';
import { sum } from './reduce.ts';
import { cumsum } from './scan.ts';
import { floatOf, requireTensor } from './shared.ts';
import { reshape } from './view.ts';

export interface TrapezoidOptions {
  readonly axis?: number | undefined;
  /** The distance of samples, 1 when omitted. */
  readonly dx?: number | undefined;
  /** The places of samples: rank 1, or of a shape that broadcasts to `y`. */
  readonly x?: Tensor | undefined;
}

/** The axis, and the areas between neighbours along it. */
function areas(op: string, y: Tensor, options: TrapezoidOptions): { axis: number; parts: () => Tensor } {
  requireTensor(op, y);
  checkOptions(op, options);
  if (y.rank === 0) throw shapeError(op, 'a rank-0 tensor has no samples to add');
  const axis = resolveAxis(op, y, options);
  const { dx = 1, x } = options;
  if (typeof dx !== 'number' || !Number.isFinite(dx))
    throw argumentError(op, `dx must be a finite number, got ${formatValue(dx)}`);
  if (x !== undefined) requireTensor(op, x, 'x');
  checkArguments(op, [y, x]);
  const parts = (): Tensor => {
    const values = castTo(y, floatOf(y.dtype));
    if (y.shape[axis] === 0) return values;
    const pairs = add(early(values, axis), late(values, axis));
    if (x === undefined) return mul(pairs, dx / 2);
    const alone = y.shape.map((_, i) => (i === axis ? x.size : 1));
    const places = x.rank === 1 ? reshape(x, alone) : x;
    const at = axis - y.rank + places.rank;
    if (at < 0 || places.shape[at] !== y.shape[axis]) {
      throw shapeError(op, `x must have ${y.shape[axis]} places along the axis, got shape ${formatShape(x.shape)}`);
    }
    return mul(mul(pairs, sub(late(places, at), early(places, at))), 0.5);
  };
  return { axis, parts };
}

/**
 * Integral of samples `y` along an axis by the trapezoidal rule: the sum of dx (y[i] + y[i + 1]) / 2.
 * @returns shape of `y` without the axis
 * @example
 * trapezoid(tensor([1, 2, 3]), { dx: 2 }); // 8
 */
export function trapezoid(y: Tensor, options: TrapezoidOptions = {}): Tensor {
  const { axis, parts } = areas('trapezoid', y, options);
  // Counted from the end, because x may add leading axes.
  return tidy(() => sum(parts(), axis - y.rank));
}

/**
 * The integral up to each sample but the first, as `trapezoid`.
 * @returns shape of `y`, one shorter along the axis
 * @example
 * cumulativeTrapezoid(tensor([1, 2, 3])); // [1.5, 4]
 */
export function cumulativeTrapezoid(y: Tensor, options: TrapezoidOptions = {}): Tensor {
  const { axis, parts } = areas('cumulativeTrapezoid', y, options);
  return tidy(() => cumsum(parts(), axis - y.rank));
}

export { trapezoid as trapz };
