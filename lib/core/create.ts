import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { current } from './context.ts';
import type { Device, Queue } from './device.ts';
import { device as findDevice } from './device.ts';
import type { DType } from './dtype.ts';
import { arrayTypes, checkDtype, dtypeOfArray, isFloat } from './dtype.ts';
import { currentDevice } from './generator.ts';
import type { HalfDType } from './half.ts';
import { halfBits, isHalf } from './half.ts';
import type { Shape } from './shape.ts';
import { checkedNumel, contiguousStrides, formatShape, inferShape, maxRank, plainSizes } from './shape.ts';
import { borrow as borrowStorage, upload } from './storage.ts';
import { emptyTensor, Tensor } from './tensor.ts';
import { checkBuffer, checkOptions, formatValue } from './values.ts';

/** Numbers in arrays in arrays: the nesting gives the shape. */
export type NestedNumbers = number | bigint | boolean | readonly NestedNumbers[];

export interface CreateOptions<D extends DType = DType> {
  readonly dtype?: D | undefined;
  readonly device?: string | Device | undefined;
  readonly requiresGrad?: boolean | undefined;
}

export interface TensorOptions<D extends DType = DType> extends CreateOptions<D> {
  /** For typed arrays: the shape their elements fill, one size may be -1. */
  readonly shape?: Shape | undefined;
}

/** The queue of `device`, or of the current default device. */
export function chooseQueue(device: string | Device | undefined): Queue {
  const target = device === undefined ? currentDevice() : findDevice(device);
  return current().queue === 'train' ? target.train : target.serve;
}

/** An uninitialised tensor after checking every option; `op` names the caller in errors. */
export function create<D extends DType = 'float32'>(
  op: string,
  shape: Shape,
  options: CreateOptions<D> = {},
): Tensor<D> {
  checkedNumel(op, shape);
  checkOptions(op, options);
  const dtype = options.dtype === undefined ? ('float32' as D) : (checkDtype(op, options.dtype) as D);
  if (options.requiresGrad && !isFloat(dtype)) throw dtypeError(op, `only float tensors have gradients, got ${dtype}`);
  const out = emptyTensor(plainSizes(shape), dtype, chooseQueue(options.device));
  if (options.requiresGrad) out._requiresGrad = true;
  return out;
}

/**
 * A tensor with a copy of the given values. Nested arrays give the shape; numbers become float32, bigints int64 and
 * booleans bool unless `dtype` says otherwise; a typed array keeps its element type and may be given a `shape`. A
 * Uint16Array with dtype float16 or bfloat16 holds their bits.
 * @example
 * tensor([[1, 2], [3, 4]]); // float32 [2, 2]
 * tensor(new Int32Array([1, 2, 3, 4]), { shape: [2, -1] }); // int32 [2, 2]
 */
export function tensor(
  data: Float64Array,
  options?: TensorOptions<'float64'> & { dtype?: undefined },
): Tensor<'float64'>;
export function tensor(data: Int32Array, options?: TensorOptions<'int32'> & { dtype?: undefined }): Tensor<'int32'>;
export function tensor(data: BigInt64Array, options?: TensorOptions<'int64'> & { dtype?: undefined }): Tensor<'int64'>;
export function tensor(data: Uint8Array, options?: TensorOptions<'uint8'> & { dtype?: undefined }): Tensor<'uint8'>;
export function tensor(data: Int8Array, options?: TensorOptions<'int8'> & { dtype?: undefined }): Tensor<'int8'>;
export function tensor(data: Int16Array, options?: TensorOptions<'int16'> & { dtype?: undefined }): Tensor<'int16'>;
export function tensor<D extends DType = 'float32'>(
  data: NestedNumbers | ArrayBufferView,
  options?: TensorOptions<D>,
): Tensor<D>;
export function tensor(data: NestedNumbers | ArrayBufferView, options: TensorOptions = {}): Tensor {
  checkOptions('tensor', options);
  const wanted = options.dtype === undefined ? undefined : checkDtype('tensor', options.dtype);
  if (wanted !== undefined && options.requiresGrad && !isFloat(wanted)) {
    throw dtypeError('tensor', `only float tensors have gradients, got ${wanted}`);
  }
  let shape: Shape;
  let dtype: DType;
  let source: ArrayBufferView;
  if (ArrayBuffer.isView(data)) {
    checkBuffer('tensor', data);
    const own = dtypeOfArray(data);
    dtype = wanted ?? own ?? unknownArray(data);
    const bits = data instanceof Uint16Array && isHalf(dtype);
    source = own === dtype || bits ? data : converted(data as unknown as ArrayLike<number | bigint>, dtype);
    const length = (data as unknown as ArrayLike<unknown>).length;
    if (length === undefined) unknownArray(data);
    shape = options.shape === undefined ? [length] : inferShape('tensor', options.shape, length);
  } else {
    const sizes = nestedShape(data);
    const flat: (number | bigint | boolean)[] = [];
    flatten(data, sizes, 0, flat);
    dtype = wanted ?? guessDtype(flat);
    source = converted(flat, dtype);
    shape = options.shape === undefined ? sizes : inferShape('tensor', options.shape, flat.length);
  }
  const size = checkedNumel('tensor', shape);
  if (options.requiresGrad && !isFloat(dtype))
    throw dtypeError('tensor', `only float tensors have gradients, got ${dtype}`);
  const out = new Tensor(
    upload(chooseQueue(options.device), source),
    0,
    shape,
    contiguousStrides(shape),
    dtype,
    size,
    true,
  );
  if (options.requiresGrad) out._requiresGrad = true;
  return out;
}

export interface BorrowOptions extends Pick<TensorOptions, 'shape' | 'device'> {
  /** For a Uint16Array: whose bits it holds. */
  readonly dtype?: HalfDType | undefined;
}

/**
 * A read-only tensor over the caller's memory, without a copy. Leave the array alone until `await t.released()`.
 * @example
 * const pixels = borrow(new Float32Array(784), { shape: [28, 28] });
 */
export function borrow(data: ArrayBufferView, options: BorrowOptions = {}): Tensor {
  if (!ArrayBuffer.isView(data)) throw argumentError('borrow', `wants a typed array, got ${formatValue(data)}`);
  checkOptions('borrow', options);
  checkBuffer('borrow', data);
  const dtype = borrowedDtype(data, options.dtype);
  const { length } = data as unknown as ArrayLike<unknown>;
  const shape = options.shape === undefined ? [length] : inferShape('borrow', options.shape, length);
  const size = checkedNumel('borrow', shape);
  return new Tensor(
    borrowStorage(chooseQueue(options.device), data),
    0,
    shape,
    contiguousStrides(shape),
    dtype,
    size,
    true,
  );
}

function borrowedDtype(data: ArrayBufferView, wanted: unknown): DType {
  const own = dtypeOfArray(data);
  if (wanted === undefined) return own ?? unknownArray(data);
  const dtype = checkDtype('borrow', wanted);
  if (own === dtype || (data instanceof Uint16Array && isHalf(dtype))) return dtype;
  throw dtypeError('borrow', `wants an array with the elements of ${dtype}; tensor() copies and converts`);
}

function unknownArray(data: ArrayBufferView): never {
  throw dtypeError(
    'tensor',
    `no dtype has the elements of ${Object.prototype.toString.call(data).slice(8, -1)}; pass { dtype }`,
  );
}

function nestedShape(data: NestedNumbers): number[] {
  const shape: number[] = [];
  let level: NestedNumbers | undefined = data;
  while (Array.isArray(level)) {
    if (shape.length === maxRank) throw shapeError('tensor', `rank must be at most ${maxRank}`);
    shape.push(level.length);
    level = level[0];
  }
  return shape;
}

function flatten(data: NestedNumbers, shape: Shape, axis: number, flat: (number | bigint | boolean)[]): void {
  if (!Array.isArray(data)) {
    const kind = typeof data;
    if (kind !== 'number' && kind !== 'boolean' && kind !== 'bigint') {
      throw argumentError('tensor', `wants numbers, bigints or booleans, got ${data === null ? 'null' : kind}`);
    }
    if (axis !== shape.length)
      throw shapeError('tensor', `nested arrays must be regular: an element stands where axis ${axis} should`);
    flat.push(data as number | bigint | boolean);
    return;
  }
  if (data.length !== shape[axis]) {
    throw shapeError(
      'tensor',
      `nested arrays must be regular, wanted ${formatShape(shape)}, got length ${data.length} at axis ${axis}`,
    );
  }
  for (const each of data as readonly NestedNumbers[]) flatten(each, shape, axis + 1, flat);
}

function guessDtype(flat: readonly (number | bigint | boolean)[]): DType {
  if (flat.length === 0) return 'float32';
  if (flat.every((value) => typeof value === 'boolean')) return 'bool';
  if (flat.every((value) => typeof value === 'bigint')) return 'int64';
  return 'float32';
}

/** `values` as the elements of `dtype`: fractions are cut off for integers, as a cast does. */
function converted(values: ArrayLike<number | bigint | boolean>, dtype: DType): ArrayBufferView {
  const out = new arrayTypes[dtype](new ArrayBuffer(values.length * arrayTypes[dtype].prototype.BYTES_PER_ELEMENT));
  for (let i = 0; i < values.length; i++) out[i] = convert(values[i] as number | bigint | boolean, dtype);
  return out;
}

function convert(value: number | bigint | boolean, dtype: DType): number | bigint {
  switch (dtype) {
    case 'bool':
      return value ? 1 : 0;
    case 'int64':
      if (typeof value === 'bigint') return checkRange(value, -(2n ** 63n), 2n ** 63n - 1n, dtype);
      return BigInt(Math.trunc(checkRange(Number(value), -(2 ** 63), 2 ** 63 - 1024, dtype)));
    case 'int32':
      return Math.trunc(checkRange(Number(value), -(2 ** 31), 2 ** 31 - 1, dtype));
    case 'uint8':
      return Math.trunc(checkRange(Number(value), 0, 255, dtype));
    case 'int8':
      return Math.trunc(checkRange(Number(value), -128, 127, dtype));
    case 'int16':
      return Math.trunc(checkRange(Number(value), -32768, 32767, dtype));
    case 'float16':
    case 'bfloat16':
      return halfBits(dtype, Number(value));
    default:
      return Number(value);
  }
}

function checkRange<T extends number | bigint>(value: T, low: T, high: T, dtype: DType): T {
  if (value >= low && value <= high) return value;
  throw argumentError('tensor', `${value} does not fit into ${dtype}`);
}
