import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkNumber } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, mul, sub } from './binary.ts';
import { gt, lt } from './compare.ts';
import { defineUnary, defineUnaryWith } from './elementwise.ts';
import { abs, cos, exp, neg, sin, square } from './unary.ts';
import { where } from './where.ts';

type Unary = (x: Tensor) => Tensor;

/**
 * 1 − erf(x), exact where erf is near 1; integers give float32.
 * @example
 * erfc(tensor([0, 10])); // [1, 2.0885e-45]
 */
export const erfc: Unary = defineUnary({
  name: 'erfc',
  kernel: (out, x) => kernels.erfc(out, x),
  gradKernel: (dx, saved, dy) => kernels.erfcGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(mul(dy, exp(neg(square(x)))), -2 / Math.sqrt(Math.PI)),
});

/**
 * The inverse of erf: ±∞ at ±1, NaN beyond (Giles 2010); integers give float32.
 * @example
 * erfinv(tensor([0, 0.5])); // [0, 0.4769]
 */
export const erfinv: Unary = defineUnary({
  name: 'erfinv',
  kernel: (out, x) => kernels.erfinv(out, x),
  gradKernel: (dx, saved, dy) => kernels.erfinvGrad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => mul(mul(dy, exp(square(y))), Math.sqrt(Math.PI) / 2),
});

/** The power series of (cos u − sin(u) / u) / u in u². */
const sincSeries = Array.from({ length: 10 }, (_, i) => {
  let factorial = 1;
  for (let j = 2; j <= 2 * i + 3; j++) factorial *= j;
  return ((i % 2 === 0 ? -1 : 1) * 2 * (i + 1)) / factorial;
});

/** The derivative of sinc: (cos πx − sinc x) / x, by its series around 0, where that cancels. */
function sincSlope(x: Tensor): Tensor {
  const u = mul(x, Math.PI);
  const z = square(u);
  const [last = 0, ...rest] = [...sincSeries].reverse();
  let series = add(mul(z, 0), last);
  for (const c of rest) series = add(mul(series, z), c);
  const near = lt(abs(x), 0.5);
  const safe = where(near, 1, x);
  const v = mul(safe, Math.PI);
  return where(near, mul(mul(series, u), Math.PI), div(sub(cos(v), div(sin(v), v)), safe));
}

/**
 * sin(πx) / (πx), 1 at 0; integers give float32.
 * @example
 * sinc(tensor([0, 0.5])); // [1, 0.6366]
 */
export const sinc: Unary = defineUnary({
  name: 'sinc',
  kernel: (out, x) => kernels.sinc(out, x),
  gradKernel: (dx, saved, dy) => kernels.sincGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => tidy(() => mul(dy, sincSlope(x))),
});

const logitOp = defineUnaryWith({
  name: 'logit',
  kernel: (out, x, eps, unused) => kernels.logit(out, x, eps, unused),
  gradKernel: (dx, x, dy, eps, unused) => kernels.logitGrad(dx, x, dy, eps, unused),
  backward: (x, dy, eps) => {
    const slope = div(dy, mul(x, sub(1, x)));
    const [low, high, outside] = eps < 0 ? [0, 1, Number.NaN] : [eps, 1 - eps, 0];
    return where(lt(x, low), outside, where(gt(x, high), outside, slope));
  },
});

/**
 * log(x / (1 − x)), the inverse of sigmoid; integers give float32.
 * @param eps - x is clamped to [eps, 1 − eps] first; without it values outside [0, 1] give NaN
 * @example
 * logit(tensor([0.5, 0.75])); // [0, 1.0986]
 */
export function logit(x: Tensor, eps: number | null = null): Tensor {
  if (eps !== null) checkNumber('logit', 'eps', eps, (e) => e >= 0 && e <= 1, 'from 0 to 1');
  return logitOp(x, eps ?? -1, 0);
}
