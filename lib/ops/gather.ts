// Elements chosen one by one along an axis, and the way back: every element has an index of its own.
import { argumentError, dtypeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { mul } from './binary.ts';
import { castTo } from './cast.ts';
import { eq } from './compare.ts';
import { arange, zeros } from './creation.ts';
import { checkIndex, fitSource } from './index-shared.ts';
import { requireSameDtype, requireTensor } from './shared.ts';
import { reshape } from './view.ts';

const gatherOp = defineOp({
  name: 'gather',
  infer: (x: Spec, _axis: number, index: Spec): Spec => ({ shape: index.shape, dtype: x.dtype }),
  forward: (ctx, x, axis, index) => kernels.gather(ctx.out, x, index, axis),
  backward: (ctx, dy): Gradients => {
    const [x, axis, index] = ctx.args;
    return [gatherGrad(dy, axis, index, x.shape), null, null];
  },
  saves: [2],
});

/** Zeros of `shape` with `dy` added at the indices: the gradient of gather. */
const gatherGrad = defineOp({
  name: 'gatherGrad',
  infer: (dy: Spec, _axis: number, _index: Spec, shape: Shape): Spec => ({ shape, dtype: dy.dtype }),
  forward: (ctx, dy, axis, index) => {
    kernels.fill(ctx.out, 0);
    kernels.scatterReduce(ctx.out, index, dy, axis, 0);
  },
  backward: (ctx, ddx): Gradients => [gatherOp(ddx, ctx.args[1], ctx.args[2]), null, null, null],
  saves: [2],
});

/**
 * Elements of `x` along `axis`, one index for each: out[i, j] = x[index[i, j], j] for axis 0. An index outside the axis is
 * ERR_INDEX when the result is read.
 * @param index - int32, int64 or uint8 of the rank of `x`, no larger than `x` but along `axis`
 * @returns shape of `index`
 * @example
 * gather(tensor([[1, 2], [3, 4]]), 1, tensor([[0, 0], [1, 0]], { dtype: 'int32' })); // [[1, 1], [4, 3]]
 */
export function gather<D extends DType>(x: Tensor<D>, axis: number, index: Tensor): Tensor<D> {
  const at = checkIndex('gather', x, axis, index);
  return gatherOp(x, at, index) as Tensor<D>;
}

const scatterAddOp = defineOp({
  name: 'scatterAdd',
  infer: (x: Spec, _axis: number, _index: Spec, _src: Spec): Spec => x,
  forward: (ctx, x, axis, index, src) => {
    kernels.copy(ctx.out, x);
    kernels.scatterReduce(ctx.out, index, src, axis, 0);
  },
  backward: (ctx, dy): Gradients => {
    const [, axis, index] = ctx.args;
    return [ctx.needs(0) ? dy : null, null, null, ctx.needs(3) ? gatherOp(dy, axis, index) : null];
  },
  saves: [2],
});

/**
 * A copy of `x` with the elements of `src` added at indices of `axis`: out[index[i, j], j] += src[i, j] for axis 0. What
 * meets in one element is added in row-major order, whatever the number of threads.
 * @param index - int32, int64 or uint8; no larger than `src`, nor than `x` but along `axis`; out of range is ERR_INDEX later
 * @param src - of the dtype of `x`
 * @example
 * scatterAdd(zeros([3]), 0, tensor([2, 0, 2], { dtype: 'int32' }), tensor([1, 2, 3])); // [2, 0, 4]
 */
export function scatterAdd<D extends DType>(x: Tensor<D>, axis: number, index: Tensor, src: Tensor): Tensor<D> {
  const at = checkIndex('scatterAdd', x, axis, index);
  requireTensor('scatterAdd', src, 'src');
  requireSameDtype('scatterAdd', x, src);
  if (x.dtype === 'bool') throw dtypeError('scatterAdd', 'is not defined for bool');
  return tidy(() => scatterAddOp(x, at, index, fitSource('scatterAdd', src, index))) as Tensor<D>;
}

const scatterOp = defineOp({
  name: 'scatter',
  infer: (x: Spec, _axis: number, _index: Spec, _src: Tensor | number): Spec => x,
  forward: (ctx, x, axis, index, src) => {
    kernels.copy(ctx.out, x);
    kernels.scatter(ctx.out, index, src, axis);
  },
  backward: (ctx, dy): Gradients => {
    const [x, axis, index, src] = ctx.args;
    const dx = ctx.needs(0) ? scatterOp(dy, axis, index, 0) : null;
    if (!(src instanceof Tensor) || !ctx.needs(3)) return [dx, null, null, null];
    return [dx, null, null, mul(gatherOp(dy, axis, index), castTo(lastWriters(axis, index, x.shape), dy.dtype))];
  },
  saves: [2],
});

/** For each index whether it is the last to name its element: only then does its value reach the result. */
function lastWriters(axis: number, index: Tensor, shape: Shape): Tensor {
  const options = { dtype: index.size < 2 ** 31 ? 'int32' : 'int64', device: index.device } as const;
  const numbers = reshape(arange(index.size, options), index.shape);
  return eq(gatherOp(scatterOp(zeros(shape, options), axis, index, numbers), axis, index), numbers);
}

/**
 * A copy of `x` with the elements of `src`, or one number, written at indices of `axis`: out[index[i, j], j] = src[i, j]
 * for axis 0. Where an element is named several times the last in row-major order stays, and alone gets the gradient.
 * @param index - int32, int64 or uint8; no larger than `src`, nor than `x` but along `axis`; out of range is ERR_INDEX later
 * @param src - of the dtype of `x`, or a number
 * @example
 * scatter(zeros([3]), 0, tensor([2, 0], { dtype: 'int32' }), tensor([5, 6])); // [6, 0, 5]
 */
export function scatter<D extends DType>(x: Tensor<D>, axis: number, index: Tensor, src: Tensor | number): Tensor<D> {
  const at = checkIndex('scatter', x, axis, index);
  if (typeof src === 'number') return scatterOp(x, at, index, src) as Tensor<D>;
  if (!(src instanceof Tensor))
    throw argumentError('scatter', `src must be a tensor or a number, got ${formatValue(src)}`);
  requireSameDtype('scatter', x, src);
  return tidy(() => scatterOp(x, at, index, fitSource('scatter', src, index))) as Tensor<D>;
}
