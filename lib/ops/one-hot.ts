import { argumentError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { DType } from '../core/dtype.ts';
import { checkDtype } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { checkedNumel } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkLive } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { whenCounted } from './counted.ts';
import { amax } from './reduce.ts';
import { requireIntegers, requireTensor } from './shared.ts';

const oneHotOp = defineOp({
  name: 'oneHot',
  infer: (labels: Spec, classes: number, dtype: DType): Spec => ({ shape: [...labels.shape, classes], dtype }),
  forward: (ctx, labels) => kernels.oneHot(ctx.out, labels),
});

export interface OneHotOptions<D extends DType = DType> {
  /** Of the result; int64 by default. */
  readonly dtype?: D | undefined;
}

function checkLabels(op: string, labels: Tensor, options: OneHotOptions): DType {
  requireTensor(op, labels, 'labels');
  checkLive(op, labels);
  requireIntegers(op, labels, 'labels');
  checkOptions(op, options);
  return options.dtype === undefined ? 'int64' : checkDtype(op, options.dtype);
}

function hot(labels: Tensor, classes: number, dtype: DType): Tensor {
  if (!Number.isSafeInteger(classes) || classes < 1) {
    throw argumentError('oneHot', `numClasses must be an integer ≥ 1, got ${formatValue(classes)}`);
  }
  checkedNumel('oneHot', [...labels.shape, classes]);
  return oneHotOp(labels, classes, dtype);
}

function largest(labels: Tensor): Tensor {
  if (labels.size === 0) throw argumentError('oneHot', 'numClasses must be given for empty labels');
  return tidy(() => amax(labels));
}

/**
 * 1 at the position of each label along a new last axis, 0 elsewhere. Without `numClasses` it is the largest label + 1, which
 * has to be waited for: the result is a Promise. A label outside of [0, numClasses) is ERR_INDEX when the result is read.
 * @returns shape of `labels` with numClasses at the end, int64 unless `dtype` says otherwise
 * @example
 * oneHot(tensor([0, 2], { dtype: 'int32' }), 3); // [[1, 0, 0], [0, 0, 1]]
 */
export function oneHot<D extends DType = 'int64'>(
  labels: Tensor,
  numClasses: number,
  options?: OneHotOptions<D>,
): Tensor<D>;
export function oneHot<D extends DType = 'int64'>(
  labels: Tensor,
  numClasses?: undefined,
  options?: OneHotOptions<D>,
): Promise<Tensor<D>>;
export function oneHot(labels: Tensor, numClasses?: number, options: OneHotOptions = {}): Tensor | Promise<Tensor> {
  const dtype = checkLabels('oneHot', labels, options);
  if (numClasses !== undefined) return hot(labels, numClasses, dtype);
  const most = largest(labels);
  // What the caller does with the labels meanwhile must not matter.
  const held = labels.detach();
  return whenCounted(most, [held], (value) => hot(held, Math.max(0, value) + 1, dtype));
}

/**
 * `oneHot` with as many classes as the largest label asks for; blocks the event loop until that is known.
 * @returns shape of `labels` with the classes at the end, int64 unless `dtype` says otherwise
 * @example
 * oneHotSync(tensor([0, 2], { dtype: 'int32' })); // [[1, 0, 0], [0, 0, 1]]
 */
export function oneHotSync<D extends DType = 'int64'>(labels: Tensor, options: OneHotOptions<D> = {}): Tensor<D> {
  const dtype = checkLabels('oneHotSync', labels, options);
  const most = largest(labels);
  const value = most.itemSync();
  most.dispose();
  return hot(labels, Math.max(0, value) + 1, dtype) as Tensor<D>;
}
