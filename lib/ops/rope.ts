import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { checkArguments, defineOp } from '../autograd/define-op.ts';
import type { Spec } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import type { CreateOptions } from '../core/create.ts';
import { create } from '../core/create.ts';
import type { DType } from '../core/dtype.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import { broadcastShapes, formatShape, sameShape } from '../core/shape.ts';
import type { Shape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { mul } from './binary.ts';
import { castTo } from './cast.ts';
import { arange } from './creation.ts';
import { stack } from './join.ts';
import { broadcastView, requireFloat, requireTensor } from './shared.ts';
import { cos, exp, sin } from './unary.ts';
import { reshape, unsqueeze } from './view.ts';

export interface RopeOptions {
  /** Angles fall from 1 to 1 / base along the pairs. */
  readonly base?: number | undefined;
  /** The position of each row, broadcast over all axes of x but the last; 0, 1, 2 … along axis −2 when omitted. */
  readonly positions?: Tensor | null | undefined;
  /** Pairs are neighbours, as in the paper; when false (the default) element k pairs with k + D / 2. */
  readonly interleaved?: boolean | undefined;
}

/** Turning back undoes turning, so this op is its own gradient. */
const rotate = defineOp({
  name: 'rope',
  infer: (x: Spec, _cos: Spec, _sin: Spec, _interleaved: number, _inverse: number): Spec => x,
  forward: (ctx, x, c, s, interleaved, inverse) => {
    const shape = [...x.shape.slice(0, -1), (x.shape.at(-1) as number) / 2];
    kernels.rotate(ctx.out, x, broadcastView('rope', c, shape), broadcastView('rope', s, shape), interleaved, inverse);
  },
  backward: (ctx, dy): Gradients => {
    const [, c, s, interleaved, inverse] = ctx.args;
    return [rotate(dy, c, s, interleaved, 1 - inverse), null, null, null, null];
  },
  saves: [1, 2],
});

function checkBase(op: string, base: unknown): number {
  if (typeof base === 'number' && base > 0 && Number.isFinite(base)) return base;
  throw argumentError(op, `base must be a positive number, got ${formatValue(base)}`);
}

/** position · base^(−2k / size) for each pair k: float64 [..., size / 2]. */
function angles(positions: Tensor, size: number, base: number): Tensor {
  const pairs = arange(size / 2, { dtype: 'float64', device: positions.device });
  const speeds = exp(mul(pairs, (-2 * Math.log(base)) / Math.max(size, 1)));
  return mul(unsqueeze(castTo(positions, 'float64'), positions.rank), speeds);
}

/**
 * Rotary position embedding (RoFormer, Su 2021): pair k of the last axis is turned by position · base^(−2k / D), so that
 * the product of a query and a key depends on their distance alone.
 * @param x - [..., S, D] with D even
 * @returns shape of `x`
 * @throws ERR_SHAPE when D is odd or positions do not broadcast to the rows, ERR_DTYPE when x is not fractional
 * @example
 * rope(ones([1, 4, 8]), { base: 10000 }).shape; // [1, 4, 8]
 */
export function rope(x: Tensor, options: RopeOptions = {}): Tensor {
  checkOptions('rope', options);
  const { base = 10000, positions = null, interleaved = false } = options;
  requireTensor('rope', x);
  if (positions !== null) requireTensor('rope', positions, 'positions');
  checkArguments('rope', [x, positions]);
  requireFloat('rope', x);
  checkBase('rope', base);
  if (typeof interleaved !== 'boolean')
    throw argumentError('rope', `interleaved must be true or false, got ${formatValue(interleaved)}`);
  if (x.rank < (positions === null ? 2 : 1) || (x.shape.at(-1) as number) % 2 !== 0)
    throw shapeError('rope', `wants [..., S, D] with D even, got ${formatShape(x.shape)}`);
  const rows: Shape = x.shape.slice(0, -1);
  if (positions !== null) {
    if (positions.dtype === 'bool') throw dtypeError('rope', 'positions must be numbers, got bool');
    if (!sameShape(broadcastShapes('rope', positions.shape, rows), rows))
      throw shapeError('rope', `positions ${formatShape(positions.shape)} do not broadcast to ${formatShape(rows)}`);
  }
  return tidy(() => {
    const at = positions ?? arange(x.shape.at(-2) as number, { dtype: 'float64', device: x.device });
    // In float64, because a float32 angle of a large position is off by more than the result's rounding.
    const turned = angles(at.requiresGrad ? at.detach() : at, x.shape.at(-1) as number, base);
    return rotate(x, castTo(cos(turned), x.dtype), castTo(sin(turned), x.dtype), interleaved ? 1 : 0, 0);
  });
}

/**
 * The sine and cosine table of "Attention is all you need" (Vaswani 2017): sin(p · base^(−2k / size)) in the even columns,
 * cos in the odd ones.
 * @returns [count, size]
 * @throws ERR_SHAPE when size is odd
 * @example
 * sinusoidalPositions(2, 4); // [[0, 1, 0, 1], [0.8415, 0.5403, 0.01, 1]]
 */
export function sinusoidalPositions<D extends DType = 'float32'>(
  count: number,
  size: number,
  options: CreateOptions<D> & { readonly base?: number | undefined } = {},
): Tensor<D> {
  checkOptions('sinusoidalPositions', options);
  const { base = 10000, ...place } = options;
  checkBase('sinusoidalPositions', base);
  const out = create<D>('sinusoidalPositions', [count, size], place as CreateOptions<D>);
  const { dtype, device, requiresGrad } = out;
  out.dispose();
  if (!isFloat(dtype)) throw dtypeError('sinusoidalPositions', `dtype must be fractional, got ${dtype}`);
  if (size % 2 !== 0) throw shapeError('sinusoidalPositions', `size must be even, got ${size}`);
  return tidy(() => {
    const turned = angles(arange(count, { dtype: 'float64', device }), size, base);
    const table = castTo(reshape(stack([sin(turned), cos(turned)], 2), [count, size]), dtype) as Tensor<D>;
    if (requiresGrad) table.requiresGrad = true;
    return table;
  });
}
