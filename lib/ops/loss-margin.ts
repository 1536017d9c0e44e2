// Losses that ask for a margin between scores, distances or similarities.
import { argumentError, shapeError } from '../errors.ts';
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkFunction } from '../core/values.ts';
import { add, div, minimum, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ge, gt, ne } from './compare.ts';
import { arange, zerosLike } from './creation.ts';
import { pairwiseDistance } from './distance.ts';
import { gather, scatterAdd } from './gather.ts';
import { index } from './index-select.ts';
import type { LossOptions } from './loss-shared.ts';
import { reduceLoss, reductionOf, requireNumber, requireOperands, requireShape } from './loss-shared.ts';
import { norm } from './vector-norm.ts';
import { sum } from './reduce.ts';
import { cumprod } from './scan.ts';
import { requireIntegers, requireTensor } from './shared.ts';
import { relu, sqrt, square } from './unary.ts';
import { reshape, unsqueeze } from './view.ts';
import { where } from './where.ts';

export interface MarginOptions extends LossOptions {
  readonly margin?: number | undefined;
}

/**
 * x for targets of 1, max(0, margin − x) for targets of −1, where x is a distance; shapes broadcast.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * hingeEmbeddingLoss(tensor([0.5, 0.25]), tensor([1, -1]), { reduction: 'none' }); // [0.5, 0.75]
 */
export function hingeEmbeddingLoss(x: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  if (anyHalf(x, target)) return inFloat32(hingeEmbeddingLoss, x, target, options);
  const reduction = reductionOf('hingeEmbeddingLoss', options);
  const { margin = 1 } = options;
  requireNumber('hingeEmbeddingLoss', 'margin', margin);
  requireOperands('hingeEmbeddingLoss', { input: x, target });
  return tidy(() => {
    const apart = where(ne(target, 1), relu(sub(margin, x)), 0);
    return reduceLoss(add(apart, where(ne(target, -1), x, 0)), reduction);
  });
}

/**
 * max(0, −t (a − b) + margin): for t = 1 the first score should be the larger, for −1 the second; shapes broadcast.
 * @returns one number, or with reduction 'none' the broadcast shape
 * @example
 * marginRankingLoss(tensor([1]), tensor([3]), tensor([1])); // 2
 */
export function marginRankingLoss(a: Tensor, b: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  if (anyHalf(a, b, target)) return inFloat32(marginRankingLoss, a, b, target, options);
  const reduction = reductionOf('marginRankingLoss', options);
  const { margin = 0 } = options;
  requireNumber('marginRankingLoss', 'margin', margin);
  requireOperands('marginRankingLoss', { a, b, target });
  return tidy(() => reduceLoss(relu(add(mul(target, sub(b, a)), margin)), reduction));
}

export interface MultiMarginOptions extends MarginOptions {
  /** 1 or 2: the power of each term. */
  readonly p?: 1 | 2 | undefined;
  /** One factor for each class, applied by label: [C]. */
  readonly weight?: Tensor | null | undefined;
}

/**
 * Σ over the other classes j of max(0, margin − x[label] + x[j])^p, divided by C (Crammer and Singer 2001).
 * @param x - scores [N, C]
 * @param labels - [N] int32, int64 or uint8; one outside [0, C) is ERR_INDEX when the result is read
 * @returns one number, or with reduction 'none' [N]
 * @example
 * multiMarginLoss(tensor([[0, 1]]), tensor([0], { dtype: 'int32' })); // 1
 */
export function multiMarginLoss(x: Tensor, labels: Tensor, options: MultiMarginOptions = {}): Tensor {
  if (anyHalf(x)) return inFloat32(multiMarginLoss, x, labels, options);
  const reduction = reductionOf('multiMarginLoss', options);
  const { margin = 1, p = 1, weight } = options;
  requireNumber('multiMarginLoss', 'margin', margin);
  if (p !== 1 && p !== 2) throw argumentError('multiMarginLoss', `p must be 1 or 2, got ${String(p)}`);
  requireOperands('multiMarginLoss', { scores: x, weight }, ['weight']);
  requireTensor('multiMarginLoss', labels, 'labels');
  requireIntegers('multiMarginLoss', labels, 'labels');
  if (x.rank !== 2) throw shapeError('multiMarginLoss', `scores must be [N, C], got ${formatShape(x.shape)}`);
  const [count, classes] = x.shape as readonly [number, number];
  requireShape('multiMarginLoss', 'labels', labels, [count]);
  if (weight != null) requireShape('multiMarginLoss', 'weight', weight, [classes]);
  return tidy(() => {
    const numbers = arange(classes, { dtype: 'int32', device: x.device });
    // Reading the class numbers at the labels checks their range.
    const chosen = eq(unsqueeze(index(numbers, labels), 1), numbers);
    const own = sum(where(chosen, x, 0), { axis: 1, keepdim: true });
    const short = relu(add(sub(x, own), margin));
    const terms = where(chosen, 0, p === 1 ? short : square(short));
    const losses = div(sum(terms, { axis: 1 }), classes);
    return reduceLoss(weight == null ? losses : mul(losses, index(weight, labels)), reduction);
  });
}

export interface TripletOptions extends MarginOptions {
  /** The norm distances are measured in. */
  readonly p?: number | undefined;
  /** Added to each difference, so that the distance has a gradient at 0. */
  readonly eps?: number | undefined;
  /** Use the distance of positive and negative where it is smaller than the anchor's (Balntas et al. 2016). */
  readonly swap?: boolean | undefined;
}

/**
 * max(0, d(anchor, positive) − d(anchor, negative) + margin) with d(a, b) = ‖a − b + ε‖_p over the last axis (Schroff et al.
 * 2015, arXiv:1503.03832); shapes broadcast.
 * @param anchor - [..., D], as the other two
 * @returns one number, or with reduction 'none' [...]
 * @example
 * tripletMarginLoss(tensor([[0, 0]]), tensor([[1, 0]]), tensor([[0, 3]])); // 0
 */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletOptions = {},
): Tensor {
  if (anyHalf(anchor, positive, negative)) return inFloat32(tripletMarginLoss, anchor, positive, negative, options);
  const reduction = reductionOf('tripletMarginLoss', options);
  const { margin = 1, p = 2, eps = 1e-6, swap = false } = options;
  requireNumber('tripletMarginLoss', 'margin', margin);
  requireNumber('tripletMarginLoss', 'eps', eps, 0);
  requireNumber('tripletMarginLoss', 'p', p, 0);
  requireOperands('tripletMarginLoss', { anchor, positive, negative });
  if (anchor.rank === 0) throw shapeError('tripletMarginLoss', 'anchor must be [..., D], got rank 0');
  return tidy(() => {
    const distance = (a: Tensor, b: Tensor): Tensor => norm(add(sub(a, b), eps), { p, axis: -1 });
    const near = distance(anchor, positive);
    const far = distance(anchor, negative);
    const apart = swap ? minimum(far, distance(positive, negative)) : far;
    return reduceLoss(relu(add(sub(near, apart), margin)), reduction);
  });
}

export interface TripletDistanceOptions extends MarginOptions {
  /** Distance of two tensors, element by element of what the losses are to be; the 2-norm over the last axis when omitted. */
  readonly distance?: ((a: Tensor, b: Tensor) => Tensor) | null | undefined;
  /** Use the distance of positive and negative where it is smaller than the anchor's. */
  readonly swap?: boolean | undefined;
}

/**
 * `tripletMarginLoss` with a distance of one's own: max(0, d(anchor, positive) − d(anchor, negative) + margin).
 * @returns one number, or with reduction 'none' the shape of the distances
 * @example
 * const distance = (a, b) => sub(1, cosineSimilarity(a, b));
 * tripletMarginWithDistanceLoss(tensor([[1, 0]]), tensor([[1, 0]]), tensor([[0, 1]]), { distance }); // 0
 */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  options: TripletDistanceOptions = {},
): Tensor {
  const op = 'tripletMarginWithDistanceLoss';
  const reduction = reductionOf(op, options);
  const { margin = 1, swap = false } = options;
  const distance = options.distance ?? ((a: Tensor, b: Tensor) => pairwiseDistance(a, b));
  requireNumber(op, 'margin', margin, 0);
  checkFunction(op, 'distance', distance);
  requireOperands(op, { anchor, positive, negative });
  return tidy(() => {
    const between = (a: Tensor, b: Tensor): Tensor => {
      const d = distance(a, b);
      requireTensor(op, d, 'what distance returns');
      return d;
    };
    const near = between(anchor, positive);
    const far = between(anchor, negative);
    const apart = swap ? minimum(far, between(positive, negative)) : far;
    return reduceLoss(relu(add(sub(near, apart), margin)), reduction);
  });
}

/**
 * Σ over the labels y of a row and the other classes i of max(0, 1 − (x[y] − x[i])), divided by C.
 * @param x - scores [N, C] or [C]
 * @param labels - int32, int64 or uint8 of that shape: each row's classes, ended by -1; one of C or more is ERR_INDEX when
 * the result is read
 * @returns one number, or with reduction 'none' [N]
 * @example
 * multilabelMarginLoss(tensor([[0.1, 0.2, 0.4, 0.8]]), tensor([[3, 0, -1, 1]], { dtype: 'int32' })); // 0.85
 */
export function multilabelMarginLoss(x: Tensor, labels: Tensor, options: LossOptions = {}): Tensor {
  if (anyHalf(x)) return inFloat32(multilabelMarginLoss, x, labels, options);
  const op = 'multilabelMarginLoss';
  const reduction = reductionOf(op, options);
  requireOperands(op, { scores: x });
  requireTensor(op, labels, 'labels');
  requireIntegers(op, labels, 'labels');
  checkArguments(op, [x, labels]);
  if (x.rank !== 1 && x.rank !== 2) throw shapeError(op, `scores must be [N, C] or [C], got ${formatShape(x.shape)}`);
  requireShape(op, 'labels', labels, x.shape);
  return tidy(() => {
    const classes = x.shape.at(-1) as number;
    const scores = reshape(x, [x.size / Math.max(classes, 1), classes]);
    const given = reshape(labels, scores.shape);
    // Labels count up to the first that is negative.
    const valid = cumprod(ge(given, 0), 1);
    const own = mul(castTo(given, 'int64'), valid);
    const counted = castTo(valid, x.dtype);
    const isLabel = gt(scatterAdd(zerosLike(scores), 1, own, counted), 0);
    const short = relu(add(sub(unsqueeze(scores, 1), unsqueeze(gather(scores, 1, own), 2)), 1));
    const terms = mul(where(unsqueeze(isLabel, 1), 0, short), unsqueeze(counted, 2));
    const losses = div(sum(terms, { axis: [1, 2] }), Math.max(classes, 1));
    return reduceLoss(x.rank === 1 ? reshape(losses, []) : losses, reduction);
  });
}

/**
 * 1 − cos(a, b) for targets of 1, max(0, cos(a, b) − margin) for targets of −1, with the cosine of the angle over the last
 * axis.
 * @param a - [N, D] or [D], as `b`
 * @param target - [N], or rank 0
 * @returns one number, or with reduction 'none' the shape of target
 * @example
 * cosineEmbeddingLoss(tensor([[1, 0]]), tensor([[0, 1]]), tensor([1])); // 1
 */
export function cosineEmbeddingLoss(a: Tensor, b: Tensor, target: Tensor, options: MarginOptions = {}): Tensor {
  if (anyHalf(a, b, target)) return inFloat32(cosineEmbeddingLoss, a, b, target, options);
  const reduction = reductionOf('cosineEmbeddingLoss', options);
  const { margin = 0 } = options;
  requireNumber('cosineEmbeddingLoss', 'margin', margin);
  requireOperands('cosineEmbeddingLoss', { a, b });
  requireTensor('cosineEmbeddingLoss', target, 'target');
  if (a.rank !== 1 && a.rank !== 2) {
    throw shapeError('cosineEmbeddingLoss', `inputs must be [N, D] or [D], got ${formatShape(a.shape)}`);
  }
  requireShape('cosineEmbeddingLoss', 'b', b, a.shape);
  requireShape('cosineEmbeddingLoss', 'target', target, a.shape.slice(0, -1));
  return tidy(() => {
    const axis = a.rank - 1;
    const tiny = 1e-12; // PyTorch's; keeps the root away from 0
    const dot = sum(mul(a, b), { axis });
    const size = mul(add(sum(square(a), { axis }), tiny), add(sum(square(b), { axis }), tiny));
    const cosine = div(dot, sqrt(size));
    const sign = castTo(target, a.dtype);
    const together = where(eq(sign, 1), sub(1, cosine), 0);
    return reduceLoss(add(together, where(eq(sign, -1), relu(sub(cosine, margin)), 0)), reduction);
  });
}
