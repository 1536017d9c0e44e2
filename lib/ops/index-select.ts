import { argumentError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { tensor } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { checkedNumel, formatShape, normalizeAxis } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { requireIntegers, requireTensor } from './shared.ts';
import { permute } from './view.ts';

const indexOp = defineOp({
  name: 'index',
  dtypes: 'all',
  infer: (x: Spec, indices: Spec): Spec => {
    const shape = [...indices.shape, ...x.shape.slice(1)];
    checkedNumel('index', shape);
    return { shape, dtype: x.dtype };
  },
  forward: (ctx, x, indices) => kernels.index(ctx.out, x, indices),
  backward: (ctx, dy): Gradients => {
    const [x, indices] = ctx.args;
    return [indexGrad(dy, indices, x.shape), null];
  },
  saves: [1],
});

/** Zeros of `shape` with each row of `dy` added at its index: the gradient of index. */
const indexGrad = defineOp({
  name: 'indexGrad',
  infer: (dy: Spec, _indices: Spec, shape: Shape) => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, indices) => {
    kernels.fill(ctx.out, 0);
    kernels.indexAdd(ctx.out, indices, dy);
  },
  backward: (ctx, ddx): Gradients => [indexOp(ddx, ctx.args[1]), null, null],
  saves: [1],
});

/**
 * Slices of `x` along `axis`, chosen by integers; the axes of `indices` take the place of `axis`. An index outside the axis
 * is ERR_INDEX when the result is read.
 * @param indices - int32, int64 or uint8 of any shape, or an array of integers
 * @example
 * index(tensor([[1, 2], [3, 4]]), [1, 1]); // [[3, 4], [3, 4]]
 */
export function index<D extends DType>(x: Tensor<D>, indices: Tensor | readonly number[], axis = 0): Tensor<D> {
  requireTensor('index', x);
  if (x.rank === 0) throw shapeError('index', 'a rank-0 tensor has no axis to choose from');
  const at = normalizeAxis('index', axis, x.rank);
  if (indices instanceof Tensor) {
    requireIntegers('index', indices, 'indices');
    if (at === 0) return indexOp(x, indices) as Tensor<D>;
  } else if (!Array.isArray(indices) || !indices.every(Number.isSafeInteger)) {
    throw argumentError(
      'index',
      `indices must be a tensor or an array of integers, got ${Array.isArray(indices) ? formatShape(indices) : formatValue(indices)}`,
    );
  }
  return tidy(() => {
    const chosen =
      indices instanceof Tensor ? indices : tensor(indices as number[], { dtype: 'int32', device: x.device });
    if (x.rank + chosen.rank - 1 > 8)
      throw shapeError('index', `the result of ${formatShape(chosen.shape)} indices has rank > 8`);
    if (at === 0) return indexOp(x, chosen);
    const front = x.shape.map((_, i) => (i === 0 ? at : i <= at ? i - 1 : i));
    const rows = indexOp(permute(x, front), chosen);
    // The index axes stand in front; the axes that were before `axis` come before them again.
    const k = chosen.rank;
    const order = rows.shape.map((_: number, i: number) => (i < at ? k + i : i < at + k ? i - at : i));
    return permute(rows, order);
  }) as Tensor<D>;
}
