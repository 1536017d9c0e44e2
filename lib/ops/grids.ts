// Coordinates: of grids, of all combinations, of triangles.
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import type { CreateOptions } from '../core/create.ts';
import { create } from '../core/create.ts';
import { tidy } from '../core/scope.ts';
import { checkedNumel, formatShape, maxRank } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { stack } from './join.ts';
import { requireSameDtype, requireTensor } from './shared.ts';
import { expand, reshape, transpose } from './view.ts';

function checkLines(op: string, tensors: readonly Tensor[]): void {
  if (!Array.isArray(tensors) || tensors.length === 0) {
    throw argumentError(op, `wants a non-empty array of tensors, got ${formatValue(tensors)}`);
  }
  for (const each of tensors) {
    requireTensor(op, each, 'every entry');
    if (each.rank > 1) throw shapeError(op, `tensors must have rank 0 or 1, got ${formatShape(each.shape)}`);
    requireSameDtype(op, tensors[0] as Tensor, each);
  }
  checkArguments(op, tensors);
}

export interface MeshgridOptions {
  /** 'ij': the first tensor varies along the first axis; 'xy': along the second. Default 'ij'. */
  readonly indexing?: 'ij' | 'xy' | undefined;
}

/**
 * The coordinates of every point of a grid: one tensor for each given one, all of the shape of their sizes. They are views.
 * @example
 * meshgrid([tensor([1, 2]), tensor([3, 4, 5])])[0]; // [[1, 1, 1], [2, 2, 2]]
 */
export function meshgrid<T extends Tensor>(tensors: readonly T[], options: MeshgridOptions = {}): T[] {
  checkLines('meshgrid', tensors);
  checkOptions('meshgrid', options);
  const { indexing = 'ij' } = options;
  if (indexing !== 'ij' && indexing !== 'xy') {
    throw argumentError('meshgrid', `indexing must be 'ij' or 'xy', got ${formatValue(indexing)}`);
  }
  const shape = tensors.map((each) => each.size);
  if (shape.length > maxRank) throw shapeError('meshgrid', `at most ${maxRank} tensors, got ${shape.length}`);
  return tidy(() =>
    tensors.map((each, axis) => {
      const line = reshape(
        each,
        shape.map((size, i) => (i === axis ? size : 1)),
      );
      const grid = expand(line, shape);
      return indexing === 'xy' && shape.length > 1 ? transpose(grid, 0, 1) : grid;
    }),
  ) as T[];
}

/**
 * Every choice of one element from each tensor, the last varying fastest.
 * @returns [choices, tensors], or the elements themselves for one tensor
 * @example
 * cartesianProd([tensor([1, 2]), tensor([3, 4])]); // [[1, 3], [1, 4], [2, 3], [2, 4]]
 */
export function cartesianProd<T extends Tensor>(tensors: readonly T[]): T {
  checkLines('cartesianProd', tensors);
  return tidy(() => {
    const columns = meshgrid(tensors).map((grid) => reshape(grid, [grid.size]));
    return columns.length === 1 ? (columns[0] as Tensor) : stack(columns, 1);
  }) as T;
}

export interface TriangleOptions extends CreateOptions<'int32' | 'int64'> {
  /** The diagonal the triangle ends at: 0 is the main one, positive ones lie above. */
  readonly offset?: number | undefined;
}

/** How many of the first `rows` rows' elements lie left of the diagonal that starts at column `offset`. */
function leftOf(rows: number, columns: number, offset: number): number {
  // Sum of clamp(i, 0, columns) over i below m.
  const below = (m: number): number => {
    if (m <= 0) return 0;
    return m <= columns + 1 ? (m * (m - 1)) / 2 : (columns * (columns + 1)) / 2 + (m - columns - 1) * columns;
  };
  return below(rows + offset) - below(offset);
}

function triangle(op: string, rows: number, columns: number, options: TriangleOptions, upper: boolean): Tensor {
  checkOptions(op, options);
  const { offset = 0, dtype, ...rest } = options;
  const total = checkedNumel(op, [rows, columns]);
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset)) {
    throw argumentError(op, `offset must be an integer, got ${formatValue(offset)}`);
  }
  if (Math.max(rows, columns) >= 2 ** 31)
    throw shapeError(op, `wants sizes below 2^31, got ${formatShape([rows, columns])}`);
  if (dtype !== undefined && dtype !== 'int32' && dtype !== 'int64') {
    throw dtypeError(op, `dtype must be int32 or int64, got ${formatValue(dtype)}`);
  }
  // Beyond the matrix the diagonal makes no difference, and sums stay exact.
  const first = Math.min(columns, Math.max(-rows, upper ? offset : offset + 1));
  const left = leftOf(rows, columns, first);
  const out = create(op, [2, upper ? total - left : left], {
    ...rest,
    dtype: dtype ?? 'int32',
  });
  kernels.triangleIndices(out, rows, columns, first, Number(upper));
  return out;
}

/**
 * Row and column indices of the lower triangle of a matrix, in row-major order.
 * @returns [2, elements], int32 unless `dtype` says otherwise
 * @example
 * trilIndices(2, 2); // [[0, 1, 1], [0, 0, 1]]
 */
export function trilIndices(rows: number, columns: number, options: TriangleOptions = {}): Tensor<'int32' | 'int64'> {
  return triangle('trilIndices', rows, columns, options, false) as Tensor<'int32' | 'int64'>;
}

/**
 * Row and column indices of the upper triangle of a matrix, in row-major order.
 * @returns [2, elements], int32 unless `dtype` says otherwise
 * @example
 * triuIndices(2, 2); // [[0, 0, 1], [0, 1, 1]]
 */
export function triuIndices(rows: number, columns: number, options: TriangleOptions = {}): Tensor<'int32' | 'int64'> {
  return triangle('triuIndices', rows, columns, options, true) as Tensor<'int32' | 'int64'>;
}
