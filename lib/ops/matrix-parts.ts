// What the matrix ops share: parts of matrices, checks, batches. Not public.
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { broadcastShapes, formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { eq, ge, gt } from './compare.ts';
import { arange } from './creation.ts';
import { sumOver } from './reduce.ts';
import { requireFloat, requireTensor } from './shared.ts';
import { broadcastTo, transpose, unsqueeze } from './view.ts';
import { where } from './where.ts';

function grid(x: Tensor, compare: (row: Tensor, column: Tensor) => Tensor): Tensor {
  const rows = arange(x.shape.at(-2) as number, { dtype: 'int32', device: x.device });
  const columns = arange(x.shape.at(-1) as number, { dtype: 'int32', device: x.device });
  return compare(unsqueeze(rows, 1), columns);
}

/** The part of matrices on and below the diagonal; the rest is 0, whatever it held. */
export const lower = (x: Tensor): Tensor => where(grid(x, ge), x, 0);

/** The part of matrices on and above the diagonal. */
export const upper = (x: Tensor): Tensor =>
  where(
    grid(x, (row, column) => ge(column, row)),
    x,
    0,
  );

/** The part of matrices below the diagonal. */
export const strictLower = (x: Tensor): Tensor => where(grid(x, gt), x, 0);

/** The part of matrices on the diagonal. */
export const onDiagonal = (x: Tensor): Tensor => where(grid(x, eq), x, 0);

/** The diagonals of square matrices: [..., N] for [..., N, N]. */
export const diagonalOf = (x: Tensor): Tensor => sumOver(onDiagonal(x), [x.rank - 1], false);

/** xᵀ, for matrices in batches. */
export const adjoint = (x: Tensor): Tensor => transpose(x, -2, -1);

/** [..., N, M] of a float dtype. */
export function requireMatrix(op: string, x: Tensor, name = 'input'): void {
  requireTensor(op, x, name);
  checkArguments(op, [x]);
  if (x.rank < 2) throw shapeError(op, `${name} must have rank 2 or more, got ${formatShape(x.shape)}`);
  requireFloat(op, x, name);
}

/** [..., N, N] of a float dtype. */
export function requireSquare(op: string, x: Tensor, name = 'input'): void {
  requireMatrix(op, x, name);
  if (x.shape.at(-1) !== x.shape.at(-2)) {
    throw shapeError(op, `${name} must be square, got ${formatShape(x.shape)}`);
  }
}

/** An option that is true or false. */
export function flag(op: string, name: string, value: unknown, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (typeof value !== 'boolean') throw argumentError(op, `${name} must be true or false, got ${formatValue(value)}`);
  return value;
}

/** `a` and `b` with their batch axes broadcast to one shape. */
export function shareBatch(op: string, a: Tensor, b: Tensor): [Tensor, Tensor] {
  const batch = broadcastShapes(op, a.shape.slice(0, -2), b.shape.slice(0, -2));
  const to = (t: Tensor): Tensor => {
    const shape = [...batch, ...t.shape.slice(-2)];
    return sameShape(shape, t.shape) ? t : broadcastTo(t, shape);
  };
  return [to(a), to(b)];
}

/** Diagonal matrices [..., N, N] with the values [..., N]. */
export const embedDiagonal = (x: Tensor): Tensor => {
  const n = x.shape.at(-1) as number;
  return onDiagonal(broadcastTo(unsqueeze(x, -1), [...x.shape, n]));
};

/** Whether `b` is a vector for each matrix of `a`, as PyTorch decides it. */
export function isVectorSide(a: Tensor, b: Tensor): boolean {
  return b.rank === 1 || (b.rank === a.rank - 1 && sameShape(b.shape, a.shape.slice(0, -1)));
}
