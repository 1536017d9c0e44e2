// Factorisations that solve linear systems, and determinants. All work on the last two axes, in batches.
import { shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, mul, sub } from './binary.ts';
import { lt } from './compare.ts';
import { eye } from './creation.ts';
import { matmul } from './matmul.ts';
import {
  adjoint,
  flag,
  isVectorSide,
  lower,
  onDiagonal,
  requireMatrix,
  requireSquare,
  shareBatch,
  upper as upperPart,
} from './matrix-parts.ts';
import { sumOver } from './reduce.ts';
import { requireSameDtype } from './shared.ts';
import { neg } from './unary.ts';
import { broadcastTo, squeeze, unsqueeze } from './view.ts';
import { where } from './where.ts';

export interface UpperOptions {
  /** The factor stands in the upper triangle instead of the lower. */
  readonly upper?: boolean | undefined;
}

/** The gradient of a factor: the lower triangle with half its diagonal. */
const halved = (x: Tensor): Tensor => sub(lower(x), mul(onDiagonal(x), 0.5));

const choleskyOp = defineOp({
  name: 'cholesky',
  infer: (x: Spec): Spec => x,
  forward: (ctx, x) => kernels.cholesky(ctx.out, x),
  // Giles 2008: L⁻ᵀ Φ(Lᵀ dL) L⁻¹, symmetric because the input is.
  backward: (ctx, dy): Gradients => {
    const l = ctx.out;
    const inner = triangularOp(adjoint(l), halved(matmul(adjoint(l), dy)), true, false);
    const half = adjoint(triangularOp(adjoint(l), adjoint(inner), true, false));
    return [mul(add(half, adjoint(half)), 0.5)];
  },
  saves: [],
  savesOutputs: [0],
});

/**
 * The lower triangular L with x = L Lᵀ; only the lower triangle of `x` is read. A matrix that is not positive definite is
 * ERR_ARGUMENT when the result is read.
 * @param x - [..., N, N], symmetric positive definite
 * @returns [..., N, N]; Lᵀ with `upper`
 * @example
 * cholesky(tensor([[4, 2], [2, 5]])); // [[2, 0], [1, 2]]
 */
export function cholesky(x: Tensor, options: UpperOptions = {}): Tensor {
  requireSquare('cholesky', x);
  checkOptions('cholesky', options);
  const upper = flag('cholesky', 'upper', options.upper, false);
  return upper ? tidy(() => adjoint(choleskyOp(x))) : choleskyOp(x);
}

const triangularOp: (a: Tensor, b: Tensor, upper: boolean, unit: boolean) => Tensor = defineOp({
  name: 'triangularSolve',
  infer: (_a: Spec, b: Spec, _upper: boolean, _unit: boolean): Spec => b,
  forward: (ctx, a, b, upper, unit) => kernels.triangularSolve(ctx.out, a, b, Number(upper), Number(unit)),
  backward: (ctx, dy): Gradients => {
    const [a, , upper, unit] = ctx.args;
    const db = triangularOp(adjoint(a), dy, !upper, unit);
    if (!ctx.needs(0)) return [null, db, null, null];
    const full = neg(matmul(db, adjoint(ctx.out)));
    const part = upper ? upperPart(full) : lower(full);
    return [unit ? sub(part, onDiagonal(part)) : part, db, null, null];
  },
  saves: [0],
  savesOutputs: [0],
});

export interface TriangularSolveOptions extends UpperOptions {
  /** Solve with aᵀ. */
  readonly transpose?: boolean | undefined;
  /** Take the diagonal as ones, whatever it holds. */
  readonly unitriangular?: boolean | undefined;
  /** True (the default) solves a · x = b, false x · a = b. */
  readonly left?: boolean | undefined;
}

/**
 * Solves a · x = b for a triangular matrix; the other triangle of `a` is not read. A zero on the diagonal gives infinities
 * and NaN. Leading axes broadcast.
 * @param a - [..., N, N], lower triangular unless `upper`
 * @param b - [..., N, K], or [..., K, N] with `left: false`
 * @returns shape of `b`
 * @example
 * triangularSolve(tensor([[2, 0], [1, 1]]), tensor([[4], [5]])); // [[2], [3]]
 */
export function triangularSolve(a: Tensor, b: Tensor, options: TriangularSolveOptions = {}): Tensor {
  const op = 'triangularSolve';
  requireSquare(op, a, 'matrix');
  requireMatrix(op, b, 'right side');
  requireSameDtype(op, a, b);
  checkOptions(op, options);
  const upper = flag(op, 'upper', options.upper, false);
  const turned = flag(op, 'transpose', options.transpose, false);
  const unit = flag(op, 'unitriangular', options.unitriangular, false);
  const left = flag(op, 'left', options.left, true);
  requireSides(op, a, b, left);
  return tidy(() => {
    const [matrix, right] = shareBatch(op, a, left ? b : adjoint(b));
    // x a = b is aᵀ xᵀ = bᵀ.
    const other = turned === left;
    const x = triangularOp(other ? adjoint(matrix) : matrix, right, other ? !upper : upper, unit);
    return left ? x : adjoint(x);
  });
}

function requireSides(op: string, a: Tensor, b: Tensor, left: boolean): void {
  if (a.shape.at(-1) === b.shape.at(left ? -2 : -1)) return;
  throw shapeError(op, `sizes must match: matrix is ${formatShape(a.shape)}, right side is ${formatShape(b.shape)}`);
}

const solveOp = defineOp({
  name: 'solve',
  infer: (_a: Spec, b: Spec): Spec => b,
  forward: (ctx, a, b) => kernels.solve(ctx.out, a, b),
  backward: (ctx, dy): Gradients => {
    const db = solveOp(adjoint(ctx.args[0]), dy);
    return [ctx.needs(0) ? neg(matmul(db, adjoint(ctx.out))) : null, db];
  },
  saves: [0],
  savesOutputs: [0],
}) as (a: Tensor, b: Tensor) => Tensor;

/**
 * The x with a · x = b, by LU with partial pivoting. Leading axes broadcast. An exactly singular matrix is ERR_ARGUMENT
 * when the result is read.
 * @param a - [..., N, N]
 * @param b - [..., N, K], or vectors: [N] or [..., N] with the batch of `a`; [..., K, N] with `left: false`
 * @param options - `left: false` solves x · a = b
 * @returns the broadcast shape of `b`
 * @example
 * solve(tensor([[2, 0], [0, 4]]), tensor([2, 4])); // [1, 1]
 */
export function solve(a: Tensor, b: Tensor, options: { readonly left?: boolean | undefined } = {}): Tensor {
  requireSquare('solve', a, 'matrix');
  checkOptions('solve', options);
  const left = flag('solve', 'left', options.left, true);
  const vector = b?.rank !== undefined && isVectorSide(a, b);
  if (!vector) requireMatrix('solve', b, 'right side');
  requireSameDtype('solve', a, b);
  return tidy(() => {
    const columns = vector ? unsqueeze(b, -1) : left ? b : adjoint(b);
    requireSides('solve', a, columns, true);
    const [matrix, right] = shareBatch('solve', left ? a : adjoint(a), columns);
    const x = solveOp(matrix, right);
    return vector ? squeeze(x, -1) : left ? x : adjoint(x);
  });
}

const inverseOp = defineOp({
  name: 'inverse',
  infer: (x: Spec): Spec => x,
  forward: (ctx, x) => kernels.inverse(ctx.out, x),
  backward: (ctx, dy): Gradients => {
    const turned = adjoint(ctx.out);
    return [neg(matmul(matmul(turned, dy), turned))];
  },
  saves: [],
  savesOutputs: [0],
});

/**
 * The inverse of square matrices. An exactly singular one is ERR_ARGUMENT when the result is read; `solve` is faster and
 * more accurate where the inverse is only multiplied with something.
 * @param x - [..., N, N]
 * @returns [..., N, N]
 * @example
 * inverse(tensor([[2, 0], [0, 4]])); // [[0.5, 0], [0, 0.25]]
 */
export function inverse(x: Tensor): Tensor {
  requireSquare('inverse', x);
  return inverseOp(x);
}

const cofactorOp = defineOp({
  name: 'cofactor',
  infer: (x: Spec): Spec => x,
  forward: (ctx, x) => kernels.cofactor(ctx.out, x),
  // Of det(x) x⁻ᵀ; needs an invertible matrix, as the value does not.
  backward: (ctx, dy): Gradients => {
    const turned = adjoint(inverseOp(ctx.args[0]));
    const along = sumOver(mul(dy, ctx.out), [dy.rank - 2, dy.rank - 1], true);
    return [sub(mul(along, turned), matmul(matmul(ctx.out, adjoint(dy)), turned))];
  },
  saves: [0],
  savesOutputs: [0],
});

const wide = (x: Tensor): Tensor => unsqueeze(unsqueeze(x, -1), -1);

const detOp = defineOp({
  name: 'det',
  infer: (x: Spec): Spec => ({ shape: x.shape.slice(0, -2), dtype: x.dtype }),
  forward: (ctx, x) => kernels.det(ctx.out, x),
  backward: (ctx, dy): Gradients => [mul(wide(dy), cofactorOp(ctx.args[0]))],
  saves: [0],
});

/**
 * The determinant of square matrices. Its gradient, the matrix of cofactors, exists for singular matrices too; second
 * derivatives need invertible ones.
 * @param x - [..., N, N]
 * @returns the leading axes
 * @example
 * det(tensor([[1, 2], [3, 4]])); // -2
 */
export function det(x: Tensor): Tensor {
  requireSquare('det', x);
  return detOp(x);
}

const slogdetOp = defineOp({
  name: 'slogdet',
  infer: (x: Spec): Spec[] => {
    const spec = { shape: x.shape.slice(0, -2), dtype: x.dtype };
    return [spec, spec];
  },
  forward: (ctx, x) => kernels.slogdet(ctx.outputs[0] as Tensor, ctx.outputs[1] as Tensor, x),
  backward: (ctx, _sign, dLog): Gradients => [mul(wide(dLog as Tensor), adjoint(inverseOp(ctx.args[0])))],
  saves: [0],
});

/**
 * Sign and logarithm of the magnitude of the determinant: 0 and -Infinity for a singular matrix, whose gradient is
 * ERR_ARGUMENT when read.
 * @param x - [..., N, N]
 * @returns [sign, log|det x|], each of the leading axes; the sign has no gradient
 * @example
 * const [sign, logAbsolute] = slogdet(tensor([[0, 1], [1, 0]])); // -1, 0
 */
export function slogdet(x: Tensor): Tensor[] {
  requireSquare('slogdet', x);
  return slogdetOp(x);
}

/**
 * Logarithm of the determinant: NaN where it is negative, -Infinity for a singular matrix.
 * @param x - [..., N, N]
 * @returns the leading axes
 * @example
 * logdet(tensor([[2, 0], [0, 3]])); // 1.7918
 */
export function logdet(x: Tensor): Tensor {
  requireSquare('logdet', x);
  return tidy(() => {
    const [sign, size] = slogdetOp(x) as [Tensor, Tensor];
    return where(lt(sign, 0), Number.NaN, size);
  });
}

/**
 * Solves a · x = b given the Cholesky factor of a.
 * @param b - [..., N, K]
 * @param factor - [..., N, N]: L, or Lᵀ with `upper`
 * @returns [..., N, K]
 * @example
 * choleskySolve(tensor([[4], [4]]), tensor([[2, 0], [0, 1]])); // [[1], [4]]
 */
export function choleskySolve(b: Tensor, factor: Tensor, options: UpperOptions = {}): Tensor {
  requireSquare('choleskySolve', factor, 'factor');
  requireMatrix('choleskySolve', b, 'right side');
  requireSameDtype('choleskySolve', factor, b);
  checkOptions('choleskySolve', options);
  const upper = flag('choleskySolve', 'upper', options.upper, false);
  requireSides('choleskySolve', factor, b, true);
  return tidy(() =>
    triangularSolve(factor, triangularSolve(factor, b, { upper, transpose: upper }), { upper, transpose: !upper }),
  );
}

/**
 * The inverse of a given the Cholesky factor of a.
 * @param factor - [..., N, N]: L, or Lᵀ with `upper`
 * @returns [..., N, N]
 * @example
 * choleskyInverse(tensor([[2, 0], [0, 1]])); // [[0.25, 0], [0, 1]]
 */
export function choleskyInverse(factor: Tensor, options: UpperOptions = {}): Tensor {
  requireSquare('choleskyInverse', factor, 'factor');
  return tidy(() => {
    const identity = eye(factor.shape.at(-1) as number, { dtype: factor.dtype, device: factor.device });
    return choleskySolve(broadcastTo(identity, factor.shape), factor, options);
  });
}
