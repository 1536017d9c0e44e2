// Losses of numbers against numbers. Shapes broadcast; reduction is 'mean' unless said otherwise.
import { argumentError } from '../errors.ts';
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions } from '../core/values.ts';
import { add, div, mul, sub } from './binary.ts';
import { detach } from './cast.ts';
import { gt, le, lt } from './compare.ts';
import type { LossOptions } from './loss-shared.ts';
import { reduceLoss, reductionOf, requireNumber, requireOperands } from './loss-shared.ts';
import { xlogy } from './arithmetic.ts';
import { sum } from './reduce.ts';
import { abs, exp, log, square } from './unary.ts';
import { where } from './where.ts';

/**
 * (x − target)², the squared error; shapes broadcast.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * mseLoss(tensor([1, 2]), tensor([1, 4])); // 2
 */
export function mseLoss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(mseLoss, x, target, options);
  const reduction = reductionOf('mseLoss', options);
  requireOperands('mseLoss', { input: x, target });
  return tidy(() => reduceLoss(square(sub(x, target)), reduction));
}

/**
 * |x − target|, the absolute error; shapes broadcast.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * l1Loss(tensor([1, 2]), tensor([1, 4])); // 1
 */
export function l1Loss(x: Tensor, target: Tensor, options: LossOptions = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(l1Loss, x, target, options);
  const reduction = reductionOf('l1Loss', options);
  requireOperands('l1Loss', { input: x, target });
  return tidy(() => reduceLoss(abs(sub(x, target)), reduction));
}

export interface SmoothL1Options extends LossOptions {
  /** Where the parabola ends and the line begins. */
  readonly beta?: number | undefined;
}

/**
 * d² / (2 β) for |d| < β, else |d| − β / 2, with d = x − target (Girshick 2015); shapes broadcast. β = 0 gives l1Loss.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * smoothL1Loss(tensor([0, 3]), tensor([0.5, 0]), { reduction: 'none' }); // [0.125, 2.5]
 */
export function smoothL1Loss(x: Tensor, target: Tensor, options: SmoothL1Options = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(smoothL1Loss, x, target, options);
  const reduction = reductionOf('smoothL1Loss', options);
  const { beta = 1 } = options;
  requireNumber('smoothL1Loss', 'beta', beta, 0);
  requireOperands('smoothL1Loss', { input: x, target });
  if (beta === 0) return l1Loss(x, target, { reduction });
  return tidy(() => {
    const d = sub(x, target);
    const size = abs(d);
    return reduceLoss(where(lt(size, beta), mul(square(d), 0.5 / beta), sub(size, beta / 2)), reduction);
  });
}

export interface HuberOptions extends LossOptions {
  /** Where the parabola ends and the line begins. */
  readonly delta?: number | undefined;
}

/**
 * d² / 2 for |d| ≤ δ, else δ (|d| − δ / 2), with d = x − target (Huber 1964); shapes broadcast.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * huberLoss(tensor([0, 3]), tensor([0.5, 0]), { reduction: 'none' }); // [0.125, 2.5]
 */
export function huberLoss(x: Tensor, target: Tensor, options: HuberOptions = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(huberLoss, x, target, options);
  const reduction = reductionOf('huberLoss', options);
  const { delta = 1 } = options;
  requireNumber('huberLoss', 'delta', delta, 0);
  if (delta === 0) throw argumentError('huberLoss', 'delta must be > 0, got 0');
  requireOperands('huberLoss', { input: x, target });
  return tidy(() => {
    const d = sub(x, target);
    const size = abs(d);
    return reduceLoss(where(le(size, delta), mul(square(d), 0.5), mul(sub(size, delta / 2), delta)), reduction);
  });
}

export interface KlDivOptions {
  /** 'batchmean' divides by the size of the first axis: the divergence as it is defined. */
  readonly reduction?: 'mean' | 'sum' | 'none' | 'batchmean' | undefined;
  /** Whether `target` holds log-probabilities too. */
  readonly logTarget?: boolean | undefined;
}

/**
 * target · (log target − input), the Kullback–Leibler divergence of `target` from a distribution given by its logarithm;
 * shapes broadcast. A target of 0 counts for nothing.
 * @param logProbs - log-probabilities
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * klDiv(tensor([[Math.log(0.5), Math.log(0.5)]]), tensor([[1, 0]]), { reduction: 'batchmean' }); // 0.6931
 */
export function klDiv(logProbs: Tensor, target: Tensor, options: KlDivOptions = {}): Tensor {
  if (anyHalf(logProbs, target)) return inFloat32(klDiv, logProbs, target, options);
  checkOptions('klDiv', options);
  const { reduction = 'mean', logTarget = false } = options;
  const batchMean = reduction === 'batchmean';
  const rest = reductionOf('klDiv', { reduction: batchMean ? 'sum' : reduction });
  requireOperands('klDiv', { input: logProbs, target });
  if (batchMean && logProbs.rank === 0) throw argumentError('klDiv', `'batchmean' wants a batch axis, got rank 0`);
  return tidy(() => {
    const losses = logTarget
      ? mul(exp(target), sub(target, logProbs))
      : sub(xlogy(target, target), mul(target, logProbs));
    const result = reduceLoss(losses, rest);
    return batchMean ? div(result, logProbs.shape[0] as number) : result;
  });
}

export interface PoissonNllOptions extends LossOptions {
  /** The input is the logarithm of the rate. */
  readonly logInput?: boolean | undefined;
  /** Adds Stirling's approximation of log target! for targets above 1. */
  readonly full?: boolean | undefined;
  /** Keeps log(input) finite where the input is a rate of 0. */
  readonly eps?: number | undefined;
}

/**
 * −log of the Poisson probability of `target`: e^x − target · x for x the logarithm of the rate, or x − target · log(x + ε)
 * for the rate itself; shapes broadcast.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * poissonNllLoss(tensor([0]), tensor([2])); // 1
 */
export function poissonNllLoss(x: Tensor, target: Tensor, options: PoissonNllOptions = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(poissonNllLoss, x, target, options);
  const reduction = reductionOf('poissonNllLoss', options);
  const { logInput = true, full = false, eps = 1e-8 } = options;
  requireNumber('poissonNllLoss', 'eps', eps, 0);
  requireOperands('poissonNllLoss', { input: x, target });
  return tidy(() => {
    const losses = logInput ? sub(exp(x), mul(target, x)) : sub(x, mul(target, log(add(x, eps))));
    if (!full) return reduceLoss(losses, reduction);
    // t log t − t + log(2 π t) / 2; where it does not count it is computed at 1, so that no NaN gets into gradients.
    const counts = gt(target, 1);
    const t = where(counts, target, 1);
    const stirling = add(sub(mul(t, log(t)), t), mul(log(mul(t, 2 * Math.PI)), 0.5));
    return reduceLoss(add(losses, where(counts, stirling, 0)), reduction);
  });
}

export interface GaussianNllOptions extends LossOptions {
  /** Adds log(2 π) / 2. */
  readonly full?: boolean | undefined;
  /** Smaller variances are taken for this; gradients pass as if they were not. */
  readonly eps?: number | undefined;
}

/**
 * −log of the normal density of `target` with mean x: (log v + (x − target)² / v) / 2 with v = max(variance, ε); shapes
 * broadcast (Nix and Weigend 1994).
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * gaussianNllLoss(tensor([0]), tensor([2]), tensor([1])); // 2
 */
export function gaussianNllLoss(x: Tensor, target: Tensor, variance: Tensor, options: GaussianNllOptions = {}): Tensor {
  if (anyHalf(x, target, variance)) return inFloat32(gaussianNllLoss, x, target, variance, options);
  const reduction = reductionOf('gaussianNllLoss', options);
  const { full = false, eps = 1e-6 } = options;
  requireNumber('gaussianNllLoss', 'eps', eps, 0);
  requireOperands('gaussianNllLoss', { input: x, target, variance });
  return tidy(() => {
    const own = detach(variance);
    const v = add(variance, sub(where(lt(own, eps), eps, own), own));
    const losses = mul(add(log(v), div(square(sub(x, target)), v)), 0.5);
    return reduceLoss(full ? add(losses, Math.log(2 * Math.PI) / 2) : losses, reduction);
  });
}

export interface DiceOptions extends LossOptions {
  /** Added above and below the fraction: empty masks agree. */
  readonly smooth?: number | undefined;
}

/**
 * 1 − (2 Σ p t + s) / (Σ p + Σ t + s) for each sample, the overlap of two masks (Dice 1945; as a loss Milletari et al. 2016,
 * here without squares).
 * @param probs - [N, ...] in [0, 1]
 * @param target - of the same shape
 * @returns one number, or with reduction 'none' [N]
 * @example
 * diceLoss(tensor([[1, 0]]), tensor([[1, 1]]), { smooth: 0 }); // 0.3333
 */
export function diceLoss(probs: Tensor, target: Tensor, options: DiceOptions = {}): Tensor {
  if (anyHalf(probs, target)) return inFloat32(diceLoss, probs, target, options);
  const reduction = reductionOf('diceLoss', options);
  const { smooth = 1 } = options;
  requireNumber('diceLoss', 'smooth', smooth, 0);
  requireOperands('diceLoss', { probs, target });
  if (probs.rank === 0) throw argumentError('diceLoss', 'wants a batch axis, got rank 0');
  return tidy(() => {
    const axis = probs.shape.map((_, i) => i).slice(1);
    const total = (t: Tensor): Tensor => (axis.length === 0 ? t : sum(t, { axis }));
    const overlap = add(mul(total(mul(probs, target)), 2), smooth);
    const size = add(add(total(probs), total(target)), smooth);
    return reduceLoss(sub(1, div(overlap, size)), reduction);
  });
}
