// What stands for arguments and results that a fixture cannot hold: functions, places, booleans, packed sequences.
import type { Tensor } from '../../lib/index.ts';
import { tensor } from '../../lib/index.ts';
import * as ops from '../../lib/ops/index.ts';
import type { PackedSequence, Place } from '../../lib/ops/index.ts';

/** As in test/parity/cases/functional.py. */
export const functions: Readonly<Record<string, (...args: Tensor[]) => Tensor>> = {
  cubes: (x) => (x as Tensor).pow(3).sub((x as Tensor).mul(2)),
  waves: (x, y) => (x as Tensor).sin().matmul(y as Tensor),
  bowl: (x) => ops.sum((x as Tensor).pow(3).mul((x as Tensor).exp())),
  both: (x, y) =>
    ops.sum(
      (x as Tensor)
        .square()
        .mul(y as Tensor)
        .add((y as Tensor).pow(3)),
    ),
};

const bool = (value: unknown): Tensor => tensor([value as boolean]).reshape([]);
const packed = (value: unknown): Tensor[] => {
  const { data, batchSizes } = value as PackedSequence;
  return [data, tensor(Int32Array.from(batchSizes))];
};
/** Signs, or bases of one direction, are free: squares are not. */
const squared =
  (...free: readonly number[]) =>
  (value: unknown): Tensor[] =>
    (value as Tensor[]).map((t, i) => (free.includes(i) ? ops.square(t) : t));

/** What is compared of a result, where that is no tensor or list of tensors, or not unique. */
export const comparable: Readonly<Record<string, (value: unknown) => unknown>> = {
  at: (value) => (value as Place<'float64', Tensor>).get(),
  allclose: bool,
  equal: bool,
  eigh: squared(1),
  svd: squared(0, 2),
  packPaddedSequence: packed,
  packSequence: packed,
  padPackedSequence: (value) => {
    const [padded, lengths] = value as [Tensor, number[]];
    return [padded, tensor(Int32Array.from(lengths))];
  },
  vjp: (value) => (value as unknown[]).flat(),
  hvp: (value) => (value as unknown[]).flat(),
  hessian: (value) => (Array.isArray(value) ? (value as unknown[]).flat() : value),
};
