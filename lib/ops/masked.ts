// Ops on the elements where a condition holds.
import { ne } from './compare.ts';
import { computeDtype } from '../core/dtype.ts';
import { dtypeError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Shape } from '../core/shape.ts';
import { broadcastShapes, formatShape, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { emptyTensor, queueOf } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { clone } from './cast.ts';
import type { FixedSize } from './counted.ts';
import { checkSize, whenCounted } from './counted.ts';
import { countOf, countOffsets, maskedScatterOp, maskedSelectOp } from './masked-ops.ts';
import { requireSameDtype, requireTensor } from './shared.ts';
import { broadcastTo, narrow } from './view.ts';

// ---- positions ---------------------------------------------------------------------------------------------------------

function positions(x: Tensor, offsets: Tensor, size: number, fill: number): Tensor<'int32' | 'int64'> {
  const dtype = x.shape.every((each) => each < 2 ** 31) ? 'int32' : 'int64';
  const out = emptyTensor([size, x.rank], dtype, queueOf(x));
  kernels.nonzero(out, x, offsets, fill);
  return out;
}

/** What kernels can look at: of a dtype that is only stored, whether elements are not zero. */
const tested = (x: Tensor): Tensor => (computeDtype[x.dtype] === x.dtype ? x : ne(x.detach(), 0));

function checkInput(op: string, x: Tensor): void {
  requireTensor(op, x);
  checkArguments(op, [x]);
}

/**
 * The indices of the elements of `x` that are not zero (NaN is not), in row-major order: one row each, [count, rank], int32
 * (int64 for axes of 2^31 and more). How many there are is a value: a promise, unless `size` is given.
 * @param options - `{ size, fill }`: exactly `size` rows, those beyond the count holding `fill`
 * @example
 * await nonzero(tensor([[0, 3], [5, 0]])); // [[0, 1], [1, 0]]
 * nonzero(tensor([0, 3]), { size: 2, fill: -1 }); // [[1], [-1]]
 */
export function nonzero(x: Tensor): Promise<Tensor<'int32' | 'int64'>>;
export function nonzero(x: Tensor, options: FixedSize): Tensor<'int32' | 'int64'>;
export function nonzero(x: Tensor, options?: FixedSize): Promise<Tensor> | Tensor {
  checkInput('nonzero', x);
  if (options !== undefined) {
    const { size, fill } = checkSize('nonzero', options);
    return tidy(() => {
      const values = tested(x);
      return positions(values, countOffsets(values), size, fill);
    });
  }
  return tidy(() => {
    // The values of now, also if x is changed in place before the count is known.
    const values = clone(tested(x).detach());
    const offsets = countOffsets(values);
    return whenCounted(countOf(offsets), [offsets, values], (count) => positions(values, offsets, count, 0));
  });
}

/**
 * `nonzero` that blocks the event loop until the device has counted.
 * @example
 * nonzeroSync(tensor([0, 3, 0, 4])); // [[1], [3]]
 */
export function nonzeroSync(x: Tensor): Tensor<'int32' | 'int64'> {
  checkInput('nonzeroSync', x);
  return tidy(() => {
    const values = tested(x);
    const offsets = countOffsets(values);
    return positions(values, offsets, countOf(offsets).itemSync(), 0);
  });
}

// ---- values ------------------------------------------------------------------------------------------------------------

function checkMask(op: string, x: Tensor, mask: Tensor): Shape {
  requireTensor(op, x);
  requireTensor(op, mask, 'mask');
  checkArguments(op, [x, mask]);
  if (mask.dtype !== 'bool') throw dtypeError(op, `mask must be bool, got ${mask.dtype}`);
  return broadcastShapes(op, x.shape, mask.shape);
}

/**
 * The elements of `x` where `mask` holds, in row-major order, as a vector; the two broadcast. How many there are is a
 * value: a promise, unless `size` is given.
 * @param mask - a bool tensor
 * @param options - `{ size, fill }`: exactly `size` elements, those beyond the count being `fill`
 * @example
 * const x = tensor([1, 5, 3]);
 * await maskedSelect(x, gt(x, 2)); // [5, 3]
 */
export function maskedSelect<D extends DType>(x: Tensor<D>, mask: Tensor): Promise<Tensor<D>>;
export function maskedSelect<D extends DType>(x: Tensor<D>, mask: Tensor, options: FixedSize): Tensor<D>;
export function maskedSelect(x: Tensor, mask: Tensor, options?: FixedSize): Promise<Tensor> | Tensor {
  const shape = checkMask('maskedSelect', x, mask);
  if (options !== undefined) {
    const { size, fill } = checkSize('maskedSelect', options);
    return tidy(() => {
      const where = broadcastTo(mask, shape);
      return maskedSelectOp(broadcastTo(x, shape), where, countOffsets(where), size, fill);
    });
  }
  return tidy(() => {
    const where = broadcastTo(mask, shape);
    const offsets = countOffsets(where);
    // Selected now, as x may be changed in place before the count is known; the result has memory of its own size.
    const all = maskedSelectOp(broadcastTo(x, shape), where, offsets, where.size, 0);
    return whenCounted(countOf(offsets), [all], (count) => tidy(() => clone(narrow(all, 0, 0, count))));
  });
}

/**
 * `maskedSelect` that blocks the event loop until the device has counted.
 * @example
 * maskedSelectSync(tensor([1, 5, 3]), tensor([true, false, true])); // [1, 3]
 */
export function maskedSelectSync<D extends DType>(x: Tensor<D>, mask: Tensor): Tensor<D> {
  const shape = checkMask('maskedSelectSync', x, mask);
  return tidy(() => {
    const where = broadcastTo(mask, shape);
    const offsets = countOffsets(where);
    return maskedSelectOp(broadcastTo(x, shape), where, offsets, countOf(offsets).itemSync(), 0);
  }) as Tensor<D>;
}

/**
 * A copy of `x` with the elements where `mask` holds taken from `src`, one after the other. A source with too few elements
 * is ERR_ARGUMENT when the result is read.
 * @param mask - a bool tensor that broadcasts to `x`
 * @param src - of the dtype of `x`, any shape
 * @example
 * maskedScatter(zeros([4]), tensor([true, false, true, false]), tensor([7, 8, 9])); // [7, 0, 8, 0]
 */
export function maskedScatter<D extends DType>(x: Tensor<D>, mask: Tensor, src: Tensor): Tensor<D> {
  const shape = checkMask('maskedScatter', x, mask);
  requireTensor('maskedScatter', src, 'src');
  requireSameDtype('maskedScatter', x, src);
  if (!sameShape(shape, x.shape)) {
    throw shapeError(
      'maskedScatter',
      `mask ${formatShape(mask.shape)} does not broadcast to the input ${formatShape(x.shape)}`,
    );
  }
  return tidy(() => {
    const where = broadcastTo(mask, shape);
    return maskedScatterOp(x, where, countOffsets(where), src, 'enough');
  }) as Tensor<D>;
}

export { nonzero as argwhere, nonzeroSync as argwhereSync };
