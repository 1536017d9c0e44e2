// float16 and bfloat16 as bits: 1 sign bit, `exponent` bits and `mantissa` bits.
import type { DType } from './dtype.ts';

export type HalfDType = 'float16' | 'bfloat16';

const formats: Readonly<Record<HalfDType, { readonly exponent: number; readonly mantissa: number }>> = {
  float16: { exponent: 5, mantissa: 10 },
  bfloat16: { exponent: 8, mantissa: 7 },
};

export function isHalf(dtype: DType): dtype is HalfDType {
  return dtype === 'float16' || dtype === 'bfloat16';
}

const scratch = new DataView(new ArrayBuffer(8));

/** The bits of the number nearest to `x`, of two equally near ones the even one; too large a number becomes infinite. */
export function halfBits(dtype: HalfDType, x: number): number {
  const { exponent, mantissa } = formats[dtype];
  const infinite = ((1 << exponent) - 1) << mantissa;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  if (Number.isNaN(x)) return infinite | (1 << (mantissa - 1));
  const size = Math.abs(x);
  const bias = (1 << (exponent - 1)) - 1;
  scratch.setFloat64(0, size);
  // Below the smallest normal number the last place stays where it is.
  const scale = Math.max(((scratch.getUint32(0) >>> 20) & 0x7ff) - 1023, 1 - bias);
  if (scale > bias) return sign | infinite;
  const places = size / 2 ** (scale - mantissa); // exact: a power of two
  const floor = Math.floor(places);
  const rest = places - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // The mantissa's leading one counts as one of the exponent, and a carry out of it as well.
  return sign | (((scale + bias - 1) << mantissa) + rounded);
}

/** The number that bits stand for. */
export function halfNumber(dtype: HalfDType, bits: number): number {
  const { exponent, mantissa } = formats[dtype];
  const sign = bits & 0x8000 ? -1 : 1;
  const scale = (bits & 0x7fff) >>> mantissa;
  const fraction = bits & ((1 << mantissa) - 1);
  const bias = (1 << (exponent - 1)) - 1;
  if (scale === (1 << exponent) - 1) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (scale === 0) return sign * fraction * 2 ** (1 - bias - mantissa);
  return sign * (fraction + (1 << mantissa)) * 2 ** (scale - bias - mantissa);
}

/** `x` as a tensor of `dtype` would hold it, for the dtypes with less than float32's digits. */
export function roundToHalf(dtype: HalfDType, x: number): number {
  return halfNumber(dtype, halfBits(dtype, x));
}

/** The elements of a tensor as numbers: bits of float16 and bfloat16 are decoded, other arrays are handed through. */
export function asNumbers<T extends ArrayLike<number | bigint>>(data: T, dtype: DType): T | Float32Array {
  return isHalf(dtype)
    ? Float32Array.from(data as unknown as ArrayLike<number>, (bits) => halfNumber(dtype, bits))
    : data;
}
