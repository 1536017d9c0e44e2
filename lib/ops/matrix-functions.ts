// Functions of whole matrices: exponential, powers, pseudo-inverse, least squares, norms, rank and condition.
import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, normalizeAxis, numelOf } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, maximum, mul, sub } from './binary.ts';
import { eq, gt } from './compare.ts';
import { eye, zeros } from './creation.ts';
import { svd, svdvals } from './decompositions.ts';
import { cat } from './join.ts';
import { matmul } from './matmul.ts';
import { adjoint, isVectorSide, requireMatrix, requireSquare } from './matrix-parts.ts';
import { amax, amin, sum } from './reduce.ts';
import { requireSameDtype } from './shared.ts';
import { inverse } from './systems.ts';
import { abs, reciprocal, sqrt, square } from './unary.ts';
import { broadcastTo, narrow, permute, reshape, select, squeeze, unsqueeze } from './view.ts';
import { where } from './where.ts';

const matrixExpOp: (x: Tensor) => Tensor = defineOp({
  name: 'matrixExp',
  infer: (x: Spec): Spec => x,
  forward: (ctx, x) => kernels.matrixExp(ctx.out, x),
  // The upper right block of exp([[Aᵀ, dY], [0, Aᵀ]]) (Najfeld and Havel 1995).
  backward: (ctx, dy): Gradients => {
    const a = adjoint(ctx.args[0]);
    const n = a.shape.at(-1) as number;
    const nothing = zeros(a.shape, { dtype: a.dtype, device: a.device });
    const whole = matrixExpOp(cat([cat([a, dy], -1), cat([nothing, a], -1)], -2));
    return [narrow(narrow(whole, -2, 0, n), -1, n, n)];
  },
  saves: [0],
});

/**
 * The matrix exponential Σ xᵏ / k!, by scaling, a Padé approximant and squaring (Higham 2005).
 * @param x - [..., N, N]
 * @returns [..., N, N]
 * @example
 * matrixExp(tensor([[0, 1], [0, 0]])); // [[1, 1], [0, 1]]
 */
export function matrixExp(x: Tensor): Tensor {
  requireSquare('matrixExp', x);
  return matrixExpOp(x);
}

/**
 * x multiplied with itself `n` times, by repeated squaring; a negative `n` takes the inverse first, 0 gives the identity.
 * @param x - [..., N, N]
 * @param n - an integer
 * @returns [..., N, N]
 * @example
 * matrixPower(tensor([[1, 1], [0, 1]]), 3); // [[1, 3], [0, 1]]
 */
export function matrixPower(x: Tensor, n: number): Tensor {
  requireSquare('matrixPower', x);
  if (!Number.isSafeInteger(n)) throw argumentError('matrixPower', `n must be an integer, got ${formatValue(n)}`);
  return tidy(() => {
    if (n === 0) {
      const identity = eye(x.shape.at(-1) as number, { dtype: x.dtype, device: x.device });
      return add(broadcastTo(identity, x.shape), mul(x, 0));
    }
    let power = n < 0 ? inverse(x) : x;
    let result: Tensor | null = null;
    for (let left = Math.abs(n); ; ) {
      if (left % 2 === 1) result = result === null ? power : matmul(result, power);
      left = Math.floor(left / 2);
      if (left === 0) return result === x ? reshape(x, x.shape) : (result as Tensor);
      power = matmul(power, power);
    }
  });
}

/** Distance from 1 to the next number. */
const epsilon = (x: Tensor): number => (x.dtype === 'float64' ? 2 ** -52 : 2 ** -23);

function tolerance(op: string, name: string, value: unknown, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== 'number' || !(value >= 0)) {
    throw argumentError(op, `${name} must be a number ≥ 0, got ${formatValue(value)}`);
  }
  return value;
}

/** Singular values that count: those above `absolute` and above `relative` times the largest. */
function significant(s: Tensor, absolute: number, relative: number): Tensor {
  const bound = maximum(mul(amax(s, { axis: -1, keepdim: true }), relative), absolute);
  return gt(s, bound);
}

const pinvOp = defineOp({
  name: 'pinv',
  forward: (_ctx, x: Tensor, absolute: number, relative: number): Tensor => {
    const [u, s, vh] = svd(x, { fullMatrices: false }) as [Tensor, Tensor, Tensor];
    if (s.shape.at(-1) === 0) return mul(adjoint(x), 0);
    const inverted = where(significant(s, absolute, relative), reciprocal(s), 0);
    return matmul(mul(adjoint(vh), unsqueeze(inverted, -2)), adjoint(u));
  },
  // Golub and Pereyra 1973, for a rank that does not change; the products are ordered for the smaller side.
  backward: (ctx, dy): Gradients => {
    const [x] = ctx.args;
    const p = ctx.out;
    const [pt, dt] = [adjoint(p), adjoint(dy)];
    const [m, n] = x.shape.slice(-2) as [number, number];
    if (m <= n) {
      const k = matmul(dt, p);
      const kp = matmul(k, pt);
      const inside = sub(kp, adjoint(matmul(p, k)));
      const outside = sub(matmul(matmul(pt, p), sub(dt, matmul(k, x))), matmul(matmul(x, p), kp));
      return [add(inside, outside), null, null];
    }
    const k = matmul(p, dt);
    const pk = matmul(pt, k);
    const inside = sub(pk, adjoint(matmul(k, p)));
    const outside = sub(matmul(matmul(sub(dt, matmul(x, k)), p), pt), matmul(matmul(pk, p), x));
    return [add(inside, outside), null, null];
  },
  saves: [0],
  savesOutputs: [0],
});

export interface RankOptions {
  /** Singular values up to this count as 0; 0 by default. */
  readonly atol?: number | undefined;
  /** The same relative to the largest; max(M, N) epsilon by default, or 0 when `atol` is given. */
  readonly rtol?: number | undefined;
}

function tolerances(op: string, x: Tensor, options: RankOptions): [number, number] {
  checkOptions(op, options);
  const absolute = tolerance(op, 'atol', options.atol, 0);
  const usual = Math.max(...(x.shape.slice(-2) as [number, number])) * epsilon(x);
  return [absolute, tolerance(op, 'rtol', options.rtol, absolute > 0 ? 0 : usual)];
}

/**
 * The Moore–Penrose pseudo-inverse, by singular values; those within the tolerances count as 0.
 * @param x - [..., M, N]
 * @returns [..., N, M]
 * @example
 * pinv(tensor([[2, 0], [0, 0]])); // [[0.5, 0], [0, 0]]
 */
export function pinv(x: Tensor, options: RankOptions = {}): Tensor {
  requireMatrix('pinv', x);
  const [absolute, relative] = tolerances('pinv', x, options);
  return pinvOp(x, absolute, relative);
}

/**
 * The number of singular values beyond the tolerances.
 * @param x - [..., M, N]
 * @returns int64, the leading axes
 * @example
 * matrixRank(tensor([[1, 2], [2, 4]])); // 1
 */
export function matrixRank(x: Tensor, options: RankOptions = {}): Tensor<'int64'> {
  requireMatrix('matrixRank', x);
  const [absolute, relative] = tolerances('matrixRank', x, options);
  return tidy(() => {
    const s = svdvals(x);
    const counted = s.shape.at(-1) === 0 ? gt(s, 0) : significant(s, absolute, relative);
    return sum(counted, { axis: -1 }) as Tensor<'int64'>;
  });
}

/**
 * The x of least norm that minimises |a · x − b|, through the pseudo-inverse: any rank will do. Leading axes broadcast.
 * @param a - [..., M, N]
 * @param b - [..., M, K], or vectors: [M] or [..., M] with the batch of `a`
 * @param options - `rcond`: singular values below rcond times the largest count as 0; max(M, N) epsilon by default
 * @returns [..., N, K], or [..., N] for vectors
 * @example
 * lstsq(tensor([[1, 0], [1, 1], [1, 2]]), tensor([1, 3, 5])); // [1, 2]
 */
export function lstsq(a: Tensor, b: Tensor, options: { readonly rcond?: number | undefined } = {}): Tensor {
  requireMatrix('lstsq', a, 'matrix');
  checkOptions('lstsq', options);
  const vector = b?.rank !== undefined && isVectorSide(a, b);
  if (!vector) requireMatrix('lstsq', b, 'right side');
  requireSameDtype('lstsq', a, b);
  const rows = b.shape.at(vector ? -1 : -2);
  if (rows !== a.shape.at(-2)) {
    throw shapeError('lstsq', `rows must match: ${formatShape(a.shape)} and ${formatShape(b.shape)}`);
  }
  tolerance('lstsq', 'rcond', options.rcond, 0);
  return tidy(() => {
    const inverted = pinv(a, { rtol: options.rcond });
    return vector ? squeeze(matmul(inverted, unsqueeze(b, -1)), -1) : matmul(inverted, b);
  });
}

export type MatrixNormOrder = 'fro' | 'nuc' | 1 | -1 | 2 | -2 | number;

/** √Σx², with gradient 0 where all is 0. */
function frobenius(x: Tensor): Tensor {
  const total = sum(square(x), { axis: [-2, -1] });
  const zero = eq(total, 0);
  return where(zero, 0, sqrt(where(zero, 1, total)));
}

function normOf(x: Tensor, order: MatrixNormOrder): Tensor {
  switch (order) {
    case 'fro':
      return frobenius(x);
    case 'nuc':
      return sum(svdvals(x), { axis: -1 });
    case 2:
      return amax(svdvals(x), { axis: -1 });
    case -2:
      return amin(svdvals(x), { axis: -1 });
    default: {
      const sums = sum(abs(x), { axis: Math.abs(order) === 1 ? -2 : -1 });
      return order > 0 ? amax(sums, { axis: -1 }) : amin(sums, { axis: -1 });
    }
  }
}

function checkOrder(op: string, order: unknown): MatrixNormOrder {
  const known = ['fro', 'nuc', 1, -1, 2, -2, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  if (known.includes(order as never)) return order as MatrixNormOrder;
  throw argumentError(op, `order must be 'fro', 'nuc', ±1, ±2 or ±Infinity, got ${formatValue(order)}`);
}

export interface MatrixNormOptions {
  /** The axes of rows and columns, the last two by default. */
  readonly axis?: readonly [number, number] | undefined;
  /** Keep those axes with size 1. */
  readonly keepdim?: boolean | undefined;
}

/**
 * A norm of matrices: 'fro' (√Σx²), 'nuc' (Σ singular values), 2 and −2 (largest and smallest singular value), 1 and −1
 * (largest and smallest column sum of magnitudes), Infinity and −Infinity (the same of rows).
 * @param x - [..., M, N]
 * @returns the other axes
 * @example
 * matrixNorm(tensor([[3, 0], [0, 4]])); // 5
 */
export function matrixNorm(x: Tensor, order: MatrixNormOrder = 'fro', options: MatrixNormOptions = {}): Tensor {
  requireMatrix('matrixNorm', x);
  checkOrder('matrixNorm', order);
  checkOptions('matrixNorm', options);
  const { axis = [-2, -1], keepdim = false } = options;
  if (!Array.isArray(axis) || axis.length !== 2) {
    throw argumentError('matrixNorm', `axis must be two axes, got ${formatValue(axis)}`);
  }
  const [row, column] = axis.map((each: number) => normalizeAxis('matrixNorm', each, x.rank)) as [number, number];
  if (row === column) throw shapeError('matrixNorm', `axes must differ, got ${formatShape(axis)}`);
  const rest = x.shape.flatMap((_, i) => (i === row || i === column ? [] : [i]));
  if (order !== 'fro' && order !== 'nuc' && numelOf([x.shape[row] as number, x.shape[column] as number]) === 0) {
    throw shapeError('matrixNorm', `order ${order} needs matrices with elements, got ${formatShape(x.shape)}`);
  }
  return tidy(() => {
    const result = normOf(permute(x, [...rest, row, column]), order);
    if (!keepdim) return result;
    return reshape(
      result,
      x.shape.map((size, i) => (i === row || i === column ? 1 : size)),
    );
  });
}

/**
 * The condition number |x| · |x⁻¹| in a norm of `matrixNorm`; by default, and with 2 and −2, the quotient of the extreme
 * singular values.
 * @param x - [..., N, N]; [..., M, N] for the default, 2 and −2
 * @returns the leading axes
 * @example
 * cond(tensor([[1, 0], [0, 4]])); // 4
 */
export function cond(x: Tensor, order: MatrixNormOrder = 2): Tensor {
  const spectral = order === 2 || order === -2;
  if (spectral) requireMatrix('cond', x);
  else requireSquare('cond', x);
  checkOrder('cond', order);
  if (numelOf(x.shape.slice(-2)) === 0) {
    throw shapeError('cond', `needs matrices with elements, got ${formatShape(x.shape)}`);
  }
  return tidy(() => {
    if (!spectral) return mul(normOf(x, order), normOf(inverse(x), order));
    const s = svdvals(x);
    const [first, last] = [select(s, -1, 0), select(s, -1, -1)];
    return order === 2 ? div(first, last) : div(last, first);
  });
}
