// Distances between vectors.
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tidy } from '../core/scope.ts';
import { broadcastShapes, formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, mul, pow, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq } from './compare.ts';
import { triuIndices } from './grids.ts';
import { matmul } from './matmul.ts';
import { adjoint, flag, requireMatrix, shareBatch } from './matrix-parts.ts';
import { sumOver } from './reduce.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { unbind } from './split.ts';
import { take } from './take.ts';
import { abs, neg, sign } from './unary.ts';
import { norm } from './vector-norm.ts';
import { broadcastTo, reshape, unsqueeze } from './view.ts';
import { where } from './where.ts';

const cdistOp = defineOp({
  name: 'cdist',
  infer: (a: Spec, b: Spec, _p: number): Spec => ({
    shape: [...a.shape.slice(0, -1), b.shape.at(-2) as number],
    dtype: a.dtype,
  }),
  forward: (ctx, a, b, p) => kernels.cdist(ctx.out, a, b, p),
  backward: (ctx, dy): Gradients => {
    const [a, b, p] = ctx.args;
    const y = ctx.out;
    const same = eq(y, 0);
    if (p === 2) {
      // Σⱼ wᵢⱼ (aᵢ − bⱼ) with w = dy / y, as matrix products; equal points have gradient 0.
      const w = where(same, 0, div(dy, where(same, 1, y)));
      const toward = (t: Tensor, weights: Tensor, other: Tensor): Tensor =>
        sub(mul(t, sumOver(weights, [weights.rank - 1], true)), matmul(weights, other));
      return [ctx.needs(0) ? toward(a, w, b) : null, ctx.needs(1) ? toward(b, adjoint(w), a) : null, null];
    }
    if (p === 0) return [mul(a, 0), mul(b, 0), null];
    const d = sub(unsqueeze(a, -2), unsqueeze(b, -3));
    const size = abs(d);
    const zero = eq(size, 0);
    const far = unsqueeze(where(same, 1, y), -1);
    let slope = sign(d);
    if (p === Number.POSITIVE_INFINITY) slope = where(eq(size, far), slope, 0);
    else if (p !== 1) slope = mul(slope, where(zero, 0, pow(div(where(zero, 1, size), far), p - 1)));
    const along = mul(slope, unsqueeze(where(same, 0, dy), -1));
    const rank = along.rank;
    return [sumOver(along, [rank - 2], false), neg(sumOver(along, [rank - 3], false)), null];
  },
  saves: [0, 1],
  savesOutputs: [0],
});

function checkPower(op: string, p: unknown): number {
  if (typeof p === 'number' && p >= 0) return p;
  throw argumentError(op, `p must be a number ≥ 0, got ${formatValue(p)}`);
}

/**
 * The p-norms of the differences between all rows of `a` and all rows of `b`: (Σ |a − b|ᵖ)^(1/p). Leading axes broadcast.
 * Equal rows have gradient 0.
 * @param a - [..., P, M]
 * @param b - [..., R, M]
 * @param options - `p`: 2 by default; 0 counts differences, Infinity takes the largest
 * @returns [..., P, R]
 * @example
 * cdist(tensor([[0, 0]]), tensor([[3, 4], [0, 1]])); // [[5, 1]]
 */
export function cdist(a: Tensor, b: Tensor, options: { readonly p?: number | undefined } = {}): Tensor {
  requireMatrix('cdist', a, 'left');
  requireMatrix('cdist', b, 'right');
  requireSameDtype('cdist', a, b);
  checkArguments('cdist', [a, b]);
  checkOptions('cdist', options);
  const p = checkPower('cdist', options.p ?? 2);
  if (a.shape.at(-1) !== b.shape.at(-1)) {
    throw shapeError('cdist', `rows must have one length, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`);
  }
  return tidy(() => cdistOp(...shareBatch('cdist', a, b), p));
}

export interface PairwiseDistanceOptions {
  readonly p?: number | undefined;
  /** Added to every difference, 1e-6 by default. */
  readonly eps?: number | undefined;
  readonly keepdim?: boolean | undefined;
}

/**
 * The p-norm of a − b + eps over the last axis; the others broadcast.
 * @param a - [..., M]
 * @param b - [..., M]
 * @returns the broadcast shape without its last axis, or with 1 there
 * @example
 * pairwiseDistance(tensor([[0, 0]]), tensor([[3, 4]]), { eps: 0 }); // [5]
 */
export function pairwiseDistance(a: Tensor, b: Tensor, options: PairwiseDistanceOptions = {}): Tensor {
  const op = 'pairwiseDistance';
  requireTensor(op, a, 'left');
  requireTensor(op, b, 'right');
  checkArguments(op, [a, b]);
  requireFloat(op, a, 'left');
  requireSameDtype(op, a, b);
  checkOptions(op, options);
  const p = checkPower(op, options.p ?? 2);
  const { eps = 1e-6 } = options;
  if (typeof eps !== 'number') throw argumentError(op, `eps must be a number, got ${formatValue(eps)}`);
  const keepdim = flag(op, 'keepdim', options.keepdim, false);
  const shape = broadcastShapes(op, a.shape, b.shape);
  if (shape.length === 0) throw shapeError(op, 'wants tensors of rank 1 or more, got rank 0');
  return tidy(() => {
    const count = shape.slice(0, -1).reduce((x, y) => x * y, 1);
    const rows = (t: Tensor): Tensor => reshape(broadcastTo(t, shape), [count, 1, shape.at(-1) as number]);
    const distances = cdistOp(rows(add(a, eps)), rows(b), p);
    return reshape(distances, [...shape.slice(0, -1), ...(keepdim ? [1] : [])]);
  });
}

/**
 * The p-norms of the differences between every two rows: the part of cdist(x, x) above its diagonal, row by row. Equal rows
 * have gradient 0.
 * @param x - [N, M]
 * @param options - `p`: 2 by default
 * @returns [N (N − 1) / 2]
 * @example
 * pdist(tensor([[0, 0], [3, 4], [0, 1]])); // [5, 1, 4.2426]
 */
export function pdist(x: Tensor, options: { readonly p?: number | undefined } = {}): Tensor {
  requireMatrix('pdist', x);
  if (x.rank !== 2) throw shapeError('pdist', `wants [N, M], got ${formatShape(x.shape)}`);
  checkArguments('pdist', [x]);
  checkOptions('pdist', options);
  const p = checkPower('pdist', options.p ?? 2);
  const n = x.shape[0] as number;
  return tidy(() => {
    const [rows, columns] = unbind(triuIndices(n, n, { offset: 1, device: x.device })) as [Tensor, Tensor];
    const places = n < 2 ** 15 ? rows : castTo(rows, 'int64');
    return take(cdistOp(...shareBatch('pdist', x, x), p), add(mul(places, n), columns));
  });
}

/**
 * The p-norm of a − b over all elements; shapes broadcast.
 * @returns rank 0
 * @example
 * dist(tensor([0, 0]), tensor([3, 4])); // 5
 */
export function dist(a: Tensor, b: Tensor, p = 2): Tensor {
  requireTensor('dist', a, 'left');
  requireTensor('dist', b, 'right');
  checkArguments('dist', [a, b]);
  checkPower('dist', p);
  if (anyHalf(a, b)) return inFloat32(dist, a, b, p);
  requireFloat('dist', a, 'left');
  requireSameDtype('dist', a, b);
  return tidy(() => norm(sub(a, b), { p }));
}
