// What convolutions, pooling and resizing share: sizes along 1 to 3 spatial axes and inputs without a batch axis.
import { argumentError, shapeError } from '../errors.ts';
import { checkLive, requireTensor } from '../core/tensor.ts';
import type { Tensor } from '../core/tensor.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { formatShape } from '../core/shape.ts';
import { formatValue } from '../core/values.ts';
import type { KernelView } from '../native/kernels.ts';
import { squeeze, unsqueeze } from './view.ts';

/** One number for every spatial axis, or one for each: [length], [height, width] or [depth, height, width]. */
export type Sizes = number | readonly number[];

/** One size for height and width, or [height, width]. */
export type Pair = number | readonly [number, number];

const axisNames = ['L', 'H, W', 'D, H, W'] as const;

/** "H, W": the spatial axes of a tensor with `rank` of them, as messages write them. */
export function spatialNames(rank: number): string {
  return axisNames[rank - 1] as string;
}

/** `value` as `rank` integers in [least, 2^31). */
export function checkSizes(op: string, name: string, value: Sizes, rank: number, least: number): number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : new Array<unknown>(rank).fill(value);
  const ok = (x: unknown): x is number => typeof x === 'number' && Number.isInteger(x) && x >= least && x < 2 ** 31;
  if (list.length !== rank || !list.every(ok)) {
    const got = Array.isArray(value) ? formatShape(value) : formatValue(value);
    const many = rank === 1 ? 'an array of one' : `an array of ${rank}`;
    throw argumentError(op, `${name} must be an integer ≥ ${least} or ${many}, got ${got}`);
  }
  return [...(list as number[])];
}

/** Positions of a window of `kernel` taps over a padded axis; ERR_SHAPE when it does not fit once. */
export function outputSize(
  op: string,
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): number {
  const span = dilation * (kernel - 1) + 1;
  if (size + 2 * padding < span) {
    throw shapeError(op, `a window of ${span} does not fit into ${size} elements with padding ${padding}`);
  }
  return Math.floor((size + 2 * padding - span) / stride) + 1;
}

/** Checks that `x` is [N, C, …] or [C, …] with `rank` spatial axes. */
export function checkImages(op: string, x: Tensor, rank: number): void {
  requireTensor(op, x);
  checkLive(op, x);
  if (x.rank === rank + 2 || x.rank === rank + 1) return;
  const axes = spatialNames(rank);
  throw shapeError(op, `input must be [N, C, ${axes}] or [C, ${axes}], got ${formatShape(x.shape)}`);
}

/** Runs `f` on `x` with a batch axis; where it had none the results have none either. */
export function withBatch<R extends Tensor | Tensor[]>(x: Tensor, rank: number, f: (x: Tensor) => R): R {
  if (x.rank === rank + 2) return f(x);
  return tidy(() => {
    const result = f(unsqueeze(x, 0));
    return (Array.isArray(result) ? result.map((each) => squeeze(each, 0)) : squeeze(result, 0)) as R;
  });
}

/** [N, C, L] read as [N, C, 1, L], so that kernels for planes serve rows; no Tensor is made. */
export function asPlanes(t: Tensor): KernelView {
  const { storage, offset, dtype } = t;
  const pitch = (t.shape[2] as number) * (t.strides[2] as number);
  return { storage, offset, dtype, shape: t.shape.toSpliced(2, 0, 1), strides: t.strides.toSpliced(2, 0, pitch) };
}

/** The sizes of the spatial axes of [N, C, …]. */
export function spatial(t: { readonly shape: Shape }): number[] {
  return t.shape.slice(2);
}
