// What several op families need: operands, views for kernels, casts and the reverse of broadcasting.
import { dtypeError } from '../errors.ts';
import { autocastMerges } from '../autograd/precision.ts';
import type { DType } from '../core/dtype.ts';
import { checkDtype, computeDtype, isFloat } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';
import { broadcastStrides, contiguousStrides, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { emptyTensor, queueOf } from '../core/tensor.ts';
import type { KernelView } from '../native/kernels.ts';
import { kernels } from '../native/kernels.ts';

export { requireTensor } from '../core/tensor.ts';

/** An operand of an elementwise op; numbers are weak: they do not change the dtype of the tensor they meet. */
export type Value = Tensor | number | bigint;

/** `t` read as `shape`, axes of size 1 repeated; no Tensor is made. */
export function broadcastView(op: string, t: Tensor, shape: Shape): KernelView {
  if (sameShape(t.shape, shape)) return t;
  const { storage, offset, dtype } = t;
  return { storage, offset, shape, strides: broadcastStrides(op, t.shape, t.strides, shape), dtype };
}

/** A contiguous tensor under another shape of the same size. */
export function reshapedView(t: Tensor, shape: Shape): KernelView {
  const { storage, offset, dtype } = t;
  return { storage, offset, shape, strides: contiguousStrides(shape), dtype };
}

/** The part of `t` that starts at `starts` with `lengths`, every `steps`-th element of each axis. */
export function sliceView(t: Tensor, starts: Shape, lengths: Shape, steps: Shape): KernelView {
  let { offset } = t;
  const strides = new Array<number>(t.rank);
  // An empty part has no first element: an offset for one may lie beyond the storage.
  const any = !lengths.includes(0);
  for (let i = 0; i < t.rank; i++) {
    const stride = t.strides[i] as number;
    if (any) offset += (starts[i] as number) * stride;
    strides[i] = stride * (steps[i] as number);
  }
  return { storage: t.storage, offset, shape: lengths, strides, dtype: t.dtype };
}

export function requireFloat(op: string, t: Tensor, name = 'input'): void {
  if (!isFloat(t.dtype)) throw dtypeError(op, `${name} must be a float tensor, got ${t.dtype}`);
}

/** Under autocast float32 and half tensors may meet: the op casts them. */
export function requireSameDtype(op: string, a: Tensor, b: Tensor): void {
  if (a.dtype !== b.dtype && !autocastMerges(a, b))
    throw dtypeError(op, `dtypes must match, got ${a.dtype} and ${b.dtype}`);
}

/** Labels and indices are integer tensors. */
export function requireIntegers(op: string, t: Tensor, name: string): void {
  if (t.dtype !== 'int32' && t.dtype !== 'int64' && t.dtype !== 'uint8') {
    throw dtypeError(op, `${name} must be int32, int64 or uint8, got ${t.dtype}`);
  }
}

/** Checks the dtype a float tensor is to be made in, before it is made. */
export function requireFloatDtype(op: string, dtype: DType | undefined): void {
  if (dtype !== undefined && !isFloat(checkDtype(op, dtype)))
    throw dtypeError(op, `dtype must be a float dtype, got ${dtype}`);
}

/** Has `write` fill `out`; dtypes that are stored but not computed in are written in another and converted. */
export function fillWith(out: Tensor, write: (target: Tensor) => void): void {
  const dtype = computeDtype[out.dtype];
  if (dtype === out.dtype) {
    write(out);
    return;
  }
  const wide = emptyTensor(out.shape, dtype, queueOf(out));
  write(wide);
  kernels.copy(out, wide);
  wide.dispose();
}

/** The dtype fractions are computed in for an input of `dtype`. */
export function floatOf(dtype: DType): DType {
  return isFloat(dtype) ? dtype : 'float32';
}
