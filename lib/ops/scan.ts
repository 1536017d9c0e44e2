import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import type { AxisArgument } from './axis.ts';
import { resolveAxis, withAxis } from './axis.ts';
import { mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ne } from './compare.ts';
import { cumprodOp, early, late, linearScan, opposite, turned } from './recurrence.ts';
import type { Direction } from './recurrence.ts';
import { floatOf, requireTensor } from './shared.ts';
import { exp } from './unary.ts';
import { narrow, reshape } from './view.ts';
import { where } from './where.ts';

const cumsumOp = defineOp({
  name: 'cumsum',
  autocast: 'float32',
  infer: (x: Spec, _axis: number, _direction: Direction): Spec => x,
  forward: (ctx, x, axis, direction) =>
    kernels.cumsum(turned(ctx.out, axis, direction), turned(x, axis, direction), axis),
  backward: (ctx, dy): Gradients => [cumsumOp(dy, ctx.args[1], opposite(ctx.args[2])), null, null],
  saves: [],
});

/** Integers and bools are scanned as int64. */
function accumulated(op: string, x: Tensor, argument: AxisArgument, run: (x: Tensor, axis: number) => Tensor): Tensor {
  requireTensor(op, x);
  const axis = resolveAxis(op, x, argument);
  if (x.rank > 0 && isFloat(x.dtype)) return run(x, axis);
  return tidy(() => reshape(run(withAxis(isFloat(x.dtype) ? x : castTo(x, 'int64')), axis), x.shape));
}

/**
 * Sum of the elements up to and with each one along `axis`; integers and bools give int64. Floats are added in float64.
 * @returns shape of `x`
 * @example
 * cumsum(tensor([1, 2, 3])); // [1, 3, 6]
 */
export function cumsum(x: Tensor, axis: AxisArgument = -1): Tensor {
  return accumulated('cumsum', x, axis, (t, at) => cumsumOp(t, at, 'forward'));
}

/**
 * Product of the elements up to and with each one along `axis`; integers and bools give int64.
 * @returns shape of `x`
 * @example
 * cumprod(tensor([1, 2, 3])); // [1, 2, 6]
 */
export function cumprod(x: Tensor, axis: AxisArgument = -1): Tensor {
  return accumulated('cumprod', x, axis, (t, at) => cumprodOp(t, at, 'forward'));
}

const logcumsumexpOp = defineOp({
  name: 'logcumsumexp',
  autocast: 'float32',
  infer: (x: Spec, _axis: number): Spec => x,
  forward: (ctx, x, axis) => kernels.logcumsumexp(ctx.out, x, axis),
  // dx[k] = exp(x[k] − y[k]) g[k] with g[k] = dy[k] + exp(y[k] − y[k+1]) g[k+1]: y never falls, so no factor exceeds 1.
  backward: (ctx, dy): Gradients => {
    const [x, axis] = ctx.args;
    if ((x.shape[axis] as number) === 0) return [dy, null];
    const y = ctx.out;
    const g = linearScan(expDifference(early(y, axis), late(y, axis)), dy, axis, 'backward');
    return [mul(expDifference(x, y), g), null];
  },
  saves: [0],
  savesOutputs: [0],
});

/** exp(a − b), 1 where they are equal, infinities included. */
function expDifference(a: Tensor, b: Tensor): Tensor {
  return exp(where(eq(a, b), 0, sub(a, b)));
}

/**
 * Logarithm of the sum of exp(x) up to and with each element along `axis`, without overflow.
 * @returns shape of `x`; integers give float32
 * @example
 * logcumsumexp(tensor([0, 0])); // [0, 0.6931]
 */
export function logcumsumexp(x: Tensor, axis: AxisArgument = -1): Tensor {
  requireTensor('logcumsumexp', x);
  const at = resolveAxis('logcumsumexp', x, axis);
  const dtype = floatOf(x.dtype);
  if (x.rank > 0 && x.dtype === dtype) return logcumsumexpOp(x, at);
  return tidy(() => reshape(logcumsumexpOp(withAxis(castTo(x, dtype)), at), x.shape));
}

export interface DiffOptions {
  readonly axis?: number | undefined;
  /** How often neighbours are subtracted. */
  readonly n?: number | undefined;
}

/**
 * Differences of neighbours along an axis, `n` times: x[i + 1] − x[i].
 * @returns shape of `x`, `n` shorter along the axis (never below 0)
 * @example
 * diff(tensor([1, 4, 9])); // [3, 5]
 */
export function diff(x: Tensor, options: number | DiffOptions = {}): Tensor {
  requireTensor('diff', x);
  if (x.rank === 0) throw shapeError('diff', 'a rank-0 tensor has no neighbours');
  const axis = resolveAxis('diff', x, options);
  const n: unknown = typeof options === 'object' ? (options.n ?? 1) : 1;
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 0) {
    throw argumentError('diff', `n must be an integer ≥ 0, got ${formatValue(n)}`);
  }
  return tidy(() => {
    let result = n === 0 ? reshape(x, x.shape) : x;
    const size = x.shape[axis] as number;
    if (n > 0 && n >= size) return narrow(x, axis, 0, 0);
    for (let i = 0; i < n; i++) {
      const [a, b] = [late(result, axis), early(result, axis)];
      result = x.dtype === 'bool' ? ne(a, b) : sub(a, b);
    }
    return result;
  });
}
