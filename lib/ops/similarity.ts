// Vectors brought to length 1, and weights by direction and length.
import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { argumentError, shapeError } from '../errors.ts';
import { withContextSync } from '../core/context.ts';
import { tidy } from '../core/scope.ts';
import { formatShape, normalizeAxis, sameShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkNumber, checkOptions, formatValue } from '../core/values.ts';
import { add, div, mul } from './binary.ts';
import { detach } from './cast.ts';
import { gt } from './compare.ts';
import { copy_ } from './inplace.ts';
import { requireNumber, requireOperands } from './loss-shared.ts';
import { matmul } from './matmul.ts';
import { sum } from './reduce.ts';
import { clampMin } from './ternary.ts';
import { norm } from './vector-norm.ts';
import { permute, reshape, transpose } from './view.ts';
import { where } from './where.ts';

export interface NormalizeOptions {
  /** Which norm. */
  readonly p?: number | undefined;
  readonly axis?: number | undefined;
  /** Smaller norms count as this, so that zeros stay zeros. */
  readonly eps?: number | undefined;
}

/**
 * x / max(‖x‖_p, ε) along an axis.
 * @returns shape of `x`
 * @example
 * normalize(tensor([[3, 4]])); // [[0.6, 0.8]]
 */
export function normalize(x: Tensor, options: NormalizeOptions = {}): Tensor {
  if (anyHalf(x)) return inFloat32(normalize, x, options);
  checkOptions('normalize', options);
  const { p = 2, axis = 1, eps = 1e-12 } = options;
  requireOperands('normalize', { input: x });
  requireNumber('normalize', 'eps', eps, 0);
  const along = normalizeAxis('normalize', axis, x.rank);
  return tidy(() => div(x, clampMin(norm(x, { p, axis: along, keepdim: true }), eps)));
}

export interface CosineOptions {
  readonly axis?: number | undefined;
  /** Smaller lengths count as this. */
  readonly eps?: number | undefined;
}

/**
 * a · b / (max(‖a‖, ε) max(‖b‖, ε)) along an axis, the cosine of the angle; shapes broadcast.
 * @returns the broadcast shape without the axis
 * @example
 * cosineSimilarity(tensor([[1, 0]]), tensor([[1, 1]])); // [0.7071]
 */
export function cosineSimilarity(a: Tensor, b: Tensor, options: CosineOptions = {}): Tensor {
  if (anyHalf(a, b)) return inFloat32(cosineSimilarity, a, b, options);
  checkOptions('cosineSimilarity', options);
  const { axis = 1, eps = 1e-8 } = options;
  requireOperands('cosineSimilarity', { a, b });
  requireNumber('cosineSimilarity', 'eps', eps, 0);
  const rank = Math.max(a.rank, b.rank);
  const along = normalizeAxis('cosineSimilarity', axis, rank);
  const unit = (t: Tensor): Tensor => {
    const own = along - (rank - t.rank);
    if (own < 0) throw shapeError('cosineSimilarity', `axis ${axis} is not in ${formatShape(t.shape)}`);
    return div(t, clampMin(norm(t, { axis: own, keepdim: true }), eps));
  };
  return tidy(() => sum(mul(unit(a), unit(b)), { axis: along }));
}

/**
 * g · v / ‖v‖, a weight by its length and direction: the norm is over all axes but one (Salimans and Kingma 2016,
 * arXiv:1602.07868).
 * @param v - direction, any shape
 * @param g - lengths: v's shape with 1 everywhere but at `axis`, or [v.shape[axis]]
 * @param axis - null: one length for the whole tensor
 * @returns shape of `v`
 * @example
 * weightNorm(tensor([[3, 4]]), tensor([10])); // [[6, 8]]
 */
export function weightNorm(v: Tensor, g: Tensor, axis: number | null = 0): Tensor {
  if (anyHalf(v, g)) return inFloat32(weightNorm, v, g, axis);
  requireOperands('weightNorm', { v, g });
  const own = axis === null ? -1 : normalizeAxis('weightNorm', axis, v.rank);
  const kept = v.shape.map((size, i) => (i === own ? size : 1));
  const flat = own < 0 ? [] : [v.shape[own] as number];
  if (!sameShape(g.shape, kept) && !sameShape(g.shape, flat)) {
    throw shapeError(
      'weightNorm',
      `g must be ${formatShape(kept)} or ${formatShape(flat)}, got ${formatShape(g.shape)}`,
    );
  }
  const over = v.shape.map((_, i) => i).filter((i) => i !== own);
  return tidy(() => {
    const size =
      over.length === 0 ? norm(reshape(v, [...v.shape, 1]), { axis: -1 }) : norm(v, { axis: over, keepdim: true });
    return mul(v, div(reshape(g, kept), reshape(size, kept)));
  });
}

export interface SpectralNormOptions {
  /** The axis whose size is u's; the others are flattened to columns. */
  readonly axis?: number | undefined;
  /** Power iterations made before; 0 in evaluation. */
  readonly iterations?: number | undefined;
  /** Smaller lengths count as this while u and v are normalised. */
  readonly eps?: number | undefined;
}

/** Far more than power iteration ever needs; a mistaken 2^31 must not block for hours. */
const mostIterations = 10_000;

/**
 * W / σ, with σ = uᵀ W v the largest singular value found by power iteration (Miyato et al. 2018, arXiv:1802.05957). The
 * vectors count as constants for the gradient.
 * @param weight - at least a matrix
 * @param u - [weight.shape[axis]], the left vector; follows in place when `iterations` > 0
 * @param v - the right vector, as many as the other axes hold; follows too
 * @returns shape of `weight`
 * @example
 * spectralNorm(tensor([[2, 0], [0, 1]]), tensor([1, 0]), tensor([1, 0])); // [[1, 0], [0, 0.5]]
 */
export function spectralNorm(weight: Tensor, u: Tensor, v: Tensor, options: SpectralNormOptions = {}): Tensor {
  checkOptions('spectralNorm', options);
  const { axis = 0, iterations = 1, eps = 1e-12 } = options;
  requireOperands('spectralNorm', { weight, u, v });
  requireNumber('spectralNorm', 'eps', eps, 0);
  if (!Number.isInteger(iterations) || iterations < 0 || iterations > mostIterations) {
    throw argumentError(
      'spectralNorm',
      `iterations must be an integer in [0, ${mostIterations}], got ${formatValue(iterations)}`,
    );
  }
  if (weight.rank < 2)
    throw shapeError('spectralNorm', `weight must be at least a matrix, got ${formatShape(weight.shape)}`);
  const along = normalizeAxis('spectralNorm', axis, weight.rank);
  const rows = weight.shape[along] as number;
  const columns = rows === 0 ? 0 : weight.size / rows;
  if (!sameShape(u.shape, [rows])) throw shapeError('spectralNorm', `u must be [${rows}], got ${formatShape(u.shape)}`);
  if (!sameShape(v.shape, [columns])) {
    throw shapeError('spectralNorm', `v must be [${columns}], got ${formatShape(v.shape)}`);
  }
  return tidy(() => {
    const order = [along, ...weight.shape.map((_, i) => i).filter((i) => i !== along)];
    const matrix = reshape(permute(weight, order), [rows, columns]);
    withContextSync({ gradMode: false }, () => {
      for (let i = 0; i < iterations; i++) {
        copy_(v, normalize(matmul(transpose(matrix), u), { axis: 0, eps }));
        copy_(u, normalize(matmul(matrix, v), { axis: 0, eps }));
      }
    });
    // Copies: the next call's iterations must not change what this one's graph holds.
    const [left, right] = [reshape(mul(detach(u), 1), [1, rows]), reshape(mul(detach(v), 1), [columns, 1])];
    const sigma = matmul(matmul(left, matrix), right);
    return div(
      weight,
      reshape(
        sigma,
        weight.shape.map(() => 1),
      ),
    );
  });
}

/**
 * `x` with each part along `axis` whose p-norm is above `maxnorm` scaled down to it.
 * @param x - at least a matrix
 * @returns shape of `x`
 * @example
 * renorm(tensor([[3, 4], [0.3, 0.4]]), 2, 0, 1); // [[0.6, 0.8], [0.3, 0.4]]
 */
export function renorm(x: Tensor, p: number, axis: number, maxnorm: number): Tensor {
  if (anyHalf(x)) return inFloat32(renorm, x, p, axis, maxnorm);
  requireOperands('renorm', { input: x });
  checkNumber('renorm', 'p', p, (power) => power > 0, '> 0');
  requireNumber('renorm', 'maxnorm', maxnorm, 0);
  if (x.rank < 2) throw shapeError('renorm', `wants at least a matrix, got ${formatShape(x.shape)}`);
  const kept = normalizeAxis('renorm', axis, x.rank);
  const over = x.shape.map((_, i) => i).filter((i) => i !== kept);
  return tidy(() => {
    const size = norm(x, { p, axis: over, keepdim: true });
    // As in PyTorch: a little more than the norm divides.
    return mul(x, where(gt(size, maxnorm), div(maxnorm, add(size, 1e-7)), 1));
  });
}
