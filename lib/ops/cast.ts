import { argumentError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import { chooseQueue } from '../core/create.ts';
import type { Device } from '../core/device.ts';
import { device as findDevice } from '../core/device.ts';
import type { DType } from '../core/dtype.ts';
import { checkDtype, itemSize } from '../core/dtype.ts';
import { transferred } from '../core/primitives.ts';
import { checkLive, Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { requireTensor } from './shared.ts';
import { reshape } from './view.ts';

const castOp = defineOp({
  name: 'cast',
  infer: (x: Spec, dtype: DType) => ({ shape: x.shape, dtype }),
  forward: (ctx, x) => kernels.copy(ctx.out, x),
  backward: (ctx, dy) => [castTo(dy, ctx.args[0].dtype), null],
  saves: [],
  dtypes: 'all',
});

/** `x` itself when it has `dtype` already. For ops' own use: the caller disposes the result only if it is not `x`. */
export function castTo(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : castOp(x, dtype);
}

/**
 * The elements of `x` as `dtype`: float to int saturates and NaN becomes 0, int overflow wraps.
 * @returns shape of `x`; a view when the dtype is the same
 * @example
 * cast(tensor([1.7, -2.2]), 'int32'); // [1, -2]
 */
export function cast<D extends DType>(x: Tensor, dtype: D): Tensor<D> {
  requireTensor('cast', x);
  checkDtype('cast', dtype);
  if (x.dtype === dtype) return reshape(x, x.shape) as Tensor<D>;
  return castOp(x, dtype) as Tensor<D>;
}

const cloneOp = defineOp({
  name: 'clone',
  infer: (x: Spec) => x,
  forward: (ctx, x) => kernels.copy(ctx.out, x),
  backward: (_ctx, dy) => [dy],
  saves: [],
  dtypes: 'all',
});

/**
 * A copy of `x` with memory of its own, contiguous.
 * @example
 * const y = clone(tensor([1, 2])); y.add_(1); // the original keeps its values
 */
export function clone<D extends DType>(x: Tensor<D>): Tensor<D> {
  requireTensor('clone', x);
  return cloneOp(x) as Tensor<D>;
}

/**
 * `x` with its elements in row-major order: a view when they already are, else a copy.
 * @example
 * contiguous(tensor([[1, 2], [3, 4]]).transpose()).strides; // [2, 1]
 */
export function contiguous<D extends DType>(x: Tensor<D>): Tensor<D> {
  requireTensor('contiguous', x);
  return x.isContiguous ? (reshape(x, x.shape) as Tensor<D>) : clone(x);
}

/**
 * The same elements outside of the graph: shares memory, needs no gradient.
 * @example
 * detach(tensor([1], { requiresGrad: true })).requiresGrad; // false
 */
export function detach<D extends DType>(x: Tensor<D>): Tensor<D> {
  requireTensor('detach', x);
  checkLive('detach', x);
  x.storage.retain();
  return new Tensor(x.storage, x.offset, x.shape, x.strides, x.dtype, x.size, x.isContiguous);
}

const moveOp = defineOp({
  name: 'to',
  forward: (_ctx, x: Tensor, target: Device) => transferred(x, chooseQueue(target)),
  backward: (ctx, dy) => [to(dy, ctx.args[0].device), null],
  saves: [],
});

export interface ToOptions<D extends DType = DType> {
  readonly dtype?: D | undefined;
  readonly device?: string | Device | undefined;
}

/**
 * `x` as another dtype and/or on another device; gradients flow back to where `x` is.
 * @param target - a dtype, a device or its name, or both as { dtype, device }
 * @example
 * to(tensor([1, 2]), 'float64').dtype; // 'float64'
 */
export function to<D extends DType>(x: Tensor, target: D): Tensor<D>;
export function to<D extends DType>(x: Tensor<D>, target: string | Device): Tensor<D>;
export function to<D extends DType>(x: Tensor, target: ToOptions<D> & { dtype: D }): Tensor<D>;
export function to(x: Tensor, target: DType | string | Device | ToOptions): Tensor;
export function to(x: Tensor, target: DType | string | Device | ToOptions): Tensor {
  requireTensor('to', x);
  if (typeof target === 'string') return isDtype(target) ? cast(x, target) : move(x, findDevice(target));
  if (typeof target !== 'object' || target === null)
    throw argumentError('to', `wants a dtype or a device, got ${formatValue(target)}`);
  if ('train' in target) return move(x, target);
  const { dtype = x.dtype, device = x.device } = target;
  const converted = cast(x, dtype);
  const place = findDevice(device);
  if (place === x.device) return converted;
  const moved = move(converted, place);
  converted.dispose();
  return moved;
}

function isDtype(text: string): text is DType {
  return Object.hasOwn(itemSize, text);
}

function move(x: Tensor, target: Device): Tensor {
  return target === x.device ? reshape(x, x.shape) : moveOp(x, target);
}
