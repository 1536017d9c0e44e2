// Products of vectors and matrices, composed over matmul.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { broadcastShapes, formatShape, maxRank, normalizeAxis, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { add, mul, sub } from './binary.ts';
import { index } from './index-select.ts';
import { matmul } from './matmul.ts';
import { sum } from './reduce.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { broadcastTo, permute, reshape, transpose, unsqueeze } from './view.ts';

function requireRanks(op: string, a: Tensor, rankA: number, b: Tensor, rankB: number): void {
  requireTensor(op, a, 'left');
  requireTensor(op, b, 'right');
  if (a.rank !== rankA || b.rank !== rankB) {
    throw shapeError(
      op,
      `wants ranks ${rankA} and ${rankB}, left is ${formatShape(a.shape)}, right is ${formatShape(b.shape)}`,
    );
  }
}

function requireInner(op: string, a: Tensor, b: Tensor): void {
  const [inner, outer] = [a.shape.at(-1), b.shape.at(b.rank === 1 ? 0 : -2)];
  if (inner === outer) return;
  throw shapeError(
    op,
    `inner sizes must match: left is ${formatShape(a.shape)}, right is ${formatShape(b.shape)} (${inner} ≠ ${outer})`,
  );
}

/**
 * Product of two matrices; nothing broadcasts.
 * @param a - [M, K]
 * @param b - [K, N]
 * @returns [M, N]
 * @example
 * mm(tensor([[1, 2]]), tensor([[3], [4]])); // [[11]]
 */
export function mm(a: Tensor, b: Tensor): Tensor {
  requireRanks('mm', a, 2, b, 2);
  requireInner('mm', a, b);
  return matmul(a, b);
}

/**
 * Products of the matrices of two batches of one size; nothing broadcasts.
 * @param a - [B, M, K]
 * @param b - [B, K, N]
 * @returns [B, M, N]
 * @example
 * bmm(ones([2, 1, 3]), ones([2, 3, 1])); // [[[3]], [[3]]]
 */
export function bmm(a: Tensor, b: Tensor): Tensor {
  requireRanks('bmm', a, 3, b, 3);
  requireInner('bmm', a, b);
  if (a.shape[0] !== b.shape[0]) {
    throw shapeError('bmm', `batches must match, left is ${formatShape(a.shape)}, right is ${formatShape(b.shape)}`);
  }
  return matmul(a, b);
}

/**
 * Product of a matrix and a vector.
 * @param a - [M, K]
 * @param b - [K]
 * @returns [M]
 * @example
 * mv(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export function mv(a: Tensor, b: Tensor): Tensor {
  requireRanks('mv', a, 2, b, 1);
  requireInner('mv', a, b);
  return matmul(a, b);
}

/**
 * Σ aᵢ bᵢ of two vectors of one length.
 * @returns rank 0
 * @example
 * dot(tensor([1, 2]), tensor([3, 4])); // 11
 */
export function dot(a: Tensor, b: Tensor): Tensor {
  requireRanks('dot', a, 1, b, 1);
  requireInner('dot', a, b);
  return matmul(a, b);
}

export { dot as vdot, outer as ger };

/**
 * Σ a b over one axis; the others broadcast.
 * @returns the broadcast shape without `axis`
 * @example
 * vecdot(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export function vecdot(a: Tensor, b: Tensor, options: { readonly axis?: number | undefined } = {}): Tensor {
  requireTensor('vecdot', a, 'left');
  requireTensor('vecdot', b, 'right');
  checkOptions('vecdot', options);
  const { axis = -1 } = options;
  const shape = broadcastShapes('vecdot', a.shape, b.shape);
  if (shape.length === 0) throw shapeError('vecdot', 'wants tensors of rank 1 or more, got rank 0');
  const at = normalizeAxis('vecdot', axis, shape.length);
  return tidy(() => sum(mul(a, b), { axis: at }));
}

/**
 * Sums of products over the last axes of both: Σₖ a[…, k] b[…, k]; a rank-0 operand multiplies.
 * @param a - [..., K]
 * @param b - [..., K]
 * @returns the leading axes of `a`, then those of `b`
 * @example
 * inner(tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export function inner(a: Tensor, b: Tensor): Tensor {
  requireTensor('inner', a, 'left');
  requireTensor('inner', b, 'right');
  if (a.rank === 0 || b.rank === 0) return mul(a, b);
  const k = a.shape.at(-1) as number;
  if (k !== b.shape.at(-1)) {
    throw shapeError(
      'inner',
      `last axes must match, left is ${formatShape(a.shape)}, right is ${formatShape(b.shape)}`,
    );
  }
  const shape = [...a.shape.slice(0, -1), ...b.shape.slice(0, -1)];
  if (shape.length > maxRank) throw shapeError('inner', `the result's rank must be at most ${maxRank}`);
  return tidy(() => {
    const rows = (t: Tensor): Tensor => reshape(t, [t.shape.slice(0, -1).reduce((x, y) => x * y, 1), k]);
    return reshape(matmul(rows(a), transpose(rows(b))), shape);
  });
}

/**
 * All products aᵢ bⱼ of two vectors.
 * @returns [N, M] for [N] and [M]
 * @example
 * outer(tensor([1, 2]), tensor([3, 4])); // [[3, 4], [6, 8]]
 */
export function outer(a: Tensor, b: Tensor): Tensor {
  requireRanks('outer', a, 1, b, 1);
  return tidy(() => mul(unsqueeze(a, 1), b));
}

export interface AddProductOptions {
  /** Factor of the product, 1 by default. */
  readonly alpha?: number | undefined;
  /** Factor of the tensor added, 1 by default; with 0 its values do not matter, NaN included. */
  readonly beta?: number | undefined;
}

/** beta · x + alpha · product; `x` must broadcast to the product. */
function addProduct(op: string, x: Tensor, options: AddProductOptions, product: () => Tensor): Tensor {
  requireTensor(op, x);
  checkOptions(op, options);
  const { alpha = 1, beta = 1 } = options;
  for (const each of [alpha, beta] as unknown[]) {
    if (typeof each !== 'number') throw argumentError(op, `alpha and beta must be numbers, got ${formatValue(each)}`);
  }
  return tidy(() => {
    const right = alpha === 1 ? product() : mul(product(), alpha);
    if (broadcastShapes(op, x.shape, right.shape).some((size, i) => size !== right.shape[i])) {
      throw shapeError(op, `${formatShape(x.shape)} does not broadcast to the product ${formatShape(right.shape)}`);
    }
    if (beta === 0) return right;
    return add(beta === 1 ? x : mul(x, beta), right);
  });
}

/**
 * beta · x + alpha · (a · b) for matrices.
 * @param x - broadcasts to [M, N]
 * @returns [M, N] for [M, K] and [K, N]
 * @example
 * addmm(ones([2]), tensor([[1, 2]]), tensor([[1, 0], [0, 1]]), { alpha: 2 }); // [[3, 5]]
 */
export function addmm(x: Tensor, a: Tensor, b: Tensor, options: AddProductOptions = {}): Tensor {
  requireRanks('addmm', a, 2, b, 2);
  requireInner('addmm', a, b);
  return addProduct('addmm', x, options, () => matmul(a, b));
}

/**
 * beta · x + alpha · (a · b) for a matrix and a vector.
 * @param x - broadcasts to [M]
 * @returns [M] for [M, K] and [K]
 * @example
 * addmv(zeros([2]), tensor([[1, 2], [3, 4]]), tensor([1, 1])); // [3, 7]
 */
export function addmv(x: Tensor, a: Tensor, b: Tensor, options: AddProductOptions = {}): Tensor {
  requireRanks('addmv', a, 2, b, 1);
  requireInner('addmv', a, b);
  return addProduct('addmv', x, options, () => matmul(a, b));
}

/**
 * beta · x + alpha · (a ⊗ b), the outer product of two vectors.
 * @param x - broadcasts to [N, M]
 * @returns [N, M] for [N] and [M]
 * @example
 * addr(zeros([1, 2]), tensor([2]), tensor([3, 4])); // [[6, 8]]
 */
export function addr(x: Tensor, a: Tensor, b: Tensor, options: AddProductOptions = {}): Tensor {
  requireRanks('addr', a, 1, b, 1);
  return addProduct('addr', x, options, () => outer(a, b));
}

/**
 * beta · x + alpha · (a · b) for each pair of matrices of two batches.
 * @param x - broadcasts to [B, M, N]
 * @returns [B, M, N] for [B, M, K] and [B, K, N]
 * @example
 * baddbmm(ones([1]), ones([1, 1, 2]), ones([1, 2, 1])); // [[[3]]]
 */
export function baddbmm(x: Tensor, a: Tensor, b: Tensor, options: AddProductOptions = {}): Tensor {
  requireRanks('baddbmm', a, 3, b, 3);
  return addProduct('baddbmm', x, options, () => bmm(a, b));
}

/**
 * beta · x + alpha · Σ (a · b), the sum over the batch.
 * @param x - broadcasts to [M, N]
 * @returns [M, N] for [B, M, K] and [B, K, N]
 * @example
 * addbmm(zeros([1, 1]), ones([2, 1, 3]), ones([2, 3, 1])); // [[6]]
 */
export function addbmm(x: Tensor, a: Tensor, b: Tensor, options: AddProductOptions = {}): Tensor {
  requireRanks('addbmm', a, 3, b, 3);
  return addProduct('addbmm', x, options, () => sum(bmm(a, b), { axis: 0 }));
}

/**
 * Kronecker product: every element of `a` times the whole of `b`, in blocks; a tensor of lower rank counts as having
 * leading axes of size 1.
 * @returns on each axis the product of the sizes
 * @example
 * kron(tensor([1, 2]), tensor([1, 10])); // [1, 10, 2, 20]
 */
export function kron(a: Tensor, b: Tensor): Tensor {
  requireTensor('kron', a, 'left');
  requireTensor('kron', b, 'right');
  const rank = Math.max(a.rank, b.rank);
  if (rank > maxRank / 2) throw shapeError('kron', `rank must be at most ${maxRank / 2}, got ${rank}`);
  const padded = (t: Tensor): number[] => [...new Array<number>(rank - t.rank).fill(1), ...t.shape];
  const [p, q] = [padded(a), padded(b)];
  return tidy(() => {
    const left = reshape(
      a,
      p.flatMap((size) => [size, 1]),
    );
    const right = reshape(
      b,
      q.flatMap((size) => [1, size]),
    );
    return reshape(
      mul(left, right),
      p.map((size, i) => size * (q[i] as number)),
    );
  });
}

/**
 * Cross product of vectors of length 3 along `axis`; the other axes broadcast.
 * @returns the broadcast shape
 * @example
 * cross(tensor([1, 0, 0]), tensor([0, 1, 0])); // [0, 0, 1]
 */
export function cross(a: Tensor, b: Tensor, options: { readonly axis?: number | undefined } = {}): Tensor {
  requireTensor('cross', a, 'left');
  requireTensor('cross', b, 'right');
  checkOptions('cross', options);
  const { axis = -1 } = options;
  const shape = broadcastShapes('cross', a.shape, b.shape);
  const at = normalizeAxis('cross', axis, shape.length);
  if (a.rank !== b.rank || a.shape[at] !== 3 || b.shape[at] !== 3) {
    throw shapeError('cross', `axis ${axis} must have size 3, got ${formatShape(a.shape)} and ${formatShape(b.shape)}`);
  }
  return tidy(() => {
    const [x, y] = [broadcastTo(a, shape), broadcastTo(b, shape)];
    const next = (t: Tensor): Tensor => index(t, [1, 2, 0], at);
    const last = (t: Tensor): Tensor => index(t, [2, 0, 1], at);
    return sub(mul(next(x), last(y)), mul(last(x), next(y)));
  });
}

/**
 * aᵀ Wₒ b + bias for every output o: a form that is linear in two inputs.
 * @param a - [..., I]
 * @param b - [..., J], leading axes as of `a`
 * @param weight - [O, I, J]
 * @param bias - [O], or null
 * @returns [..., O]
 * @example
 * bilinear(tensor([[1, 2]]), tensor([[3, 4]]), ones([1, 2, 2])); // [[21]]
 */
export function bilinear(a: Tensor, b: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  for (const [name, t] of Object.entries({ left: a, right: b, weight, ...(bias === null ? {} : { bias }) })) {
    requireTensor('bilinear', t, name);
    checkArguments('bilinear', [a, t]);
    requireFloat('bilinear', t, name);
    requireSameDtype('bilinear', a, t);
  }
  const [o, i, j] = weight.shape as [number, number, number];
  const lead = a.shape.slice(0, -1);
  const fits = weight.rank === 3 && a.rank > 0 && a.shape.at(-1) === i && sameShape(b.shape, [...lead, j]);
  if (!fits || (bias !== null && !sameShape(bias.shape, [o]))) {
    const shapes = [a, b, weight, ...(bias === null ? [] : [bias])].map((t) => formatShape(t.shape)).join(', ');
    throw shapeError('bilinear', `wants [..., I], [..., J], [O, I, J] and [O] or null, got ${shapes}`);
  }
  return tidy(() => {
    const count = lead.reduce((x, y) => x * y, 1);
    // [count, O · J] by one product over I; then each row's own over J.
    const half = matmul(reshape(a, [count, i]), reshape(permute(weight, [1, 0, 2]), [i, o * j]));
    const whole = reshape(matmul(reshape(half, [count, o, j]), reshape(b, [count, j, 1])), [...lead, o]);
    return bias === null ? whole : add(whole, bias);
  });
}
