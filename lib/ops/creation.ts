import { argumentError, dtypeError } from '../errors.ts';
import type { CreateOptions } from '../core/create.ts';
import { create, tensor } from '../core/create.ts';
import type { Device } from '../core/device.ts';
import type { DType } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { requireTensor } from './shared.ts';

function filled<D extends DType>(op: string, shape: Shape, value: number, options?: CreateOptions<D>): Tensor<D> {
  const out = create<D>(op, shape, options);
  kernels.fill(out, value);
  return out;
}

/**
 * A tensor of zeros.
 * @example
 * zeros([2, 3]).shape; // [2, 3]
 */
export function zeros<D extends DType = 'float32'>(shape: Shape, options?: CreateOptions<D>): Tensor<D> {
  return filled('zeros', shape, 0, options);
}

/**
 * A tensor of ones.
 * @example
 * ones([2], { dtype: 'int32' }); // [1, 1]
 */
export function ones<D extends DType = 'float32'>(shape: Shape, options?: CreateOptions<D>): Tensor<D> {
  return filled('ones', shape, 1, options);
}

/**
 * A tensor in which every element is `value`.
 * @example
 * full([2], 7); // [7, 7]
 */
export function full<D extends DType = 'float32'>(
  shape: Shape,
  value: number | bigint,
  options?: CreateOptions<D>,
): Tensor<D> {
  if (typeof value === 'number') return filled('full', shape, value, options);
  if (typeof value !== 'bigint') throw argumentError('full', `value must be a number, got ${typeof value}`);
  const number = Number(value);
  if (options?.dtype !== 'int64' || Number.isSafeInteger(number)) return filled('full', shape, number, options);
  const scalar = tensor(value, { dtype: 'int64', device: options.device });
  const out = create<D>('full', shape, options);
  kernels.copy(out, {
    storage: scalar.storage,
    offset: 0,
    shape: out.shape,
    strides: out.shape.map(() => 0),
    dtype: 'int64',
  });
  scalar.dispose();
  return out;
}

/** A rank-0 int64 tensor for a bigint that no double holds. */
export function bigScalar(value: bigint, device: Device): Tensor {
  return tensor(value, { dtype: 'int64', device });
}

/**
 * A tensor whose elements are whatever the memory held.
 * @example
 * empty([2, 3]).size; // 6
 */
export function empty<D extends DType = 'float32'>(shape: Shape, options?: CreateOptions<D>): Tensor<D> {
  return create('empty', shape, options);
}

function like<D extends DType>(op: string, x: Tensor, options: CreateOptions<D> = {}): CreateOptions<D> {
  requireTensor(op, x);
  checkOptions(op, options);
  return { ...options, dtype: options.dtype ?? (x.dtype as D), device: options.device ?? x.device };
}

/**
 * Zeros with the shape, dtype and device of `x` unless options say otherwise.
 * @example
 * zerosLike(ones([2])); // [0, 0]
 */
export function zerosLike<D extends DType = DType>(x: Tensor<D>, options?: CreateOptions<D>): Tensor<D> {
  const wanted = like('zerosLike', x, options);
  return filled('zerosLike', x.shape, 0, wanted);
}

/**
 * Ones with the shape, dtype and device of `x` unless options say otherwise.
 * @example
 * onesLike(zeros([2])); // [1, 1]
 */
export function onesLike<D extends DType = DType>(x: Tensor<D>, options?: CreateOptions<D>): Tensor<D> {
  const wanted = like('onesLike', x, options);
  return filled('onesLike', x.shape, 1, wanted);
}

/**
 * `value` everywhere, with the shape, dtype and device of `x` unless options say otherwise.
 * @example
 * fullLike(zeros([2]), 3); // [3, 3]
 */
export function fullLike<D extends DType = DType>(
  x: Tensor<D>,
  value: number | bigint,
  options?: CreateOptions<D>,
): Tensor<D> {
  const wanted = like('fullLike', x, options);
  return full(x.shape, value, wanted);
}

/**
 * Uninitialised memory with the shape, dtype and device of `x` unless options say otherwise.
 * @example
 * emptyLike(zeros([2])).shape; // [2]
 */
export function emptyLike<D extends DType = DType>(x: Tensor<D>, options?: CreateOptions<D>): Tensor<D> {
  const wanted = like('emptyLike', x, options);
  return create('emptyLike', x.shape, wanted);
}

export interface ArangeOptions<D extends DType = DType> extends CreateOptions<D> {
  /** Distance between elements, not 0. */
  readonly step?: number | undefined;
}

/**
 * Numbers from 0, or from `start`, up to but not including `stop`.
 * @example
 * arange(3); // [0, 1, 2]
 * arange(1, 2, { step: 0.5 }); // [1, 1.5]
 */
export function arange<D extends DType = 'float32'>(stop: number, options?: ArangeOptions<D>): Tensor<D>;
export function arange<D extends DType = 'float32'>(start: number, stop: number, options?: ArangeOptions<D>): Tensor<D>;
export function arange<D extends DType = 'float32'>(
  first: number,
  second?: number | ArangeOptions<D>,
  third?: ArangeOptions<D>,
): Tensor<D> {
  const ranged = typeof second === 'number';
  const start = ranged ? first : 0;
  const stop = ranged ? second : first;
  const given = (ranged ? third : second) ?? {};
  checkOptions('arange', given);
  const { step = 1, ...options } = given;
  if (options.dtype === 'bool') throw dtypeError('arange', 'is not defined for bool');
  if (![start, stop, step].every(Number.isFinite) || step === 0) {
    throw argumentError(
      'arange',
      `wants finite numbers and a step other than 0, got ${[start, stop, step].map(formatValue).join(', ')}`,
    );
  }
  const out = create<D>('arange', [Math.max(0, Math.ceil((stop - start) / step))], options);
  kernels.arange(out, start, step);
  return out;
}

export interface EyeOptions<D extends DType = DType> extends CreateOptions<D> {
  /** Number of columns; as many as rows when omitted. */
  readonly columns?: number | undefined;
}

/**
 * A matrix with ones on its diagonal and zeros elsewhere.
 * @example
 * eye(2); // [[1, 0], [0, 1]]
 */
export function eye<D extends DType = 'float32'>(rows: number, options: EyeOptions<D> = {}): Tensor<D> {
  checkOptions('eye', options);
  const { columns = rows, ...rest } = options;
  const out = filled('eye', [rows, columns], 0, rest as CreateOptions<D>);
  const length = Math.min(rows, columns);
  if (length > 0)
    kernels.fill({ storage: out.storage, offset: 0, shape: [length], strides: [columns + 1], dtype: out.dtype }, 1);
  return out;
}
