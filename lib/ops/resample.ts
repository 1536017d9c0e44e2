// One axis read at another number of places; images are resized an axis at a time.
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { reshape } from './view.ts';

/** In the order of the kernel's numbers. */
export const resampleModes = [
  'nearest',
  'nearest-exact',
  'linear',
  'cubic',
  'area',
  'smooth-linear',
  'smooth-cubic',
] as const;

export interface Resampling {
  readonly mode: (typeof resampleModes)[number];
  readonly alignCorners: boolean;
  /** Distance between two places, in elements of the source; 'area' needs none. */
  readonly ratio: number;
}

const params = ({ mode, alignCorners, ratio }: Resampling): { mode: number; alignCorners: number; ratio: number } => ({
  mode: resampleModes.indexOf(mode),
  alignCorners: alignCorners ? 1 : 0,
  ratio,
});

/** [A, n, B] to [A, m, B]. */
const resampleOp = defineOp({
  name: 'resample',
  infer: (x: Spec, size: number, _r: Resampling): Spec => ({ shape: x.shape.with(1, size), dtype: x.dtype }),
  forward: (ctx, x, _size, r) => kernels.resample(ctx.out, x, params(r)),
  backward: (ctx, dy): Gradients => [resampleGrad(dy, ctx.args[0].shape[1] as number, ctx.args[2]), null, null],
  saves: [],
});

const resampleGrad = defineOp({
  name: 'resampleGrad',
  infer: (dy: Spec, size: number, _r: Resampling): Spec => ({ shape: dy.shape.with(1, size), dtype: dy.dtype }),
  forward: (ctx, dy, _size, r) => kernels.resampleGrad(ctx.out, dy, params(r)),
  backward: (ctx, ddx): Gradients => [resampleOp(ddx, ctx.args[0].shape[1] as number, ctx.args[2]), null, null],
  saves: [],
});

/** `x` with `size` places along `axis` (negative), everything checked; `x` itself where nothing would change. */
export function resampleAxis(x: Tensor, axis: number, size: number, r: Resampling): Tensor {
  const at = x.rank + axis;
  const length = x.shape[at] as number;
  if (length === size && (r.mode === 'area' || r.ratio === 1)) return x;
  const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const rows = reshape(x, [count(x.shape.slice(0, at)), length, count(x.shape.slice(at + 1))]);
  return reshape(resampleOp(rows, size, r), x.shape.with(at, size));
}
