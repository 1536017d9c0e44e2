// LU decomposition with partial pivoting.
import { shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { emptyTensor, queueOf } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { add, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq } from './compare.ts';
import { arange, eye } from './creation.ts';
import { cat } from './join.ts';
import { matmul } from './matmul.ts';
import { adjoint, requireMatrix, requireSquare, strictLower, upper } from './matrix-parts.ts';
import { requireIntegers, requireSameDtype, requireTensor } from './shared.ts';
import { triangularSolve } from './systems.ts';
import { narrow, unsqueeze } from './view.ts';

/** P as matrices, from the exchanges of rows. */
function permutationMatrix(pivots: Tensor, rows: number, like: Tensor): Tensor {
  const from = emptyTensor([...pivots.shape.slice(0, -1), rows], 'int32', queueOf(pivots));
  kernels.permutation(from, pivots);
  const row = unsqueeze(arange(rows, { dtype: 'int32', device: like.device }), 1);
  return castTo(eq(row, unsqueeze(from, -2)), like.dtype);
}

/** L [..., M, K] and U [..., K, N] from the packed form. */
function unpack(lu: Tensor): [Tensor, Tensor] {
  const [m, n] = lu.shape.slice(-2) as [number, number];
  const k = Math.min(m, n);
  const ones = eye(m, { columns: k, dtype: lu.dtype, device: lu.device });
  return [add(strictLower(narrow(lu, -1, 0, k)), ones), upper(narrow(lu, -2, 0, k))];
}

const luOp = defineOp({
  name: 'luFactor',
  infer: (x: Spec): Spec[] => [
    x,
    { shape: [...x.shape.slice(0, -2), Math.min(...(x.shape.slice(-2) as [number, number]))], dtype: 'int32' },
  ],
  forward: (ctx, x) => kernels.luFactor(ctx.outputs[0] as Tensor, ctx.outputs[1] as Tensor, x),
  backward: (ctx, dy): Gradients => {
    const [lu, pivots] = ctx.outputs as [Tensor, Tensor];
    const [m, n] = lu.shape.slice(-2) as [number, number];
    const k = Math.min(m, n);
    const square = narrow(narrow(lu, -2, 0, k), -1, 0, k);
    const l = (b: Tensor): Tensor => triangularSolve(square, b, { transpose: true, unitriangular: true });
    const u = (b: Tensor): Tensor => triangularSolve(square, b, { upper: true, transpose: true, left: false });
    const corner = narrow(narrow(dy, -2, 0, k), -1, 0, k);
    const [factorL, factorU] = unpack(square);
    let [dL, dU] = [strictLower(corner), upper(corner)];
    let below: Tensor | null = null;
    let beside: Tensor | null = null;
    if (n > k) {
      // A₂ = L U₂
      const rest = narrow(dy, -1, k, n - k);
      beside = l(rest);
      dL = sub(dL, matmul(beside, adjoint(narrow(lu, -1, k, n - k))));
    }
    if (m > k) {
      // A₂ = L₂ U
      const rest = narrow(dy, -2, k, m - k);
      below = u(rest);
      dU = sub(dU, matmul(adjoint(narrow(lu, -2, k, m - k)), below));
    }
    let dx = u(l(add(strictLower(matmul(adjoint(factorL), dL)), upper(matmul(dU, adjoint(factorU))))));
    if (beside !== null) dx = cat([dx, beside], -1);
    if (below !== null) dx = cat([dx, below], -2);
    return [matmul(permutationMatrix(pivots, m, lu), dx)];
  },
  saves: [],
  savesOutputs: [0, 1],
});

/**
 * L and U in one matrix, U on and above the diagonal and L without its ones below, and the exchanges of rows.
 * @param x - [..., M, N]
 * @returns `[LU, pivots]`: [..., M, N], and int32 [..., min(M, N)]: row i was exchanged with row pivots[i] - 1, as in PyTorch
 * @example
 * const [lu, pivots] = luFactor(tensor([[0, 1], [2, 3]])); // [[2, 3], [0, 1]], [2, 2]
 */
export function luFactor(x: Tensor): Tensor[] {
  requireMatrix('luFactor', x);
  return luOp(x);
}

/**
 * x = P · L · U with a permutation P, unit lower triangular L and upper triangular U, by partial pivoting.
 * @param x - [..., M, N]
 * @returns `[P, L, U]`: [..., M, M], [..., M, K] and [..., K, N] with K = min(M, N)
 * @example
 * const [p, l, u] = lu(tensor([[0, 1], [2, 3]])); // [[0, 1], [1, 0]], [[1, 0], [0, 1]], [[2, 3], [0, 1]]
 */
export function lu(x: Tensor): Tensor[] {
  requireMatrix('lu', x);
  return tidy(() => {
    const [packed, pivots] = luOp(x) as [Tensor, Tensor];
    return [permutationMatrix(pivots, x.shape.at(-2) as number, x), ...unpack(packed)];
  });
}

/**
 * Solves a · x = b given `luFactor(a)`. Leading axes broadcast.
 * @param factors - [..., N, N]
 * @param pivots - integers [..., N]
 * @param b - [..., N, K]
 * @returns [..., N, K]
 * @example
 * const [factors, pivots] = luFactor(tensor([[0, 1], [2, 0]]));
 * luSolve(factors, pivots, tensor([[1], [2]])); // [[1], [1]]
 */
export function luSolve(factors: Tensor, pivots: Tensor, b: Tensor): Tensor {
  requireSquare('luSolve', factors, 'factors');
  requireTensor('luSolve', pivots, 'pivots');
  requireMatrix('luSolve', b, 'right side');
  requireSameDtype('luSolve', factors, b);
  requireIntegers('luSolve', pivots, 'pivots');
  const n = factors.shape.at(-1) as number;
  if (!sameShape(pivots.shape, factors.shape.slice(0, -1)) || b.shape.at(-2) !== n) {
    throw shapeError(
      'luSolve',
      `sizes must match: factors are ${formatShape(factors.shape)}, pivots ${formatShape(pivots.shape)}, right side ${formatShape(b.shape)}`,
    );
  }
  return tidy(() => {
    const rows = matmul(adjoint(permutationMatrix(castTo(pivots, 'int32'), n, b)), b);
    const middle = triangularSolve(factors, rows, { unitriangular: true });
    return triangularSolve(factors, middle, { upper: true });
  });
}
