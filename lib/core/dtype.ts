import { dtypeError } from '../errors.ts';
import { formatValue } from './values.ts';

/** The element types, in the order of WG_DTYPES in native/core/dtype.h: the index is the native code. */
export const dtypes = [
  'float32',
  'float64',
  'int32',
  'int64',
  'uint8',
  'bool',
  'float16',
  'bfloat16',
  'int8',
  'int16',
] as const;

export type DType = (typeof dtypes)[number];

/** What `await t.data()` gives for each dtype; of float16 and bfloat16 the bits. */
export interface TypedArrays {
  float32: Float32Array<ArrayBuffer>;
  float64: Float64Array<ArrayBuffer>;
  int32: Int32Array<ArrayBuffer>;
  int64: BigInt64Array<ArrayBuffer>;
  uint8: Uint8Array<ArrayBuffer>;
  bool: Uint8Array<ArrayBuffer>;
  float16: Uint16Array<ArrayBuffer>;
  bfloat16: Uint16Array<ArrayBuffer>;
  int8: Int8Array<ArrayBuffer>;
  int16: Int16Array<ArrayBuffer>;
}

export type TypedArrayOf<D extends DType> = TypedArrays[D];
export type AnyTypedArray = TypedArrays[DType];

/** Bytes of one element. */
export const itemSize: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
  float16: 2,
  bfloat16: 2,
  int8: 1,
  int16: 2,
};

/** The number native code knows a dtype by. */
export const dtypeCode: Readonly<Record<DType, number>> = {
  float32: 0,
  float64: 1,
  int32: 2,
  int64: 3,
  uint8: 4,
  bool: 5,
  float16: 6,
  bfloat16: 7,
  int8: 8,
  int16: 9,
};

type ArrayMaker<D extends DType> = new (buffer: ArrayBuffer, byteOffset?: number, length?: number) => TypedArrays[D];

export const arrayTypes: { readonly [D in DType]: ArrayMaker<D> } = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
};

/**
 * What kernels compute in. float16, bfloat16, int8 and int16 are ways to store numbers: they are converted where elements
 * are loaded and stored, and around ops whose kernels do not do that.
 */
export const computeDtype: Readonly<Record<DType, DType>> = {
  float32: 'float32',
  float64: 'float64',
  int32: 'int32',
  int64: 'int64',
  uint8: 'uint8',
  bool: 'bool',
  float16: 'float32',
  bfloat16: 'float32',
  int8: 'int32',
  int16: 'int32',
};

// Promotion is the larger of two in one order: a kind (bool, integer, fraction) beats width, as in PyTorch. Two pairs meet
// in a third: neither of them holds the other's values.
const order: Readonly<Record<DType, number>> = {
  bool: 0,
  uint8: 1,
  int8: 2,
  int16: 3,
  int32: 4,
  int64: 5,
  float16: 6,
  bfloat16: 7,
  float32: 8,
  float64: 9,
};

/** The dtype two tensors meet in. */
export function promote(a: DType, b: DType): DType {
  const [low, high] = order[a] <= order[b] ? [a, b] : [b, a];
  if (low === 'uint8' && high === 'int8') return 'int16';
  if (low === 'float16' && high === 'bfloat16') return 'float32';
  return high;
}

/**
 * The dtype of a tensor of dtype `d` combined with a JavaScript number: numbers are weak, so only a fraction meeting
 * integers (→ float32) and a number meeting bool (→ int32) change it.
 */
export function promoteNumber(d: DType, value: number | bigint): DType {
  if (isFloat(d)) return d;
  if (typeof value === 'number' && !Number.isInteger(value)) return 'float32';
  return d === 'bool' ? 'int32' : d;
}

export function isFloat(d: DType): boolean {
  return d === 'float32' || d === 'float64' || d === 'float16' || d === 'bfloat16';
}

export function isInteger(d: DType): boolean {
  return d !== 'bool' && !isFloat(d);
}

/** Whether values of `from` may be written into a tensor of `to` by an in-place op: kinds never narrow. */
export function canCast(from: DType, to: DType): boolean {
  if (isFloat(to)) return true;
  if (isInteger(to)) return !isFloat(from);
  return from === 'bool';
}

/** Checks that `value` names a dtype (it may come from JavaScript or a file). */
export function checkDtype(op: string, value: unknown): DType {
  if (typeof value === 'string' && Object.hasOwn(itemSize, value)) return value as DType;
  throw dtypeError(op, `dtype must be one of ${dtypes.join(', ')}, got ${formatValue(value)}`);
}

/**
 * The dtype whose elements a typed array holds; undefined for element types without one, such as Uint16Array, which may
 * be the bits of float16 or of bfloat16.
 */
export function dtypeOfArray(array: ArrayBufferView): DType | undefined {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Float64Array) return 'float64';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof BigInt64Array) return 'int64';
  if (array instanceof Int8Array) return 'int8';
  if (array instanceof Int16Array) return 'int16';
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return 'uint8';
  // A global of newer runtimes only.
  if (Object.prototype.toString.call(array) === '[object Float16Array]') return 'float16';
  return undefined;
}
