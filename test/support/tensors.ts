// Makes tensors from specs in every memory layout, and compares results with references.
import { strict as assert } from 'node:assert';
import type { DType, Tensor } from '../../lib/index.ts';
import { asNumbers } from '../../lib/core/half.ts';
import { Tensor as TensorClass } from '../../lib/core/tensor.ts';
import { tensor } from '../../lib/index.ts';
import { expand, slice, transpose } from '../../lib/ops/index.ts';
import { build, NDArray, offsetOf, read } from './reference/ndarray.ts';
import { roundedArray, type TensorSpec } from './random.ts';

/** How the elements lie in memory. `broadcast` repeats the first index of axis 0, values included. */
export const layouts = ['contiguous', 'transposed', 'sliced', 'reversed', 'broadcast'] as const;
export type Layout = (typeof layouts)[number];

export interface Place {
  readonly device: string;
  readonly dtype: DType;
  readonly layout: Layout;
}

function dense(values: NDArray, dtype: DType, device: string): Tensor {
  const array = dtype === 'int64' ? BigInt64Array.from(values.data, BigInt) : values.data;
  return tensor(array, { dtype, device, shape: values.shape });
}

/** The values `spec` has under `place`: rounded to the dtype, repeated for the broadcast layout. */
export function valuesOf(spec: TensorSpec, place: Place): NDArray {
  const plain = roundedArray(spec.values, spec.dtype ?? place.dtype);
  if (place.layout !== 'broadcast' || plain.rank === 0 || plain.size === 0) return plain;
  return build(plain.shape, (index) => plain.at(0, ...index.slice(1)));
}

/** A tensor with the values of `spec`, laid out in memory as `place` says. Temporaries are disposed. */
export function make(spec: TensorSpec, place: Place): Tensor {
  const dtype = spec.dtype ?? place.dtype;
  const values = valuesOf(spec, place);
  const through = (stored: NDArray, view: (t: Tensor) => Tensor): Tensor => {
    const base = dense(stored, dtype, place.device);
    const result = view(base);
    base.dispose();
    return result;
  };
  const { rank, shape } = values;
  if (rank === 0 || place.layout === 'contiguous') return dense(values, dtype, place.device);
  switch (place.layout) {
    case 'transposed': {
      if (rank === 1) return dense(values, dtype, place.device);
      const swapped = [...shape];
      [swapped[rank - 1], swapped[rank - 2]] = [read(shape, rank - 2), read(shape, rank - 1)];
      const stored = build(swapped, (index) =>
        values.at(...index.slice(0, -2), read(index, rank - 1), read(index, rank - 2)),
      );
      return through(stored, (t) => transpose(t));
    }
    case 'sliced': {
      // One foreign element before and two after on every axis, every second one in between on the last.
      const wide = shape.map((size, axis) => (axis === rank - 1 ? 2 * size + 3 : size + 3));
      const data = new Float64Array(wide.reduce((a, b) => a * b, 1)).fill(97);
      build(shape, (index) => {
        data[
          offsetOf(
            wide,
            index.map((i, axis) => (axis === rank - 1 ? 2 * i : i) + 1),
          )
        ] = values.at(...index);
        return 0;
      });
      const ranges = shape.map((size, axis): [number, number] => [1, axis === rank - 1 ? 1 + 2 * size : 1 + size]);
      return through(new NDArray(wide, data), (t) =>
        slice(
          t,
          ranges,
          shape.map((_, axis) => (axis === rank - 1 ? 2 : 1)),
        ),
      );
    }
    case 'reversed': {
      const stored = build(shape, (index) => values.at(...index.map((i, axis) => read(shape, axis) - 1 - i)));
      return through(stored, reversed);
    }
    default: {
      const row = new NDArray(
        [Math.min(1, read(shape, 0)), ...shape.slice(1)],
        values.data.slice(0, values.size / Math.max(1, read(shape, 0))),
      );
      return through(row, (t) => expand(t, shape));
    }
  }
}

/** The elements of `t` from last to first on every axis. No op makes negative strides yet; kernels must take them. */
function reversed(t: Tensor): Tensor {
  t.storage.retain();
  const offset =
    t.size === 0
      ? t.offset
      : t.shape.reduce((at, size, axis) => at + Math.max(0, size - 1) * read(t.strides, axis), t.offset);
  return new TensorClass(
    t.storage,
    offset,
    t.shape,
    t.strides.map((stride) => -stride),
    t.dtype,
    t.size,
    t.size <= 1,
  );
}

export interface Tolerance {
  /** Allowed error in units of the dtype's epsilon, relative to `scale`. */
  readonly ulps: number;
  /** Per element: the magnitude errors are relative to; the expected value when null. */
  readonly scale: NDArray | null;
}

/** Distance between neighbouring numbers at 1. Errors of a kernel are some of these times what it added up. */
const epsilon: Readonly<Partial<Record<DType, number>>> = {
  float32: 2 ** -23,
  float64: 2 ** -52,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
};
/** Below the smallest normal number precision fades; a flush to zero is allowed there. */
const smallest: Readonly<Partial<Record<DType, number>>> = {
  float32: 2 ** -126,
  float64: 2 ** -1022,
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
};

/** Elements of `actual` as float64 numbers. */
export function elements(actual: Tensor): Float64Array {
  return Float64Array.from(asNumbers(actual.dataSync(), actual.dtype) as ArrayLike<number>, Number);
}

/** That elements are equal one by one. An array comparison would list every difference of what may be a million. */
export function sameElements(actual: Tensor, wanted: Float64Array, label = 'elements'): void {
  const got = elements(actual);
  assert.equal(got.length, wanted.length, `${label}: length`);
  const different = got.findIndex((value, i) => !Object.is(value, wanted[i]) && value !== wanted[i]);
  if (different < 0) return;
  assert.fail(`${label}: first at ${different}, wanted ${wanted[different]}, got ${got[different]}`);
}

/** Compares a device result with the reference, element by element, and names the worst when it fails. */
export function assertClose(actual: Tensor, expected: NDArray, { ulps, scale }: Tolerance, label: string): void {
  assert.deepEqual([...actual.shape], [...expected.shape], `${label}: shape`);
  const got = elements(actual);
  const wanted = roundedArray(expected, actual.dtype);
  const problems: string[] = [];
  for (let i = 0; i < got.length; i++) {
    const [g, w] = [read(got, i), read(wanted.data, i)];
    if (Object.is(g, w) || g === w) continue;
    const size = Math.max(Math.abs(w), scale ? Math.abs(read(scale.data, i)) : 0);
    const allowed = ulps * (epsilon[actual.dtype] ?? 0) * size + (ulps > 0 ? (smallest[actual.dtype] ?? 0) : 0);
    if (Number.isFinite(size) && Math.abs(g - w) <= allowed) continue;
    problems.push(`[${i}] wanted ${w}, got ${g} (allowed error ${allowed.toExponential(2)})`);
  }
  if (problems.length > 0) {
    assert.fail(`${label}: ${problems.length} of ${got.length} elements differ: ${problems.slice(0, 4).join('; ')}`);
  }
}
