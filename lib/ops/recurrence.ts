// Linear recurrences along an axis, and what gradients of products make of them.
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { Tensor } from '../core/tensor.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { mul } from './binary.ts';
import { ones } from './creation.ts';
import { cat } from './join.ts';
import { narrow } from './view.ts';

/** `v` read from its end along `axis`; without elements it has no end, and one may lie beyond the storage. */
function backwards(v: KernelView, axis: number): KernelView {
  const size = v.shape[axis] as number;
  const stride = v.strides[axis] as number;
  return {
    storage: v.storage,
    offset: v.shape.includes(0) ? v.offset : v.offset + (size - 1) * stride,
    shape: v.shape,
    strides: v.strides.with(axis, -stride),
    dtype: v.dtype,
  };
}

export type Direction = 'forward' | 'backward';

export const turned = (v: KernelView, axis: number, direction: Direction): KernelView =>
  direction === 'forward' ? v : backwards(v, axis);
export const opposite = (direction: Direction): Direction => (direction === 'forward' ? 'backward' : 'forward');

/** All but the last (first) element along `axis`. */
export const early = (x: Tensor, axis: number): Tensor => narrow(x, axis, 0, (x.shape[axis] as number) - 1);
export const late = (x: Tensor, axis: number): Tensor => narrow(x, axis, 1, (x.shape[axis] as number) - 1);

/**
 * h[i] = b[i] + a[i−1] h[i−1] along `axis`, or, backward, h[i] = b[i] + a[i] h[i+1]: each is the other's transpose in b, so
 * each is the other's gradient. `a` is one shorter than `b` along `axis`.
 */
export const linearScan: (a: Tensor, b: Tensor, axis: number, direction: Direction) => Tensor = defineOp({
  name: 'linearScan',
  infer: (_a: Spec, b: Spec, _axis: number, _direction: Direction): Spec => b,
  forward: (ctx, a, b, axis, direction) =>
    kernels.linearScan(turned(ctx.out, axis, direction), turned(a, axis, direction), turned(b, axis, direction), axis),
  backward: (ctx, dy): Gradients => {
    const [a, , axis, direction] = ctx.args;
    const db = linearScan(a, dy, axis, opposite(direction));
    if (!ctx.needs(0)) return [null, db, null, null];
    const da =
      direction === 'forward' ? mul(late(db, axis), early(ctx.out, axis)) : mul(early(db, axis), late(ctx.out, axis));
    return [da, db, null, null];
  },
  saves: [0],
  savesOutputs: [0],
});

export const cumprodOp: (x: Tensor, axis: number, direction: Direction) => Tensor = defineOp({
  name: 'cumprod',
  infer: (x: Spec, _axis: number, _direction: Direction): Spec => x,
  forward: (ctx, x, axis, direction) =>
    kernels.cumprod(turned(ctx.out, axis, direction), turned(x, axis, direction), axis),
  // With y[i] = x[0] … x[i]: dx[k] = (x[0] … x[k−1]) Σ over i ≥ k of dy[i] x[k+1] … x[i]. Nothing is divided by, so zeros
  // are elements like others; the sum is a linear scan.
  backward: (ctx, dy): Gradients => {
    const [x, axis, direction] = ctx.args;
    if ((x.shape[axis] as number) === 0) return [dy, null, null];
    const ratios = direction === 'forward' ? late(x, axis) : early(x, axis);
    const rest = linearScan(ratios, dy, axis, opposite(direction));
    return [mul(before(x, axis, direction), rest), null, null];
  },
  saves: [0],
});

/** The product of the elements before each one in the order of `direction`; 1 at the start. */
function before(x: Tensor, axis: number, direction: Direction): Tensor {
  const first = ones(x.shape.with(axis, 1), { dtype: x.dtype, device: x.device });
  const products = cumprodOp(direction === 'forward' ? early(x, axis) : late(x, axis), axis, direction);
  return cat(direction === 'forward' ? [first, products] : [products, first], axis);
}

/** The product of all other elements along `axis`: the gradient of a product, right where elements are 0. */
export function productOfOthers(x: Tensor, axis: number): Tensor {
  return mul(before(x, axis, 'forward'), before(x, axis, 'backward'));
}
