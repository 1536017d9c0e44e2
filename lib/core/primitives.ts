// The ungraded kernels that core, autograd and benchmarks need themselves; everything else is an op.
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';
import type { Queue } from './device.ts';
import type { DType } from './dtype.ts';
import { itemSize } from './dtype.ts';
import type { Shape } from './shape.ts';
import { transfer } from './storage.ts';
import type { Tensor } from './tensor.ts';
import { emptyTensor } from './tensor.ts';

/** Writes `x` into `out` (same shape), casting as needed. */
export function copyKernel(out: KernelView, x: KernelView): void {
  kernels.copy(out, x);
}

export function fillKernel(out: KernelView, value: number): void {
  kernels.fill(out, value);
}

/**
 * out += x, of one shape and dtype, or a part of out, for sums of gradients. Unlike an in-place op of the user's, a failure spoils `out`: a
 * sum that lacks a part must not reach an optimizer.
 */
export function addInPlaceKernel(
  out: Tensor,
  x: KernelView,
  { offset, shape, strides }: Pick<KernelView, 'offset' | 'shape' | 'strides'> = out,
): void {
  const { storage, dtype } = out;
  const { index, generation, queue } = storage;
  const place = { offset, shape, strides, dtype };
  kernels.add({ storage: { index, generation, queue, version: 0 }, ...place }, { storage, ...place }, x);
  storage.version++;
  storage.lastWriter = 'backward';
}

export function filledTensor<D extends DType>(shape: Shape, dtype: D, queue: Queue, value: number): Tensor<D> {
  const out = emptyTensor(shape, dtype, queue);
  fillKernel(out, value);
  return out;
}

/** A fresh contiguous tensor with the values of `x`, outside of any graph. */
export function copied<D extends DType>(x: KernelView & { readonly dtype: D }, queue: Queue): Tensor<D> {
  const out = emptyTensor(x.shape, x.dtype, queue);
  copyKernel(out, x);
  return out;
}

/** A fresh contiguous tensor with the values of `x`, on another device: bytes move, so they are packed first. */
export function transferred(x: Tensor, queue: Queue): Tensor {
  const source = x.isContiguous ? x : copied(x, x.storage.queue);
  const out = emptyTensor(x.shape, x.dtype, queue);
  const bytes = itemSize[x.dtype];
  if (x.size > 0) transfer(out.storage, source.storage, source.offset * bytes, x.size * bytes);
  if (source !== x) source.dispose();
  return out;
}

/** A rank-0 bool: whether any element of `x` is NaN or infinite. */
export function anyNonFinite(x: Tensor): Tensor<'bool'> {
  const out = emptyTensor([], 'bool', x.storage.queue);
  kernels.anyNonFinite(out, x);
  return out;
}

/** A rank-0 int64: what the device's clock shows, in nanoseconds, when everything queued before is done. */
export function timestamp(queue: Queue): Tensor<'int64'> {
  const out = emptyTensor([], 'int64', queue);
  kernels.timestamp(out);
  return out;
}
