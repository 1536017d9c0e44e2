// Reading and writing by flat position, and along an axis with an index that broadcasts.
import { shapeError } from '../errors.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { broadcastShapes, formatShape, normalizeAxis } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { gather } from './gather.ts';
import type { PutOptions } from './index-many.ts';
import { checkAccumulate, indexGetOp, indexPutOp } from './index-many.ts';
import { requireIntegers, requireSameDtype, requireTensor } from './shared.ts';
import { expand, reshape } from './view.ts';

/**
 * Elements of `x` by their row-major positions; negative ones count from the end. Outside of `x` is ERR_INDEX when the
 * result is read.
 * @param index - int32, int64 or uint8 of any shape
 * @returns shape of `index`
 * @example
 * take(tensor([[1, 2], [3, 4]]), tensor([3, 0, -2], { dtype: 'int32' })); // [4, 1, 3]
 */
export function take<D extends DType>(x: Tensor<D>, index: Tensor): Tensor<D> {
  requireTensor('take', x);
  requireTensor('take', index, 'index');
  requireIntegers('take', index, 'index');
  return tidy(() => indexGetOp(reshape(x, [x.size]), [index], 'from end')) as Tensor<D>;
}

/**
 * A copy of `x` with elements replaced, or increased, by their row-major positions; negative ones count from the end. Of
 * several values for one element the last stays; sums are taken in order.
 * @param index - int32, int64 or uint8; outside of `x` is ERR_INDEX when the result is read
 * @param src - as many elements as `index`, of the dtype of `x`
 * @example
 * put(zeros([2, 2]), tensor([3, 0], { dtype: 'int32' }), tensor([5, 6])); // [[6, 0], [0, 5]]
 */
export function put<D extends DType>(x: Tensor<D>, index: Tensor, src: Tensor, options: PutOptions = {}): Tensor<D> {
  requireTensor('put', x);
  requireTensor('put', index, 'index');
  requireTensor('put', src, 'src');
  requireIntegers('put', index, 'index');
  requireSameDtype('put', x, src);
  const rule = checkAccumulate('put', x, options);
  if (src.size !== index.size) {
    throw shapeError('put', `src must have as many elements as index, got ${src.size} and ${index.size}`);
  }
  return tidy(() => {
    const flat = reshape(x, [x.size]);
    const result = indexPutOp(flat, [reshape(index, [index.size])], reshape(src, [src.size]), rule, 'from end');
    return reshape(result, x.shape);
  }) as Tensor<D>;
}

/**
 * Elements of `x` along `axis` as argsort and argmax name them: `gather` with axes of `x` and `index` broadcast.
 * @param index - int32, int64 or uint8, of the rank of `x`; without `axis`, positions in the flattened `x`
 * @example
 * takeAlongDim(tensor([[3, 1, 2]]), tensor([[1, 2, 0]], { dtype: 'int32' }), 1); // [[1, 2, 3]]
 */
export function takeAlongDim<D extends DType>(x: Tensor<D>, index: Tensor, axis?: number): Tensor<D> {
  requireTensor('takeAlongDim', x);
  requireTensor('takeAlongDim', index, 'index');
  requireIntegers('takeAlongDim', index, 'index');
  if (axis === undefined) return tidy(() => gather(reshape(x, [x.size]), 0, reshape(index, [index.size])));
  const at = normalizeAxis('takeAlongDim', axis, x.rank);
  if (index.rank !== x.rank) {
    throw shapeError(
      'takeAlongDim',
      `index must have as many axes as the input, got ${formatShape(index.shape)} for ${formatShape(x.shape)}`,
    );
  }
  if (x.rank === 0) return gather(x, 0, index);
  const common = broadcastShapes('takeAlongDim', x.shape.with(at, 1), index.shape.with(at, 1));
  return tidy(() =>
    gather(
      expand(x, common.with(at, x.shape[at] as number)),
      at,
      expand(index, common.with(at, index.shape[at] as number)),
    ),
  ) as Tensor<D>;
}
