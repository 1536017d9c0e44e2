// Losses of yes-or-no targets. Shapes broadcast; reduction is 'mean' unless said otherwise.
import { argumentError, shapeError } from '../errors.ts';
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { logaddexp } from './arithmetic.ts';
import { add, mul, pow, sub } from './binary.ts';
import type { LossOptions } from './loss-shared.ts';
import { reduceLoss, reductionOf, requireNumber, requireOperands } from './loss-shared.ts';
import { mean } from './reduce.ts';
import { clampMin } from './ternary.ts';
import { log1p } from './exponential.ts';
import { log, neg, sigmoid } from './unary.ts';

export interface BinaryLossOptions extends LossOptions {
  /** Factors of the losses; broadcasts against them. */
  readonly weight?: Tensor | null | undefined;
}

/**
 * −(t log p + (1 − t) log(1 − p)); logarithms are cut at −100, so that a sure mistake costs 100. For scores that are no
 * probabilities yet, binaryCrossEntropyWithLogits is exact where this is not.
 * @param probs - in [0, 1]
 * @param target - in [0, 1]
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * binaryCrossEntropy(tensor([0.5]), tensor([1])); // 0.6931
 */
export function binaryCrossEntropy(probs: Tensor, target: Tensor, options: BinaryLossOptions = {}): Tensor {
  if (anyHalf(probs, target)) return inFloat32(binaryCrossEntropy, probs, target, options);
  const reduction = reductionOf('binaryCrossEntropy', options);
  const { weight } = options;
  requireOperands('binaryCrossEntropy', { probs, target, weight }, ['weight']);
  return tidy(() => {
    const yes = mul(target, clampMin(log(probs), -100));
    const no = mul(sub(1, target), clampMin(log1p(neg(probs)), -100));
    const losses = neg(add(yes, no));
    return reduceLoss(weight == null ? losses : mul(losses, weight), reduction);
  });
}

export interface LogitsLossOptions extends BinaryLossOptions {
  /** Factor of the loss of positive targets, one for each class; broadcasts against the target. */
  readonly posWeight?: Tensor | null | undefined;
}

/**
 * binaryCrossEntropy of sigmoid(x), computed without the sigmoid: (1 − t) x + (1 + (w − 1) t) log(1 + e^−x), finite for
 * every x.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * binaryCrossEntropyWithLogits(tensor([0]), tensor([1])); // 0.6931
 */
export function binaryCrossEntropyWithLogits(x: Tensor, target: Tensor, options: LogitsLossOptions = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(binaryCrossEntropyWithLogits, x, target, options);
  const reduction = reductionOf('binaryCrossEntropyWithLogits', options);
  const { weight, posWeight } = options;
  requireOperands('binaryCrossEntropyWithLogits', { logits: x, target, weight, posWeight }, ['weight', 'posWeight']);
  return tidy(() => {
    const surprise = logaddexp(neg(x), 0);
    const scaled = posWeight == null ? surprise : mul(surprise, add(mul(sub(posWeight, 1), target), 1));
    const losses = add(mul(sub(1, target), x), scaled);
    return reduceLoss(weight == null ? losses : mul(losses, weight), reduction);
  });
}

export interface FocalOptions extends LossOptions {
  /** Share of the positive class; negative: no weighting. */
  readonly alpha?: number | undefined;
  /** How much easy examples are played down. */
  readonly gamma?: number | undefined;
}

/**
 * α_t (1 − p_t)^γ times the binary cross-entropy of sigmoid(x), where p_t is the probability given to the truth (Lin et al.
 * 2017, arXiv:1708.02002).
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * focalLoss(tensor([0]), tensor([1])); // 0.0433
 */
export function focalLoss(x: Tensor, target: Tensor, options: FocalOptions = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(focalLoss, x, target, options);
  const reduction = reductionOf('focalLoss', options);
  const { alpha = 0.25, gamma = 2 } = options;
  requireNumber('focalLoss', 'gamma', gamma, 0);
  requireNumber('focalLoss', 'alpha', alpha);
  if (alpha > 1) throw argumentError('focalLoss', `alpha must be at most 1, got ${formatValue(alpha)}`);
  requireOperands('focalLoss', { logits: x, target });
  return tidy(() => {
    const surprise = add(mul(sub(1, target), x), logaddexp(neg(x), 0));
    const p = sigmoid(x);
    // 1 − p_t = p + t − 2 p t: the probability given to the wrong answer.
    const wrong = sub(add(p, target), mul(mul(p, target), 2));
    const losses = mul(surprise, pow(wrong, gamma));
    const weighted = alpha < 0 ? losses : mul(losses, add(mul(target, 2 * alpha - 1), 1 - alpha));
    return reduceLoss(weighted, reduction);
  });
}

/**
 * log(1 + e^(−t x)) for targets of −1 and 1; shapes broadcast.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * softMarginLoss(tensor([0]), tensor([1])); // 0.6931
 */
export function softMarginLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(softMarginLoss, x, target, options);
  const reduction = reductionOf('softMarginLoss', options);
  requireOperands('softMarginLoss', { input: x, target });
  return tidy(() => reduceLoss(logaddexp(neg(mul(target, x)), 0), reduction));
}

/**
 * The mean over classes of binaryCrossEntropyWithLogits: each class is a question of its own.
 * @param x - [N, C] or [C]
 * @param target - of the same shape, in [0, 1]
 * @returns one number, or with reduction 'none' [N] (rank 0 for [C])
 * @example
 * multilabelSoftMarginLoss(tensor([[0, 0]]), tensor([[1, 0]])); // 0.6931
 */
export function multilabelSoftMarginLoss(x: Tensor, target: Tensor, options: BinaryLossOptions = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(multilabelSoftMarginLoss, x, target, options);
  const reduction = reductionOf('multilabelSoftMarginLoss', options);
  const { weight } = options;
  requireOperands('multilabelSoftMarginLoss', { logits: x, target, weight }, ['weight']);
  if (x.rank === 0) throw shapeError('multilabelSoftMarginLoss', `input must be [..., C], got ${formatShape(x.shape)}`);
  return tidy(() => {
    const each = binaryCrossEntropyWithLogits(x, target, { weight, reduction: 'none' });
    return reduceLoss(mean(each, { axis: -1 }), reduction);
  });
}
