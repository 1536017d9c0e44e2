// Writing slices or elements at indices into a copy.
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { tensor } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, normalizeAxis, sameShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { mul } from './binary.ts';
import type { Negative, PutOptions } from './index-many.ts';
import { broadcastIndices, checkAccumulate, indexPutOp } from './index-many.ts';
import { requireIntegers, requireSameDtype, requireTensor } from './shared.ts';
import { broadcastTo, permute, reshape } from './view.ts';

/** An index vector: int32, int64 or uint8, or an array of integers; a rank-0 tensor names one slice. */
type IndexVector = Tensor | readonly number[];

/** `index` as a vector beside `x`. Made inside of tidy. */
function vectorOf(op: string, x: Tensor, index: IndexVector): Tensor {
  if (index instanceof Tensor) {
    requireIntegers(op, index, 'index');
    if (index.rank > 1) throw shapeError(op, `index must be a vector, got shape ${formatShape(index.shape)}`);
    return index.rank === 0 ? reshape(index, [1]) : index;
  }
  if (!Array.isArray(index) || !index.every(Number.isSafeInteger)) {
    throw argumentError(op, `index must be a tensor or an array of integers, got ${formatValue(index)}`);
  }
  const far = index.some((each: number) => Math.abs(each) >= 2 ** 31);
  return tensor(index as number[], { dtype: far ? 'int64' : 'int32', device: x.device });
}

/** `x` with `axis` in front, and the way back. */
function frontAxis(x: Tensor, axis: number): [Tensor, number[]] {
  const order = x.shape.map((_, i) => (i === 0 ? axis : i <= axis ? i - 1 : i));
  const back = new Array<number>(x.rank);
  for (const [to, from] of order.entries()) back[from] = to;
  return [permute(x, order), back];
}

/** Writes slices of `src` (shape of `x` but for `axis`) or a scalar at `index` of `axis` into a copy of `x`. */
function putSlices(
  op: string,
  x: Tensor,
  axis: number,
  index: IndexVector,
  src: Tensor | number,
  rule: 'set' | 'add',
  negative: Negative,
): Tensor {
  const at = normalizeAxis(op, axis, x.rank);
  return tidy(() => {
    const rows = x.rank === 0 ? reshape(x, [1]) : x;
    const where = vectorOf(op, x, index);
    const wanted = rows.shape.with(at, where.size);
    if (src instanceof Tensor && !sameShape(src.rank === 0 && x.rank === 0 ? wanted : src.shape, wanted)) {
      throw shapeError(op, `src must have shape ${formatShape(wanted)}, got ${formatShape(src.shape)}`);
    }
    const [front, back] = frontAxis(rows, at);
    const values = src instanceof Tensor ? frontAxis(reshape(src, wanted), at)[0] : src;
    const result = permute(indexPutOp(front, [where], values, rule, negative), back);
    return x.rank === 0 ? reshape(result, []) : result;
  });
}

export interface IndexAddOptions {
  /** What `src` is multiplied with. */
  readonly alpha?: number | undefined;
}

/**
 * A copy of `x` with slices of `src` added at indices of an axis: out[index[i], j] += alpha · src[i, j] for axis 0. What
 * meets is added in order, whatever the number of threads.
 * @param index - a vector; outside of the axis, or negative, is ERR_INDEX when the result is read
 * @param src - of the shape of `x` but for `axis`, and of its dtype
 * @example
 * indexAdd(zeros([3]), 0, [2, 0, 2], tensor([1, 2, 3])); // [2, 0, 4]
 */
export function indexAdd<D extends DType>(
  x: Tensor<D>,
  axis: number,
  index: IndexVector,
  src: Tensor,
  options: IndexAddOptions = {},
): Tensor<D> {
  requireTensor('indexAdd', x);
  requireTensor('indexAdd', src, 'src');
  requireSameDtype('indexAdd', x, src);
  if (x.dtype === 'bool') throw dtypeError('indexAdd', 'is not defined for bool');
  if (typeof options !== 'object' || options === null) {
    throw argumentError('indexAdd', `options must be an object, got ${formatValue(options)}`);
  }
  const { alpha = 1 } = options;
  if (typeof alpha !== 'number') throw argumentError('indexAdd', `alpha must be a number, got ${formatValue(alpha)}`);
  return tidy(() => {
    const scaled = alpha === 1 ? src : mul(src, alpha);
    requireSameDtype('indexAdd', x, scaled);
    return putSlices('indexAdd', x, axis, index, scaled, 'add', 'rejected');
  }) as Tensor<D>;
}

/**
 * A copy of `x` with slices of `src` at indices of an axis: out[index[i], j] = src[i, j] for axis 0. Of several the last
 * stays.
 * @param index - a vector; outside of the axis, or negative, is ERR_INDEX when the result is read
 * @param src - of the shape of `x` but for `axis`, and of its dtype
 * @example
 * indexCopy(zeros([3, 2]), 0, [2], tensor([[1, 2]])); // [[0, 0], [0, 0], [1, 2]]
 */
export function indexCopy<D extends DType>(x: Tensor<D>, axis: number, index: IndexVector, src: Tensor): Tensor<D> {
  requireTensor('indexCopy', x);
  requireTensor('indexCopy', src, 'src');
  requireSameDtype('indexCopy', x, src);
  return putSlices('indexCopy', x, axis, index, src, 'set', 'rejected') as Tensor<D>;
}

/**
 * A copy of `x` with one value in the slices at indices of an axis; negative indices count from the end.
 * @param index - a vector; outside of the axis is ERR_INDEX when the result is read
 * @param value - a number, or a rank-0 tensor of the dtype of `x`
 * @example
 * indexFill(zeros([3, 2]), 0, [0, -1], 7); // [[7, 7], [0, 0], [7, 7]]
 */
export function indexFill<D extends DType>(
  x: Tensor<D>,
  axis: number,
  index: IndexVector,
  value: Tensor | number,
): Tensor<D> {
  requireTensor('indexFill', x);
  if (typeof value === 'number') return putSlices('indexFill', x, axis, index, value, 'set', 'from end') as Tensor<D>;
  requireTensor('indexFill', value, 'value');
  requireSameDtype('indexFill', x, value);
  if (value.rank !== 0) throw shapeError('indexFill', `value must have rank 0, got ${formatShape(value.shape)}`);
  const at = normalizeAxis('indexFill', axis, x.rank);
  return tidy(() => {
    const where = vectorOf('indexFill', x, index);
    const wanted = (x.rank === 0 ? [1] : x.shape).with(at, where.size);
    return putSlices('indexFill', x, axis, where, broadcastTo(value, wanted), 'set', 'from end');
  }) as Tensor<D>;
}

/**
 * A copy of `x` with elements replaced, or increased: out[a[i], b[i], …] = src[i, …] for index tensors a, b of its leading
 * axes, which broadcast. Negative indices count from the end. Of several values for one element the last stays; sums are
 * taken in order.
 * @param indices - int32, int64 or uint8 tensors, at most one for each axis; out of range is ERR_INDEX later
 * @param src - broadcasts to the indexed part; of the dtype of `x`
 * @example
 * const rows = tensor([0, 1], { dtype: 'int32' });
 * indexPut(zeros([2, 2]), [rows, rows], tensor([5, 6])); // [[5, 0], [0, 6]]
 */
export function indexPut<D extends DType>(
  x: Tensor<D>,
  indices: readonly Tensor[],
  src: Tensor | number,
  options: PutOptions = {},
): Tensor<D> {
  requireTensor('indexPut', x);
  const rule = checkAccumulate('indexPut', x, options);
  if (src instanceof Tensor) requireSameDtype('indexPut', x, src);
  else if (typeof src !== 'number') {
    throw argumentError('indexPut', `src must be a tensor or a number, got ${formatValue(src)}`);
  }
  return tidy(() => {
    const { where, shape } = broadcastIndices('indexPut', x, indices);
    const part = [...shape, ...x.shape.slice(indices.length)];
    return indexPutOp(x, where, src instanceof Tensor ? broadcastTo(src, part) : src, rule, 'from end');
  }) as Tensor<D>;
}
