// Masks over the last two axes that the matrix ops share. Not public.
import type { Tensor } from '../core/tensor.ts';
import { eq, ge, gt } from './compare.ts';
import { arange } from './creation.ts';
import { sumOver } from './reduce.ts';
import { transpose, unsqueeze } from './view.ts';
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

/** Matrices without their diagonal. */
export const offDiagonal = (x: Tensor): Tensor => where(grid(x, eq), 0, x);

/** The diagonals of square matrices: [..., N] for [..., N, N]. */
export const diagonalOf = (x: Tensor): Tensor => sumOver(onDiagonal(x), [x.rank - 1], false);

/** xᵀ, for matrices in batches. */
export const adjoint = (x: Tensor): Tensor => transpose(x, -2, -1);
