import { argumentError, shapeError } from '../errors.ts';
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { add, div, mul } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ne } from './compare.ts';
import { arange } from './creation.ts';
import { index } from './index-select.ts';
import { classRows, countRows, crossEntropyRows, meanCrossEntropyRows, reduceRows } from './loss-rows.ts';
import type { LossOptions, Reduction } from './loss-shared.ts';
import { reduceLoss, reductionOf, requireOperands, requireShape } from './loss-shared.ts';
import { sum, sumOver } from './reduce.ts';
import { requireTensor } from './shared.ts';
import { logSoftmax, logSoftmaxRows } from './softmax.ts';
import { neg } from './unary.ts';
import { reshape, unsqueeze } from './view.ts';
import { where } from './where.ts';

export interface ClassLossOptions extends LossOptions {
  /** One factor for each class, [C]: a row counts by its label's, in the mean too. */
  readonly weight?: Tensor | null | undefined;
  /** Rows with this label count for nothing: loss 0, gradient 0, not part of the mean. */
  readonly ignoreIndex?: number | undefined;
}

export interface CrossEntropyOptions extends ClassLossOptions {
  /** Share of the target spread evenly over all classes. */
  readonly labelSmoothing?: number | undefined;
}

function checkWeight(op: string, weight: Tensor | null | undefined, scores: Tensor): void {
  if (weight == null) return;
  requireOperands(op, { scores, weight }, ['weight']);
  requireShape(op, 'weight', weight, [scores.shape[scores.rank === 1 ? 0 : 1] as number]);
}

function checkIgnore(op: string, ignoreIndex: number): void {
  if (!Number.isSafeInteger(ignoreIndex))
    throw argumentError(op, `ignoreIndex must be an integer, got ${formatValue(ignoreIndex)}`);
}

/**
 * −log softmax(logits)[label], the loss of classification; or −Σ p log softmax(logits) for probabilities p. A label outside
 * [0, C) that is not ignoreIndex is ERR_INDEX when the result is read.
 * @param logits - [N, C, ...] (or [C])
 * @param target - labels [N, ...] int32, int64 or uint8; or probabilities in the shape and dtype of the logits
 * @returns one number, or with reduction 'none' the shape of labels
 * @example
 * crossEntropy(tensor([[0, 0]]), tensor([1], { dtype: 'int32' })); // 0.6931
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  if (anyHalf(logits)) return inFloat32(crossEntropy, logits, target, options);
  const reduction = reductionOf('crossEntropy', options);
  const { labelSmoothing = 0, ignoreIndex = -100, weight } = options;
  checkIgnore('crossEntropy', ignoreIndex);
  if (typeof labelSmoothing !== 'number' || !(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw argumentError('crossEntropy', `labelSmoothing must be in [0, 1], got ${formatValue(labelSmoothing)}`);
  }
  requireTensor('crossEntropy', logits, 'scores');
  requireTensor('crossEntropy', target, 'labels');
  // Floats in the shape of labels are a mistake in the dtype, which classRows names.
  if (isFloat(target.dtype) && target.rank === logits.rank)
    return tidy(() => probabilityEntropy(logits, target, reduction, labelSmoothing, weight));
  return tidy(() => {
    const { rows, flat } = classRows('crossEntropy', logits, target);
    checkWeight('crossEntropy', weight, logits);
    if (weight == null && labelSmoothing === 0 && reduction === 'mean')
      return meanCrossEntropyRows(rows, flat, ignoreIndex);
    const sharp = crossEntropyRows(rows, flat, ignoreIndex);
    const counted = countRows(flat, ignoreIndex, weight, rows);
    const weighted = weight == null ? sharp : mul(sharp, counted.factor as Tensor);
    if (labelSmoothing === 0) return reduceRows(weighted, counted, target, reduction);
    const logs = logSoftmaxRows(rows);
    const even = div(sumOver(weight == null ? logs : mul(logs, weight), [1], false), -(rows.shape[1] as number));
    const spread = counted.factor === null ? even : mul(even, castTo(ne(flat, ignoreIndex), rows.dtype));
    return reduceRows(add(mul(weighted, 1 - labelSmoothing), mul(spread, labelSmoothing)), counted, target, reduction);
  });
}

function probabilityEntropy(
  logits: Tensor,
  target: Tensor,
  reduction: Reduction,
  labelSmoothing: number,
  weight: Tensor | null | undefined,
): Tensor {
  requireOperands('crossEntropy', { logits, target });
  requireShape('crossEntropy', 'probabilities', target, logits.shape);
  if (logits.rank === 0) throw shapeError('crossEntropy', 'scores must be [N, C, ...] or [C], got rank 0');
  checkWeight('crossEntropy', weight, logits);
  const axis = logits.rank === 1 ? 0 : 1;
  const classes = logits.shape[axis] as number;
  const smooth = labelSmoothing === 0 ? target : add(mul(target, 1 - labelSmoothing), labelSmoothing / classes);
  const logs = logSoftmax(logits, axis);
  const column = logits.shape.map((size, i) => (i === axis ? size : 1));
  const weighted = weight == null ? logs : mul(logs, reshape(weight, column));
  const losses = neg(sum(mul(smooth, weighted), { axis }));
  return reduceLoss(losses, reduction);
}

/**
 * −logProbs[label]: crossEntropy for scores that are log-probabilities already.
 * @param logProbs - [N, C, ...] (or [C])
 * @param labels - [N, ...] int32, int64 or uint8
 * @returns one number, or with reduction 'none' the shape of labels
 * @example
 * nllLoss(tensor([[-1, -2]]), tensor([1], { dtype: 'int32' })); // 2
 */
export function nllLoss(logProbs: Tensor, labels: Tensor, options: ClassLossOptions = {}): Tensor {
  if (anyHalf(logProbs)) return inFloat32(nllLoss, logProbs, labels, options);
  const reduction = reductionOf('nllLoss', options);
  const { ignoreIndex = -100, weight } = options;
  checkIgnore('nllLoss', ignoreIndex);
  return tidy(() => {
    const { rows, flat } = classRows('nllLoss', logProbs, labels);
    checkWeight('nllLoss', weight, logProbs);
    const counted = countRows(flat, ignoreIndex, weight, rows);
    const classes = arange(rows.shape[1] as number, { dtype: 'int32', device: rows.device });
    // Reading the class numbers at the labels checks their range; ignored rows read class 0.
    const safe = counted.counted === null ? flat : where(counted.counted, flat, 0);
    const chosen = eq(unsqueeze(index(classes, safe), 1), classes);
    const picked = neg(sumOver(where(chosen, rows, 0), [1], false));
    // where, not a product: an ignored row may hold anything.
    const kept = counted.factor === null ? picked : where(ne(flat, ignoreIndex), picked, 0);
    const losses = weight == null ? kept : mul(kept, counted.factor as Tensor);
    return reduceRows(losses, counted, labels, reduction);
  });
}
