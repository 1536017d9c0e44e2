// How variables vary together, and how often values fall into bins.
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { argumentError, shapeError } from '../errors.ts';
import { checkArguments } from '../autograd/define-op.ts';
import { tensor } from '../core/create.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { emptyTensor, queueOf, Tensor } from '../core/tensor.ts';
import { checkNumber, checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul, sub } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ge, le } from './compare.ts';
import { ones, zeros } from './creation.ts';
import { diagonal } from './diagonal.ts';
import { aminmax } from './extreme.ts';
import { stack } from './join.ts';
import { linspace } from './sequences.ts';
import { logicalAnd } from './logic.ts';
import { matmul } from './matmul.ts';
import { sum } from './reduce.ts';
import { searchsorted } from './search.ts';
import { floatOf, requireFloat, requireIntegers, requireTensor } from './shared.ts';
import { clamp, clampMin } from './ternary.ts';
import { sqrt } from './unary.ts';
import { expand, narrow, reshape, transpose, unsqueeze } from './view.ts';
import { where } from './where.ts';

export interface CovOptions {
  /** The sum of weights less this divides; 1 when omitted. */
  readonly correction?: number | undefined;
  /** How often each observation counts: integers, [observations]. */
  readonly fweights?: Tensor | undefined;
  /** How much each observation weighs: [observations]. */
  readonly aweights?: Tensor | undefined;
}

function requireVariables(op: string, x: Tensor): void {
  requireTensor(op, x);
  checkArguments(op, [x]);
  if (x.rank > 2)
    throw shapeError(op, `wants [variables, observations] or [observations], got ${formatShape(x.shape)}`);
}

function checkWeights(x: Tensor, name: string, weights: Tensor | undefined): void {
  if (weights === undefined) return;
  requireTensor('cov', weights, name);
  checkArguments('cov', [x, weights]);
  if (name === 'fweights') requireIntegers('cov', weights, name);
  else requireFloat('cov', weights, name);
  const count = x.shape.at(-1) ?? 1;
  if (!sameShape(weights.shape, [count]))
    throw shapeError('cov', `${name} must be [${count}], one for each observation, got ${formatShape(weights.shape)}`);
}

/**
 * The covariances of variables, one a row, over their observations; integers give float32.
 * @param x - [variables, observations], or [observations] of one variable
 * @returns [variables, variables], or a rank-0 variance
 * @example
 * cov(tensor([[0, 1, 2], [2, 1, 0]])); // [[1, -1], [-1, 1]]
 */
export function cov(x: Tensor, options: CovOptions = {}): Tensor {
  if (anyHalf(x)) return inFloat32(cov, x, options);
  requireVariables('cov', x);
  checkOptions('cov', options);
  const { correction = 1, fweights, aweights } = options;
  checkNumber('cov', 'correction', correction);
  checkWeights(x, 'fweights', fweights);
  checkWeights(x, 'aweights', aweights);
  return tidy(() => {
    const values = castTo(x, floatOf(x.dtype));
    const rows = reshape(values, x.rank === 2 ? x.shape : [1, x.size]);
    const count = rows.shape[1] as number;
    const parts = [fweights, aweights].flatMap((w) => (w === undefined ? [] : [castTo(w, values.dtype)]));
    const weights = parts.length === 0 ? null : parts.reduce((a, b) => mul(a, b));
    const total = weights === null ? count : sum(weights);
    const weighed = (t: Tensor): Tensor => (weights === null ? t : mul(t, weights));
    const centred = sub(rows, div(sum(weighed(rows), { axis: 1, keepdim: true }), total));
    // Importance has no number of observations: the correction is taken from the weights' effective one.
    const lost =
      weights === null || aweights === undefined
        ? correction
        : div(mul(sum(mul(weights, castTo(aweights, values.dtype))), correction), total);
    const divisor = typeof total === 'number' ? Math.max(0, count - correction) : clampMin(sub(total, lost), 0);
    const products = matmul(centred, transpose(weighed(centred)));
    const result = div(products, divisor);
    return x.rank === 2 ? result : reshape(result, []);
  });
}

/**
 * Pearson's correlations of variables, one a row, over their observations, in [−1, 1]; integers give float32.
 * @param x - [variables, observations], or [observations] of one variable
 * @returns [variables, variables], or rank 0
 * @example
 * corrcoef(tensor([[0, 1, 2], [2, 1, 0]])); // [[1, -1], [-1, 1]]
 */
export function corrcoef(x: Tensor): Tensor {
  if (anyHalf(x)) return inFloat32(corrcoef, x);
  requireVariables('corrcoef', x);
  return tidy(() => {
    const c = cov(x);
    if (c.rank === 0) return div(c, c);
    const spread = sqrt(diagonal(c));
    return clamp(div(div(c, unsqueeze(spread, 1)), spread), { min: -1, max: 1 });
  });
}

export interface HistogramOptions {
  /** How many bins of equal width there are, or their edges, ascending: [bins + 1]. Default 100. */
  readonly bins?: number | Tensor | undefined;
  /** First and last edge; the smallest and largest element when omitted. */
  readonly range?: readonly [number, number] | undefined;
  /** What each element counts for: of the shape of `x`. */
  readonly weight?: Tensor | undefined;
  /** Whether to give the probability density, whose integral over the bins is 1. */
  readonly density?: boolean | undefined;
}

/** The edges of `bins` equal bins, of the dtype of `x`. */
function equalEdges(x: Tensor, bins: number, range: readonly [number, number] | undefined): Tensor {
  const { dtype, device } = x;
  const steps = linspace(0, 1, bins + 1, { dtype, device });
  const ends = (): Tensor =>
    range === undefined && x.size > 0
      ? stack(aminmax(x))
      : tensor([...(range ?? [0, 1])] as number[], { dtype, device });
  const given = ends();
  const [low, high] = [narrow(given, 0, 0, 1), narrow(given, 0, 1, 1)];
  // One value alone is the middle of a range of width 1.
  const single = eq(low, high);
  const first = where(single, sub(low, 0.5), low);
  const last = where(single, sub(high, -0.5), high);
  // The last edge is the end itself, whatever the rounding of the others.
  return where(eq(steps, 1), last, sub(first, mul(steps, sub(first, last))));
}

function checkHistogram(x: Tensor, options: HistogramOptions): void {
  requireTensor('histogram', x);
  checkArguments('histogram', [x]);
  requireFloat('histogram', x);
  checkOptions('histogram', options);
  const { bins = 100, range, weight, density } = options;
  if (bins instanceof Tensor) {
    checkArguments('histogram', [x, bins]);
    if (bins.rank !== 1 || bins.size < 1)
      throw shapeError('histogram', `edges must be [bins + 1], got ${formatShape(bins.shape)}`);
    if (bins.dtype !== x.dtype)
      throw argumentError('histogram', `edges must be ${x.dtype} like the input, got ${bins.dtype}`);
  } else if (!Number.isSafeInteger(bins) || bins < 1 || bins >= 2 ** 31) {
    throw argumentError('histogram', `bins must be edges or an integer in [1, 2^31), got ${formatValue(bins)}`);
  }
  if (range !== undefined) {
    const [low, high] = Array.isArray(range) && range.length === 2 ? range : [Number.NaN, Number.NaN];
    if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
      throw argumentError('histogram', `range must be [low, high], finite and in order, got ${formatValue(range)}`);
  }
  if (density !== undefined && typeof density !== 'boolean')
    throw argumentError('histogram', `density must be true or false, got ${formatValue(density)}`);
  if (weight === undefined) return;
  requireTensor('histogram', weight, 'weight');
  checkArguments('histogram', [x, weight]);
  requireFloat('histogram', weight, 'weight');
  if (!sameShape(weight.shape, x.shape))
    throw shapeError('histogram', `weight must be ${formatShape(x.shape)}, got ${formatShape(weight.shape)}`);
}

/**
 * How many elements fall into each bin [edge i, edge i + 1), the last with its end; elements outside, and NaN, are left
 * out.
 * @returns [counts [bins], edges [bins + 1]], of the dtype of `x`; no gradients
 * @example
 * histogram(tensor([1, 2, 1, 4]), { bins: 4, range: [0, 4] })[0]; // [0, 2, 1, 1]
 */
export function histogram(x: Tensor, options: HistogramOptions = {}): [counts: Tensor, edges: Tensor] {
  checkHistogram(x, options);
  const { bins = 100, range, weight, density = false } = options;
  return tidy((): [Tensor, Tensor] => {
    const { device } = x;
    const own = x.detach();
    const dtype = anyHalf(x) ? 'float32' : x.dtype;
    const values = castTo(reshape(own, [x.size]), dtype);
    const edges = castTo(bins instanceof Tensor ? bins.detach().clone() : equalEdges(own, bins, range), dtype);
    const count = edges.size - 1;
    const inside = logicalAnd(ge(values, narrow(edges, 0, 0, 1)), le(values, narrow(edges, 0, count, 1)));
    const place = clamp(sub(searchsorted(edges, values, { right: true }), 1), { min: 0, max: Math.max(count - 1, 0) });
    const each =
      weight === undefined
        ? expand(ones([], { dtype, device }), [x.size])
        : castTo(reshape(weight.detach(), [x.size]), dtype);
    const counts = zeros([count], { dtype, device });
    if (x.size > 0 && count > 0) kernels.indexAdd(counts, place, where(inside, each, 0));
    const widths = sub(narrow(edges, 0, 1, count), narrow(edges, 0, 0, count));
    const result = density ? div(counts, mul(sum(counts), widths)) : counts;
    const out = emptyTensor([count], x.dtype, queueOf(x));
    kernels.copy(out, result);
    return [out, castTo(edges, x.dtype)];
  });
}
