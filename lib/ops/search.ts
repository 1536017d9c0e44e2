// Where values belong in an ordered sequence, and how many fall where.
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tensor } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { computeDtype, promote } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { checkedNumel, formatShape, sameShape } from '../core/shape.ts';
import { emptyTensor, queueOf, Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { indexType } from './axis.ts';
import { add } from './binary.ts';
import { castTo } from './cast.ts';
import { whenCounted } from './counted.ts';
import { full, ones, zeros } from './creation.ts';
import { aminmax } from './extreme.ts';
import { stack } from './join.ts';
import { amax } from './reduce.ts';
import { requireFloat, requireIntegers, requireTensor } from './shared.ts';
import { expand, reshape } from './view.ts';

export interface SearchOptions {
  /** True for the place behind equal elements, false (the default) for the one before them. */
  readonly right?: boolean | undefined;
  /** The order of an unsorted sequence: the indices argsort gives. */
  readonly sorter?: Tensor | undefined;
}

function search(
  op: string,
  sorted: Tensor,
  values: Tensor | number,
  options: SearchOptions,
): Tensor<'int32' | 'int64'> {
  requireTensor(op, sorted, 'the sorted sequence');
  checkOptions(op, options);
  const { right = false, sorter } = options;
  if (sorted.rank === 0) throw shapeError(op, 'the sorted sequence must have an axis');
  if (!(values instanceof Tensor) && typeof values !== 'number')
    throw argumentError(op, `values must be a tensor or a number, got ${formatValue(values)}`);
  return tidy(() => {
    const x = values instanceof Tensor ? values : full([], values, { dtype: 'float64', device: sorted.device });
    checkArguments(op, sorter === undefined ? [sorted, x] : [sorted, x, sorter]);
    if (sorter !== undefined) {
      requireTensor(op, sorter, 'sorter');
      if (sorter.dtype !== 'int32' && sorter.dtype !== 'int64')
        throw dtypeError(op, `sorter must be int32 or int64, got ${sorter.dtype}`);
      if (!sameShape(sorter.shape, sorted.shape))
        throw shapeError(
          op,
          `sorter has shape ${formatShape(sorter.shape)}, the sequence ${formatShape(sorted.shape)}`,
        );
    }
    const width = sorted.shape[sorted.rank - 1] as number;
    const common = computeDtype[promote(sorted.dtype, x.dtype)];
    const lead = x.shape.slice(0, -1);
    if (sorted.rank > 1 && !sameShape(sorted.shape.slice(0, -1), lead)) {
      throw shapeError(
        op,
        `values must have the sequence's axes but the last, got ${formatShape(x.shape)} for ${formatShape(sorted.shape)}`,
      );
    }
    const rows = castTo(x.rank === 0 ? reshape(x, [1]) : x, common);
    const lines = (t: Tensor): Tensor => (sorted.rank === rows.rank ? t : expand(t, [...lead, width]));
    const out = emptyTensor(rows.shape, indexType(width), queueOf(rows));
    kernels.searchsorted(
      out,
      lines(castTo(sorted, common)),
      rows,
      sorter === undefined ? null : lines(sorter),
      right ? 1 : 0,
    );
    return x.rank === 0 ? reshape(out, []) : out;
  }) as Tensor<'int32' | 'int64'>;
}

/**
 * For each value the index at which it keeps an ascending sequence in order, found by bisection; NaN belongs at the end.
 * @param sorted - [N], or [..., N] with the leading axes of `values`
 * @param values - a tensor, or one number
 * @returns int32 (int64 for N of 2^31 and more) of the shape of `values`
 * @example
 * searchsorted(tensor([1, 3, 5]), tensor([3, 4])); // [1, 2]
 */
export function searchsorted(
  sorted: Tensor,
  values: Tensor | number,
  options: SearchOptions = {},
): Tensor<'int32' | 'int64'> {
  return search('searchsorted', sorted, values, options);
}

/**
 * The number of the bucket each element falls into: i for boundaries[i − 1] < x ≤ boundaries[i], with `right` for
 * boundaries[i − 1] ≤ x < boundaries[i].
 * @param boundaries - [N], ascending
 * @returns int32, shape of `x`
 * @example
 * bucketize(tensor([0, 3, 9]), tensor([1, 3, 5])); // [0, 1, 3]
 */
export function bucketize(
  x: Tensor,
  boundaries: Tensor,
  options: { readonly right?: boolean | undefined } = {},
): Tensor<'int32' | 'int64'> {
  requireTensor('bucketize', x);
  requireTensor('bucketize', boundaries, 'boundaries');
  if (boundaries.rank !== 1)
    throw shapeError('bucketize', `boundaries must have one axis, got ${formatShape(boundaries.shape)}`);
  checkOptions('bucketize', options);
  return search('bucketize', boundaries, x, { right: options.right });
}

export interface BincountOptions {
  /** What an element counts for, 1 when omitted: of the shape of `x`. */
  readonly weights?: Tensor | undefined;
  /** The least length of the result. */
  readonly minlength?: number | undefined;
}
export interface FixedBincountOptions extends BincountOptions {
  /** The length of the result, which makes the call synchronous; a larger element is ERR_INDEX when the result is read. */
  readonly length: number;
}

interface Counting {
  readonly weights: Tensor | undefined;
  readonly minlength: number;
}

function checkLength(op: string, name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw argumentError(op, `${name} must be an integer ≥ 0, got ${formatValue(value)}`);
  checkedNumel(op, [value]);
  return value;
}

function checkCounting(op: string, x: Tensor, options: BincountOptions): Counting {
  requireTensor(op, x);
  requireIntegers(op, x, 'input');
  checkOptions(op, options);
  if (x.rank !== 1) throw shapeError(op, `wants one axis, got shape ${formatShape(x.shape)}`);
  const { weights, minlength = 0 } = options;
  if (weights !== undefined) {
    requireTensor(op, weights, 'weights');
    if (!sameShape(weights.shape, x.shape))
      throw shapeError(
        op,
        `weights ${formatShape(weights.shape)} must have the shape ${formatShape(x.shape)} of the input`,
      );
  }
  checkArguments(op, [x, weights]);
  return { weights, minlength: checkLength(op, 'minlength', minlength) };
}

function countInto(x: Tensor, weights: Tensor | undefined, length: number): Tensor {
  return tidy(() => {
    const { device } = x;
    const dtype: DType = weights === undefined ? 'int64' : weights.dtype === 'float32' ? 'float32' : 'float64';
    const out = zeros([length], { dtype, device });
    const each = weights === undefined ? expand(ones([], { dtype, device }), x.shape) : castTo(weights, dtype);
    if (x.size > 0) kernels.indexAdd(out, x, each);
    return out;
  });
}

const highest = (x: Tensor): Tensor =>
  x.size === 0 ? zeros([], { dtype: 'int64', device: x.device }) : add(castTo(amax(x), 'int64'), 1);

/**
 * How often each integer ≥ 0 occurs in `x`, or the sum of the weights there. The length is a value, one more than the
 * largest element: a promise, unless `length` is given.
 * @param x - [n], int32, int64 or uint8; a negative element is ERR_INDEX when the result is read
 * @returns `[length]`: int64, or with weights their dtype (float64 for integers)
 * @example
 * await bincount(tensor([1, 3, 1], { dtype: 'int32' })); // [0, 2, 0, 1]
 * bincount(tensor([1, 3, 1], { dtype: 'int32' }), { length: 5 }); // [0, 2, 0, 1, 0]
 */
export function bincount(x: Tensor, options: FixedBincountOptions): Tensor;
export function bincount(x: Tensor, options?: BincountOptions): Promise<Tensor>;
export function bincount(x: Tensor, options: BincountOptions | FixedBincountOptions = {}): Tensor | Promise<Tensor> {
  const { weights, minlength } = checkCounting('bincount', x, options);
  if ('length' in options && options.length !== undefined) {
    return countInto(x, weights?.detach(), Math.max(minlength, checkLength('bincount', 'length', options.length)));
  }
  return tidy(() => {
    // The values of now, also if x is changed in place before the length is known.
    const held = [x.detach().clone(), ...(weights === undefined ? [] : [weights.detach().clone()])];
    const [values, own] = held as [Tensor, Tensor?];
    return whenCounted(highest(values), held, (count) => countInto(values, own, Math.max(minlength, count)));
  });
}

/**
 * `bincount` that blocks the event loop until the device has found the largest element.
 * @example
 * bincountSync(tensor([1, 3, 1], { dtype: 'int32' })); // [0, 2, 0, 1]
 */
export function bincountSync(x: Tensor, options: BincountOptions = {}): Tensor {
  const { weights, minlength } = checkCounting('bincountSync', x, options);
  const length = tidy(() => highest(x).itemSync());
  return countInto(x, weights?.detach(), Math.max(minlength, length));
}

export interface HistcOptions {
  readonly bins?: number | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/**
 * How many elements fall into each of `bins` equal parts of [min, max]; elements outside, and NaN, are left out. Equal
 * bounds, the default, mean the smallest and largest element.
 * @returns [bins] of the dtype of `x`
 * @example
 * histc(tensor([1, 2, 1, 4]), { bins: 4, min: 0, max: 4 }); // [0, 2, 1, 1]
 */
export function histc(x: Tensor, options: HistcOptions = {}): Tensor {
  if (anyHalf(x)) return inFloat32(histc, x, options);
  requireTensor('histc', x);
  requireFloat('histc', x);
  checkArguments('histc', [x]);
  checkOptions('histc', options);
  const { bins = 100, min = 0, max = 0 } = options;
  if (!Number.isSafeInteger(bins) || bins < 1 || bins >= 2 ** 31)
    throw argumentError('histc', `bins must be an integer in [1, 2^31), got ${formatValue(bins)}`);
  if (!Number.isFinite(min) || !Number.isFinite(max) || min > max)
    throw argumentError('histc', `wants finite bounds min ≤ max, got ${formatValue(min)} and ${formatValue(max)}`);
  return tidy(() => {
    const derived = min === max && x.size > 0;
    const range = derived
      ? stack(aminmax(x.detach()))
      : tensor(min === max ? [min, max + 1] : [min, max], { dtype: x.dtype, device: x.device });
    const counts = emptyTensor([bins], x.dtype, queueOf(x));
    kernels.histogram(counts, x, range);
    return counts;
  });
}
