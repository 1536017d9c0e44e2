// Views whose elements may coincide: windows, and strides given by hand. Their gradient adds up what coincides.
import { boundsError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import { defineView } from '../autograd/define-view.ts';
import type { Geometry } from '../autograd/tape.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';
import { checkedNumel, formatShape, maxRank, normalizeAxis } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import { contiguous } from './cast.ts';
import { requireTensor } from './shared.ts';

/** The windows of one axis: their number replaces the axis, the elements of each stand last. */
function windowsOf(x: Tensor, axis: number, size: number, step: number): Geometry {
  const length = x.shape[axis] as number;
  const stride = x.strides[axis] as number;
  return {
    shape: [...x.shape.with(axis, Math.floor((length - size) / step) + 1), size],
    strides: [...x.strides.with(axis, stride * step), stride],
    offset: x.offset,
  };
}

const viewOf = (t: Tensor, geometry: Geometry): KernelView => ({ storage: t.storage, dtype: t.dtype, ...geometry });

const unfoldOp: (x: Tensor, axis: number, size: number, step: number) => Tensor = defineView({
  name: 'unfold',
  geometry: windowsOf,
  backward: (ctx, dy) => {
    const [x, axis, size, step] = ctx.args;
    return unfoldGrad(dy, x.shape, axis, size, step);
  },
});

const unfoldGrad: (dy: Tensor, shape: Shape, axis: number, size: number, step: number) => Tensor = defineOp({
  name: 'unfoldGrad',
  infer: (dy: Spec, shape: Shape, _axis: number, _size: number, _step: number): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, _shape, axis, size, step) => {
    kernels.fill(ctx.out, 0);
    kernels.overlapAdd(viewOf(ctx.out, windowsOf(ctx.out, axis, size, step)), dy);
  },
  backward: (ctx, ddx): Gradients => {
    const [, , axis, size, step] = ctx.args;
    return [unfoldOp(ddx, axis, size, step), null, null, null, null];
  },
  saves: [],
});

/**
 * A view of the windows of `x` along an axis: their number takes the place of the axis, their elements stand last. Windows
 * may share elements: the view cannot be written then. (For images see im2col.)
 * @param size - elements of a window
 * @param step - from one window to the next
 * @example
 * unfold(arange(5), 0, 3, 1); // [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
 */
export function unfold<D extends DType>(x: Tensor<D>, axis: number, size: number, step: number): Tensor<D> {
  requireTensor('unfold', x);
  if (x.rank === 0) throw shapeError('unfold', 'a rank-0 tensor has no axis to take windows of');
  if (x.rank === maxRank) throw shapeError('unfold', `the result of ${formatShape(x.shape)} has rank > ${maxRank}`);
  const at = normalizeAxis('unfold', axis, x.rank);
  const length = x.shape[at] as number;
  if (!Number.isSafeInteger(size) || size < 0 || size > length) {
    throw shapeError('unfold', `size must be an integer in [0, ${length}], got ${formatValue(size)}`);
  }
  if (!Number.isSafeInteger(step) || step < 1) {
    throw shapeError('unfold', `step must be an integer ≥ 1, got ${formatValue(step)}`);
  }
  return unfoldOp(x, at, size, step) as Tensor<D>;
}

const stridedOp: (x: Tensor, shape: Shape, strides: Shape, start: number) => Tensor = defineView({
  name: 'asStrided',
  readOnly: true,
  geometry: (x, shape: Shape, strides: Shape, start: number) => ({ shape, strides, offset: x.offset + start }),
  backward: (ctx, dy) => {
    const [x, , strides, start] = ctx.args;
    return stridedGrad(dy, x.shape, strides, start);
  },
});

const stridedGrad: (dy: Tensor, shape: Shape, strides: Shape, start: number) => Tensor = defineOp({
  name: 'asStridedGrad',
  infer: (dy: Spec, shape: Shape, _strides: Shape, _start: number): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, _shape, strides, start) => {
    kernels.fill(ctx.out, 0);
    if (dy.size > 0) kernels.overlapAdd(viewOf(ctx.out, { shape: dy.shape, strides, offset: start }), dy);
  },
  backward: (ctx, ddx): Gradients => {
    const [dy, , strides, start] = ctx.args;
    return [stridedOp(contiguous(ddx), dy.shape, strides, start), null, null, null];
  },
  saves: [],
});

/**
 * A read-only view with strides given by hand, counted in elements of `x` in row-major order (of a copy, when `x` is not
 * contiguous). Every element must lie inside of `x`. Elements may coincide; the gradient adds up.
 * @param strides - as many as `shape`; zero and negative ones too
 * @param start - the position of the first element
 * @example
 * asStrided(arange(6), [2, 3], [1, 2]); // [[0, 2, 4], [1, 3, 5]]
 */
export function asStrided<D extends DType>(
  x: Tensor<D>,
  shape: readonly number[],
  strides: readonly number[],
  start = 0,
): Tensor<D> {
  requireTensor('asStrided', x);
  const size = checkedNumel('asStrided', shape);
  if (!Array.isArray(strides) || strides.length !== shape.length || !strides.every(Number.isSafeInteger)) {
    const got = Array.isArray(strides) ? formatShape(strides) : formatValue(strides);
    throw shapeError('asStrided', `wants ${shape.length} integer strides, got ${got}`);
  }
  if (!Number.isSafeInteger(start)) {
    throw shapeError('asStrided', `start must be an integer, got ${formatValue(start)}`);
  }
  let [low, high] = [start, start];
  for (let i = 0; size > 0 && i < shape.length; i++) {
    const reach = ((shape[i] as number) - 1) * (strides[i] as number);
    if (reach < 0) low += reach;
    else high += reach;
  }
  if (size > 0 ? low < 0 || high >= x.size : start < 0 || start > x.size) {
    throw boundsError(
      'asStrided',
      `shape ${formatShape(shape)} with strides ${formatShape(strides)} from ${start} reaches elements ${low} to ${high} of ${x.size}`,
    );
  }
  const packed = contiguous(x);
  const result = stridedOp(packed, [...shape], [...strides], start);
  packed.dispose();
  return result as Tensor<D>;
}
