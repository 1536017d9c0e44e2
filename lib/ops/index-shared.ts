// Checks that the ops on indices share.
import { shapeError } from '../errors.ts';
import { formatShape, normalizeAxis, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { requireIntegers, requireTensor } from './shared.ts';
import { sliceOp } from './view.ts';

/** Checks the axis and that `index` has the rank of `x` and is no larger but along the axis; gives the axis from the front. */
export function checkIndex(op: string, x: Tensor, axis: number, index: Tensor): number {
  requireTensor(op, x);
  requireTensor(op, index, 'index');
  requireIntegers(op, index, 'index');
  const at = normalizeAxis(op, axis, x.rank);
  if (index.rank !== x.rank) {
    throw shapeError(
      op,
      `index must have as many axes as the input, got ${formatShape(index.shape)} for ${formatShape(x.shape)}`,
    );
  }
  for (let i = 0; i < x.rank; i++) {
    if (i !== at && (index.shape[i] as number) > (x.shape[i] as number)) {
      throw shapeError(
        op,
        `index ${formatShape(index.shape)} is larger than the input ${formatShape(x.shape)} at axis ${i}`,
      );
    }
  }
  return at;
}

/** The part of `src` that scatter reads: as large as `index`. */
export function fitSource(op: string, src: Tensor, index: Tensor): Tensor {
  if (sameShape(src.shape, index.shape)) return src;
  if (src.rank !== index.rank || index.shape.some((size, i) => size > (src.shape[i] as number))) {
    throw shapeError(op, `index ${formatShape(index.shape)} must fit into src ${formatShape(src.shape)}`);
  }
  const zero = index.shape.map(() => 0);
  return sliceOp(
    src,
    zero,
    index.shape,
    zero.map(() => 1),
  );
}
