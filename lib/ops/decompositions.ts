// Orthogonal decompositions of the last two axes: QR, symmetric eigenvalues, singular values.
import { argumentError, gradError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, mul, sub } from './binary.ts';
import { gt } from './compare.ts';
import { cat } from './join.ts';
import { matmul } from './matmul.ts';
import { adjoint, embedDiagonal, flag, lower, requireMatrix, requireSquare, strictLower } from './matrix-parts.ts';
import { triangularSolve } from './systems.ts';
import { abs, reciprocal, square } from './unary.ts';
import { narrow, unsqueeze } from './view.ts';
import { where } from './where.ts';

const sizesOf = (x: Spec): [number, number] => x.shape.slice(-2) as [number, number];

/** Q copyltu(R dRᵀ − dQᵀ Q) + dQ, times R⁻ᵀ, for R square (Walter and Lehmann 2018). */
function dSquare(q: Tensor, r: Tensor, dQ: Tensor, dR: Tensor): Tensor {
  const m = sub(matmul(r, adjoint(dR)), matmul(adjoint(dQ), q));
  const symmetric = add(lower(m), adjoint(strictLower(m)));
  return triangularSolve(r, add(dQ, matmul(q, symmetric)), { upper: true, transpose: true, left: false });
}

const qrOp = defineOp({
  name: 'qr',
  infer: (x: Spec, complete: boolean): Spec[] => {
    const [m, n] = sizesOf(x);
    const k = complete ? m : Math.min(m, n);
    const batch = x.shape.slice(0, -2);
    return [
      { shape: [...batch, m, k], dtype: x.dtype },
      { shape: [...batch, k, n], dtype: x.dtype },
    ];
  },
  forward: (ctx, x) => kernels.qr(ctx.outputs[0] as Tensor, ctx.outputs[1] as Tensor, x),
  backward: (ctx, dQ, dR): Gradients => {
    const [x, complete] = ctx.args;
    const [q, r] = ctx.outputs as [Tensor, Tensor];
    const [m, n] = sizesOf(x);
    const d = dR as Tensor;
    if (complete && m > n) throw gradError('qr', 'has no gradient with mode complete and more rows than columns');
    if (m >= n) return [dSquare(q, r, dQ, d), null];
    // x = [X Y] and R = [U V] with U square: Q V = Y.
    const dV = narrow(d, -1, m, n - m);
    const turned = add(dQ, matmul(narrow(x, -1, m, n - m), adjoint(dV)));
    return [cat([dSquare(q, narrow(r, -1, 0, m), turned, narrow(d, -1, 0, m)), matmul(q, dV)], -1), null];
  },
  saves: [0],
  savesOutputs: [0, 1],
});

export interface QrOptions {
  /** 'reduced' (the default): min(M, N) columns of Q; 'complete': all M. */
  readonly mode?: 'reduced' | 'complete' | undefined;
}

/**
 * x = Q · R with orthonormal columns of Q and upper triangular R, by Householder reflections with LAPACK's signs. The
 * gradient needs the first min(M, N) columns to be independent, and there is none for 'complete' with M > N.
 * @param x - [..., M, N]
 * @returns `[Q, R]`: [..., M, K] and [..., K, N] with K = min(M, N), or K = M
 * @example
 * const [q, r] = qr(tensor([[3], [4]])); // [[-0.6], [-0.8]], [[-5]]
 */
export function qr(x: Tensor, options: QrOptions = {}): Tensor[] {
  requireMatrix('qr', x);
  checkOptions('qr', options);
  const { mode = 'reduced' } = options;
  if (mode !== 'reduced' && mode !== 'complete') {
    throw argumentError('qr', `mode must be 'reduced' or 'complete', got ${formatValue(mode)}`);
  }
  return qrOp(x, mode === 'complete');
}

/** x / e where e is 0 only on the diagonal and between equal values: nothing there as long as x has nothing there. */
function overGaps(x: Tensor, e: Tensor): Tensor {
  return div(x, where(gt(add(abs(x), abs(e)), 0), e, 1));
}

const skew = (x: Tensor): Tensor => sub(x, adjoint(x));

const eighOp = defineOp({
  name: 'eigh',
  infer: (x: Spec): Spec[] => [{ shape: x.shape.slice(0, -1), dtype: x.dtype }, x],
  forward: (ctx, x) => kernels.eigh(ctx.outputs[0] as Tensor, ctx.outputs[1] as Tensor, x),
  // V (diag(dλ) + skew(Vᵀ dV)ᵢⱼ / (2 (λⱼ − λᵢ))) Vᵀ, the symmetric form of Giles 2008.
  backward: (ctx, dValues, dVectors): Gradients => {
    const [values, vectors] = ctx.outputs as [Tensor, Tensor];
    const gaps = sub(unsqueeze(values, -2), unsqueeze(values, -1));
    const turned = overGaps(mul(skew(matmul(adjoint(vectors), dVectors as Tensor)), 0.5), gaps);
    return [matmul(matmul(vectors, add(turned, embedDiagonal(dValues))), adjoint(vectors))];
  },
  saves: [],
  savesOutputs: [0, 1],
});

/**
 * Eigenvalues, ascending, and orthonormal eigenvectors of symmetric matrices: x · V = V · diag(λ). Only the lower triangle
 * of `x` is read; the sign of each vector is arbitrary. NaN or infinities in `x` give NaN. Gradients through the vectors
 * are finite where the eigenvalues differ and the loss does not depend on signs.
 * @param x - [..., N, N], symmetric
 * @returns `[λ, V]`: [..., N] and [..., N, N], vectors in columns
 * @example
 * const [values, vectors] = eigh(tensor([[2, 1], [1, 2]])); // values: [1, 3]
 */
export function eigh(x: Tensor): Tensor[] {
  requireSquare('eigh', x);
  return eighOp(x);
}

const eigvalshOp = defineOp({
  name: 'eigvalsh',
  infer: (x: Spec): Spec => ({ shape: x.shape.slice(0, -1), dtype: x.dtype }),
  forward: (ctx, x) => kernels.eigvalsh(ctx.out, x),
  backward: (ctx, dy): Gradients => {
    const vectors = eighOp(ctx.args[0])[1] as Tensor;
    return [matmul(mul(vectors, unsqueeze(dy, -2)), adjoint(vectors))];
  },
  saves: [0],
});

/**
 * Eigenvalues of symmetric matrices, ascending; see `eigh`.
 * @param x - [..., N, N], symmetric
 * @returns [..., N]
 * @example
 * eigvalsh(tensor([[2, 0], [0, 1]])); // [1, 2]
 */
export function eigvalsh(x: Tensor): Tensor {
  requireSquare('eigvalsh', x);
  return eigvalshOp(x);
}

const svdOp = defineOp({
  name: 'svd',
  infer: (x: Spec, full: boolean): Spec[] => {
    const [m, n] = sizesOf(x);
    const k = Math.min(m, n);
    const batch = x.shape.slice(0, -2);
    return [
      { shape: [...batch, m, full ? m : k], dtype: x.dtype },
      { shape: [...batch, k], dtype: x.dtype },
      { shape: [...batch, full ? n : k, n], dtype: x.dtype },
    ];
  },
  forward: (ctx, x) => {
    const [u, s, vh] = ctx.outputs as [Tensor, Tensor, Tensor];
    kernels.svd(u, s, vh, x);
  },
  // Townsend 2016: U [(skew(Uᵀ dU) S + S skew(Vᵀ dV)) / E + diag(dS)] Vᵀ with Eᵢⱼ = sⱼ² − sᵢ², and what dU and dV have
  // outside of the spans of U and V.
  backward: (ctx, gU, dS, gVh): Gradients => {
    const [m, n] = sizesOf(ctx.args[0]);
    const k = Math.min(m, n);
    const columns = (t: Tensor): Tensor => narrow(t, -1, 0, k);
    const rows = (t: Tensor): Tensor => narrow(t, -2, 0, k);
    const [fullU, s, fullVh] = ctx.outputs as [Tensor, Tensor, Tensor];
    const [u, vh, dU, dVh] = [columns(fullU), rows(fullVh), columns(gU), rows(gVh as Tensor)];
    const squares = square(s);
    const e = sub(unsqueeze(squares, -2), unsqueeze(squares, -1));
    const left = mul(overGaps(skew(matmul(adjoint(u), dU)), e), unsqueeze(s, -2));
    const right = mul(overGaps(skew(matmul(vh, adjoint(dVh))), e), unsqueeze(s, -1));
    let dx = matmul(matmul(u, add(add(left, right), embedDiagonal(dS as Tensor))), vh);
    const inverse = reciprocal(s);
    if (m > k) {
      const scaled = mul(dU, unsqueeze(inverse, -2));
      dx = add(dx, matmul(sub(scaled, matmul(u, matmul(adjoint(u), scaled))), vh));
    }
    if (n > k) {
      const scaled = mul(dVh, unsqueeze(inverse, -1));
      dx = add(dx, matmul(u, sub(scaled, matmul(matmul(scaled, adjoint(vh)), vh))));
    }
    return [dx, null];
  },
  saves: [],
  savesOutputs: [0, 1, 2],
});

export interface SvdOptions {
  /** Square U and V (true, as in PyTorch) or only their first min(M, N) vectors. */
  readonly fullMatrices?: boolean | undefined;
}

/**
 * x = U · diag(S) · Vᵀ with orthonormal U and V and descending S ≥ 0. The signs of pairs of vectors are arbitrary. NaN or
 * infinities in `x` give NaN. Gradients through U and V are finite where the singular values differ and the loss does not
 * depend on signs; vectors beyond the first min(M, N) get none.
 * @param x - [..., M, N]
 * @returns `[U, S, Vᵀ]`: [..., M, M], [..., K] and [..., N, N], or K = min(M, N) columns and rows of U and Vᵀ
 * @example
 * const [u, s, vh] = svd(tensor([[3, 0], [0, 4]])); // s: [4, 3]
 */
export function svd(x: Tensor, options: SvdOptions = {}): Tensor[] {
  requireMatrix('svd', x);
  checkOptions('svd', options);
  return svdOp(x, flag('svd', 'fullMatrices', options.fullMatrices, true));
}

const svdvalsOp = defineOp({
  name: 'svdvals',
  infer: (x: Spec): Spec => ({ shape: [...x.shape.slice(0, -2), Math.min(...sizesOf(x))], dtype: x.dtype }),
  forward: (ctx, x) => kernels.svdvals(ctx.out, x),
  backward: (ctx, dy): Gradients => {
    const [u, , vh] = svdOp(ctx.args[0], false) as [Tensor, Tensor, Tensor];
    return [matmul(mul(u, unsqueeze(dy, -2)), vh)];
  },
  saves: [0],
});

/**
 * Singular values, descending; see `svd`.
 * @param x - [..., M, N]
 * @returns [..., min(M, N)]
 * @example
 * svdvals(tensor([[3, 0], [0, 4]])); // [4, 3]
 */
export function svdvals(x: Tensor): Tensor {
  requireMatrix('svdvals', x);
  return svdvalsOp(x);
}
