import { dtypeError } from '../errors.ts';
import { formatValue } from './values.ts';

/** The element types, in the order of WG_DTYPES in native/core/dtype.h: the index is the native code. */
export const dtypes = ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'] as const;

export type DType = (typeof dtypes)[number];

/** What `await t.data()` gives for each dtype. */
export interface TypedArrays {
  float32: Float32Array<ArrayBuffer>;
  float64: Float64Array<ArrayBuffer>;
  int32: Int32Array<ArrayBuffer>;
  int64: BigInt64Array<ArrayBuffer>;
  uint8: Uint8Array<ArrayBuffer>;
  bool: Uint8Array<ArrayBuffer>;
}

export type TypedArrayOf<D extends DType> = TypedArrays[D];
export type AnyTypedArray = TypedArrays[DType];

/** What `await t.item()` gives for each dtype. */
export type Item<D extends DType> = [D] extends ['bool'] ? boolean : 'bool' extends D ? number | boolean : number;

/** Bytes of one element. */
export const itemSize: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
};

/** The number native code knows a dtype by. */
export const dtypeCode: Readonly<Record<DType, number>> = {
  float32: 0,
  float64: 1,
  int32: 2,
  int64: 3,
  uint8: 4,
  bool: 5,
};

type ArrayMaker<D extends DType> = new (buffer: ArrayBuffer, byteOffset?: number, length?: number) => TypedArrays[D];

export const arrayTypes: { readonly [D in DType]: ArrayMaker<D> } = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

// Promotion is the larger of two in one order: a kind (bool, integer, fraction) beats width, as in PyTorch.
const order: Readonly<Record<DType, number>> = { bool: 0, uint8: 1, int32: 2, int64: 3, float32: 4, float64: 5 };

/** The dtype two tensors meet in. */
export function promote(a: DType, b: DType): DType {
  return order[a] >= order[b] ? a : b;
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
  return d === 'float32' || d === 'float64';
}

export function isInteger(d: DType): boolean {
  return d === 'int32' || d === 'int64' || d === 'uint8';
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

/** The dtype whose elements a typed array holds; undefined for element types without one. */
export function dtypeOfArray(array: ArrayBufferView): DType | undefined {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Float64Array) return 'float64';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof BigInt64Array) return 'int64';
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return 'uint8';
  return undefined;
}
