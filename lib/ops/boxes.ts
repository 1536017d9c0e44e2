// Boxes [x1, y1, x2, y2].
import { computeDtype } from '../core/dtype.ts';
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { emptyTensor, queueOf } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, maximum, minimum, mul, sub } from './binary.ts';
import { castTo, clone } from './cast.ts';
import type { FixedSize } from './counted.ts';
import { checkSize, whenCounted } from './counted.ts';
import { requireFloat, requireSameDtype, requireTensor } from './shared.ts';
import { relu } from './unary.ts';
import { narrow, select, unsqueeze } from './view.ts';

function checkBoxes(op: string, boxes: Tensor, name: string): void {
  requireTensor(op, boxes, name);
  requireFloat(op, boxes, name);
  if (boxes.rank !== 2 || boxes.shape[1] !== 4)
    throw shapeError(op, `${name} must be [N, 4], got ${formatShape(boxes.shape)}`);
}

/**
 * How much boxes overlap: intersection over union of every pair.
 * @param a - [N, 4] of x1, y1, x2, y2
 * @param b - [M, 4]
 * @returns [N, M]
 * @example
 * boxIou(tensor([[0, 0, 2, 2]]), tensor([[0, 0, 2, 1], [4, 4, 5, 5]])); // [[0.5, 0]]
 */
export function boxIou(a: Tensor, b: Tensor): Tensor {
  checkBoxes('boxIou', a, 'a');
  checkBoxes('boxIou', b, 'b');
  checkArguments('boxIou', [a, b]);
  requireSameDtype('boxIou', a, b);
  return tidy(() => {
    const corners = (t: Tensor, at: number): Tensor => narrow(t, 1, at, 2);
    const area = (t: Tensor): Tensor => {
      const sides = sub(corners(t, 2), corners(t, 0));
      return mul(select(sides, 1, 0), select(sides, 1, 1));
    };
    const low = maximum(unsqueeze(corners(a, 0), 1), corners(b, 0));
    const high = minimum(unsqueeze(corners(a, 2), 1), corners(b, 2));
    const sides = relu(sub(high, low));
    const shared = mul(select(sides, 2, 0), select(sides, 2, 1));
    return div(shared, sub(add(unsqueeze(area(a), 1), area(b)), shared));
  });
}

function checkNms(op: string, boxes: Tensor, scores: Tensor, threshold: number): number {
  checkBoxes(op, boxes, 'boxes');
  requireTensor(op, scores, 'scores');
  checkArguments(op, [boxes, scores]);
  requireSameDtype(op, boxes, scores);
  const n = boxes.shape[0] as number;
  if (scores.rank !== 1 || scores.shape[0] !== n)
    throw shapeError(op, `scores must be [${n}], got ${formatShape(scores.shape)}`);
  if (typeof threshold !== 'number' || Number.isNaN(threshold))
    throw argumentError(op, `iouThreshold must be a number, got ${formatValue(threshold)}`);
  if (n >= 2 ** 31) throw shapeError(op, `wants fewer than 2^31 boxes, got ${n}`);
  return n;
}

function suppress(
  boxes: Tensor,
  scores: Tensor,
  threshold: number,
  size: number,
  fill: number,
): [Tensor<'int32'>, Tensor] {
  const queue = queueOf(boxes);
  const kept = emptyTensor([size], 'int32', queue);
  const count = emptyTensor([], 'int32', queue);
  const wide = (t: Tensor): Tensor => castTo(t.detach(), computeDtype[t.dtype]);
  kernels.nms(kept, count, wide(boxes), wide(scores), threshold, fill);
  return [kept, count];
}

/**
 * Greedy non-maximum suppression: the indices of the boxes to keep, by falling score, int32. A box goes when one kept before
 * overlaps it by more than `iouThreshold` (intersection over union). How many stay is a value: a promise, unless `size` is given.
 * @param boxes - [N, 4] of x1, y1, x2, y2
 * @param scores - [N]; of equal ones the first wins
 * @param options - `{ size, fill }`: exactly `size` indices, those beyond the count `fill`
 * @example
 * await nms(tensor([[0, 0, 2, 2], [0, 0, 2, 1.9], [5, 5, 6, 6]]), tensor([0.8, 0.9, 0.1]), 0.5); // [1, 2]
 */
export function nms(boxes: Tensor, scores: Tensor, iouThreshold: number): Promise<Tensor<'int32'>>;
export function nms(boxes: Tensor, scores: Tensor, iouThreshold: number, options: FixedSize): Tensor<'int32'>;
export function nms(
  boxes: Tensor,
  scores: Tensor,
  iouThreshold: number,
  options?: FixedSize,
): Promise<Tensor> | Tensor<'int32'> {
  const n = checkNms('nms', boxes, scores, iouThreshold);
  if (options !== undefined) {
    const { size, fill } = checkSize('nms', options);
    if (!Number.isInteger(fill) || Math.abs(fill) >= 2 ** 31)
      throw argumentError('nms', `fill must be an int32, got ${formatValue(fill)}`);
    return tidy(() => suppress(boxes, scores, iouThreshold, size, fill)[0]);
  }
  return tidy(() => {
    const [kept, count] = suppress(boxes, scores, iouThreshold, n, -1);
    return whenCounted(count, [kept], (length) => tidy(() => clone(narrow(kept, 0, 0, length))));
  });
}

/**
 * `nms` that blocks the event loop until the device has counted.
 * @example
 * nmsSync(tensor([[0, 0, 1, 1], [5, 5, 6, 6]]), tensor([0.1, 0.2]), 0.5); // [1, 0]
 */
export function nmsSync(boxes: Tensor, scores: Tensor, iouThreshold: number): Tensor<'int32'> {
  const n = checkNms('nmsSync', boxes, scores, iouThreshold);
  return tidy(() => {
    const [kept, count] = suppress(boxes, scores, iouThreshold, n, -1);
    return clone(narrow(kept, 0, 0, count.itemSync()));
  });
}
