// Seeded numbers and descriptions of tensors that need no device: tests say what a tensor holds, checkOp makes it on every
// device, in every dtype and memory layout.
import type { DType } from '../../lib/core/dtype.ts';
import { decode, encode, formats } from './reference/half.ts';
import { build, full as fullArray, map, NDArray, read, sizeOf } from './reference/ndarray.ts';

/** WARPGRAD_TEST_SEED repeats a failure; the default keeps runs alike. */
export const testSeed: number = Number(process.env['WARPGRAD_TEST_SEED'] ?? 20261121);

/** Whether the long form of a test was asked for. */
export const fullLevel: boolean = process.env['WARPGRAD_TEST_LEVEL'] === 'full';

/** mulberry32: small, seeded, and good enough to fill arrays. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** An integer in [low, high]. */
  integer(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)] as T;
  }
}

/** A tensor to be: `dtype` null means the dtype under test. */
export interface TensorSpec {
  readonly values: NDArray;
  readonly dtype: DType | null;
  readonly grad: boolean;
}

let stream = new Random(testSeed);

/** Starts the stream of values anew; the case tables of one file are filled in order. */
export function reseed(seed: number): void {
  stream = new Random(seed);
}

export const isSpec = (value: unknown): value is TensorSpec =>
  typeof value === 'object' && value !== null && 'values' in value && 'grad' in value;

/** Random values in [-2, 2), so that integers have signs too. */
export function rand(...shape: number[]): TensorSpec {
  return randIn(-2, 2, ...shape);
}

export function randIn(low: number, high: number, ...shape: number[]): TensorSpec {
  return { values: build(shape, () => stream.between(low, high)), dtype: null, grad: true };
}

/** Values whose distance from zero is at least `gap`: for ops with a kink or a pole there. */
export function randAway(gap: number, ...shape: number[]): TensorSpec {
  const values = build(shape, () => stream.between(gap, 2) * (stream.next() < 0.5 ? -1 : 1));
  return { values, dtype: null, grad: true };
}

/** Different values at least 0.05 apart in random order: a maximum has one winner that small steps do not change. */
export function distinct(...shape: number[]): TensorSpec {
  const size = sizeOf(shape);
  const order = Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = stream.integer(0, i);
    [order[i], order[j]] = [read(order, j), read(order, i)];
  }
  return {
    values: new NDArray(
      shape,
      order.map((rank) => (rank - size / 2) * 0.05),
    ),
    dtype: null,
    grad: true,
  };
}

export function randInt(low: number, high: number, shape: readonly number[], dtype: DType = 'int32'): TensorSpec {
  return { values: build(shape, () => stream.integer(low, high)), dtype, grad: false };
}

export function mask(...shape: number[]): TensorSpec {
  return randInt(0, 1, shape, 'bool');
}

/** These very values, in the dtype under test. */
export function given(values: readonly number[], shape: readonly number[] = [values.length]): TensorSpec {
  return { values: new NDArray(shape, values), dtype: null, grad: true };
}

export function constant(value: number, ...shape: number[]): TensorSpec {
  return { values: fullArray(shape, value), dtype: null, grad: true };
}

export function withDtype(spec: TensorSpec, dtype: DType): TensorSpec {
  return { values: spec.values, dtype, grad: false };
}

export const noGradient = (spec: TensorSpec): TensorSpec => ({ ...spec, grad: false });

const ranges = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
  uint8: [0, 255],
} as const;

/** What a tensor of `dtype` holds after `value` was put in it. */
export function rounded(value: number, dtype: DType): number {
  if (dtype === 'float32') return Math.fround(value);
  if (dtype === 'float64') return value;
  if (dtype === 'bool') return Number(value !== 0);
  if (dtype === 'float16' || dtype === 'bfloat16') return decode(encode(value, dtype), formats[dtype]);
  if (Number.isNaN(value)) return 0;
  const [low, high] = ranges[dtype];
  return Math.min(high, Math.max(low, Math.trunc(value))) + 0;
}

export function roundedArray(values: NDArray, dtype: DType): NDArray {
  return map(values, (value) => rounded(value, dtype));
}
