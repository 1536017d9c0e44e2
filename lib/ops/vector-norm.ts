import { anyHalf, inFloat32 } from '../autograd/precision.ts';
import { argumentError, dtypeError, shapeError } from '../errors.ts';
import { defineOp } from '../autograd/define-op.ts';
import type { Gradients } from '../autograd/tape.ts';
import { isFloat } from '../core/dtype.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { div, mul, pow } from './binary.ts';
import { castTo } from './cast.ts';
import { eq, ne } from './compare.ts';
import { zerosLike } from './creation.ts';
import { amax, amin, sum, sumOver } from './reduce.ts';
import type { ReduceOptions, Reduction } from './reduce-shared.ts';
import { requireElements, resolveReduction, spread } from './reduce-shared.ts';
import { abs, sign, sqrt, square } from './unary.ts';
import { where } from './where.ts';

const normOp = defineOp({
  name: 'norm',
  autocast: 'float32',
  forward: (_ctx, x: Tensor, p: number, r: Reduction): Tensor => {
    const reduce = { axis: r.axes, keepdim: r.keepdim };
    if (p === 0) return castTo(sum(ne(x, 0), reduce), x.dtype);
    if (p === 1) return sum(abs(x), reduce);
    if (p === 2) return sqrt(sum(square(x), reduce));
    if (p === Number.POSITIVE_INFINITY) return amax(abs(x), reduce);
    if (p === Number.NEGATIVE_INFINITY) return amin(abs(x), reduce);
    return pow(sum(pow(abs(x), p), reduce), 1 / p);
  },
  backward: (ctx, dy): Gradients => [normGradient(...ctx.args, ctx.out, dy), null, null],
  saves: [0],
  savesOutputs: [0],
});

/** dy times sign(x) (|x| / norm)^(p − 1); nothing flows where the norm, or for p < 1 the element, is 0. */
function normGradient(x: Tensor, p: number, r: Reduction, norm: Tensor, dy: Tensor): Tensor {
  const whole = (t: Tensor): Tensor => spread(t, x.shape, r);
  if (p === 0) return zerosLike(x);
  if (p === 1) return mul(sign(x), whole(dy));
  if (Math.abs(p) === Number.POSITIVE_INFINITY) {
    // Equal extremes share the gradient evenly, as those of amax.
    const mask = castTo(eq(abs(x), whole(norm)), x.dtype);
    return mul(mul(sign(x), mask), whole(div(dy, sumOver(mask, r.axes, r.keepdim))));
  }
  // An infinite divisor stands where the norm is 0: the quotient is 0, and so are its derivatives.
  const divisor = (power: number): Tensor => {
    const zero = eq(norm, 0);
    const safe = where(zero, 1, norm);
    return where(zero, Number.POSITIVE_INFINITY, power === 1 ? safe : pow(safe, power));
  };
  if (p === 2) return mul(x, whole(div(dy, divisor(1))));
  const zero = eq(x, 0);
  const powers = where(zero, 0, pow(where(zero, 1, abs(x)), p - 1));
  return mul(mul(sign(x), powers), whole(div(dy, divisor(p - 1))));
}

export interface NormOptions extends ReduceOptions {
  /** The power, 2 when omitted ('fro'): 0 counts what is not 0, ±Infinity takes the largest (smallest) magnitude. */
  readonly p?: number | 'fro' | undefined;
}

/**
 * Vector norm over axes: (Σ |x|^p)^(1/p). Its gradient is 0 where the norm is 0.
 * @returns shape of `x` without the reduced axes
 * @throws ERR_SHAPE for an empty axis where the norm has no value: p negative or infinite
 * @example
 * norm(tensor([3, -4])); // 5
 * norm(tensor([[3, -4], [1, 1]]), { p: Infinity, axis: 1 }); // [4, 1]
 */
export function norm(x: Tensor, options: NormOptions = {}): Tensor {
  if (anyHalf(x)) return inFloat32(norm, x, options);
  checkOptions('norm', options);
  const r = resolveReduction('norm', x, options);
  const p: unknown = options.p === 'fro' ? 2 : (options.p ?? 2);
  if (typeof p !== 'number' || Number.isNaN(p)) {
    throw argumentError('norm', `p must be a number or 'fro', got ${formatValue(p)}`);
  }
  if (!isFloat(x.dtype)) throw dtypeError('norm', `wants a float tensor, got ${x.dtype}`);
  if (p < 0 || p === Number.POSITIVE_INFINITY) {
    if (x.rank === 0 && x.size === 0) throw shapeError('norm', `no elements in ${formatShape(x.shape)}`);
    requireElements('norm', x, r.axes);
  }
  return normOp(x, p, r);
}
