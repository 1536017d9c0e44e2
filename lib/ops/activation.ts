import { argumentError } from '../errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkNumber, checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { geluSlope, siluSlope } from './activation-slopes.ts';
import { add, div, minimum, mul, sub } from './binary.ts';
import { ge, gt, le } from './compare.ts';
import { defineUnary, defineUnaryWith } from './elementwise.ts';
import { requireTensor } from './shared.ts';
import { abs, exp, neg, sigmoid, square, tanh } from './unary.ts';
import { where } from './where.ts';

type Unary = (x: Tensor) => Tensor;

const geluExact: Unary = defineUnary({
  name: 'gelu',
  kernel: (out, x) => kernels.gelu(out, x),
  gradKernel: (dx, saved, dy) => kernels.geluGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, geluSlope(x)),
});

const geluByTanh: Unary = defineUnary({
  name: 'geluTanh',
  kernel: (out, x) => kernels.geluTanh(out, x),
  gradKernel: (dx, saved, dy) => kernels.geluTanhGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => {
    const k = 2 * Math.sqrt(2 / Math.PI);
    const z = square(x);
    const s = sigmoid(mul(x, add(mul(z, 0.044715 * k), k)));
    const slope = add(mul(z, 3 * 0.044715 * k), k);
    return mul(dy, add(s, mul(mul(x, mul(s, sub(1, s))), slope)));
  },
});

export interface GeluOptions {
  /** 'none': with the error function; 'tanh': x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2. Default 'none'. */
  readonly approximate?: 'none' | 'tanh' | undefined;
}

/**
 * x · Φ(x) with Φ the normal distribution function (Hendrycks and Gimpel 2016), elementwise; integers give float32.
 * @example
 * gelu(tensor([-1, 0, 1])); // [-0.1587, 0, 0.8413]
 */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  checkOptions('gelu', options);
  const { approximate = 'none' } = options;
  if (approximate === 'none') return geluExact(x);
  if (approximate === 'tanh') return geluByTanh(x);
  throw argumentError('gelu', `approximate must be 'none' or 'tanh', got ${formatValue(approximate)}`);
}

/**
 * x · σ(x), also called swish (Elfwing et al. 2018); integers give float32.
 * @example
 * silu(tensor([-1, 0, 1])); // [-0.2689, 0, 0.7311]
 */
export const silu: Unary = defineUnary({
  name: 'silu',
  kernel: (out, x) => kernels.silu(out, x),
  gradKernel: (dx, saved, dy) => kernels.siluGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, siluSlope(x)),
});

/**
 * x · tanh(log(1 + e^x)) (Misra 2019); integers give float32.
 * @example
 * mish(tensor([-1, 0, 1])); // [-0.3034, 0, 0.8651]
 */
export const mish: Unary = defineUnary({
  name: 'mish',
  kernel: (out, x) => kernels.mish(out, x),
  gradKernel: (dx, saved, dy) => kernels.mishGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => {
    const t = tanh(softplusOp(x, 1, 40));
    return mul(dy, add(t, mul(mul(x, sigmoid(x)), sub(1, square(t)))));
  },
});

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

/**
 * 1.0507 · (x above 0, else 1.6733 (e^x − 1)) (Klambauer et al. 2017); integers give float32.
 * @example
 * selu(tensor([-1, 0, 1])); // [-1.1113, 0, 1.0507]
 */
export const selu: Unary = defineUnary({
  name: 'selu',
  kernel: (out, x) => kernels.selu(out, x),
  gradKernel: (dx, saved, dy) => kernels.seluGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, where(le(x, 0), mul(exp(minimum(x, 0)), seluAlpha * seluScale), seluScale)),
});

/**
 * x / (1 + |x|); integers give float32.
 * @example
 * softsign(tensor([-1, 0, 3])); // [-0.5, 0, 0.75]
 */
export const softsign: Unary = defineUnary({
  name: 'softsign',
  kernel: (out, x) => kernels.softsign(out, x),
  gradKernel: (dx, saved, dy) => kernels.softsignGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => {
    const d = add(abs(x), 1);
    return div(div(dy, d), d);
  },
});

/**
 * x − tanh(x); integers give float32.
 * @example
 * tanhshrink(tensor([0, 1])); // [0, 0.2384]
 */
export const tanhshrink: Unary = defineUnary({
  name: 'tanhshrink',
  kernel: (out, x) => kernels.tanhshrink(out, x),
  gradKernel: (dx, saved, dy) => kernels.tanhshrinkGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, square(tanh(x))),
});

/**
 * x / 6 + 1/2 cut to [0, 1]; integers give float32.
 * @example
 * hardsigmoid(tensor([-3, 0, 3])); // [0, 0.5, 1]
 */
export const hardsigmoid: Unary = defineUnary({
  name: 'hardsigmoid',
  kernel: (out, x) => kernels.hardsigmoid(out, x),
  gradKernel: (dx, saved, dy) => kernels.hardsigmoidGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => where(ge(abs(x), 3), 0, div(dy, 6)),
});

/**
 * x · hardsigmoid(x) (Howard et al. 2019); integers give float32.
 * @example
 * hardswish(tensor([-3, 1, 3])); // [0, 0.6667, 3]
 */
export const hardswish: Unary = defineUnary({
  name: 'hardswish',
  kernel: (out, x) => kernels.hardswish(out, x),
  gradKernel: (dx, saved, dy) => kernels.hardswishGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => where(le(x, -3), 0, where(ge(x, 3), dy, mul(dy, add(div(x, 3), 0.5)))),
});

/**
 * log(1 / (1 + e^−x)) without underflow; integers give float32.
 * @example
 * logSigmoid(tensor([0, -100])); // [-0.6931, -100]
 */
export const logSigmoid: Unary = defineUnary({
  name: 'logSigmoid',
  kernel: (out, x) => kernels.logSigmoid(out, x),
  gradKernel: (dx, saved, dy) => kernels.logSigmoidGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, sigmoid(neg(x))),
});

const leakyReluOp = defineUnaryWith({
  name: 'leakyRelu',
  kernel: (out, x, slope, unused) => kernels.leakyRelu(out, x, slope, unused),
  gradKernel: (dx, x, dy, slope, unused) => kernels.leakyReluGrad(dx, x, dy, slope, unused),
  backward: (x, dy, slope) => where(gt(x, 0), dy, mul(dy, slope)),
});

/**
 * x above 0, else slope · x (Maas et al. 2013); integers give float32.
 * @example
 * leakyRelu(tensor([-1, 2]), 0.1); // [-0.1, 2]
 */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  checkNumber('leakyRelu', 'slope', slope);
  return leakyReluOp(x, slope, 0);
}

const eluOp = defineUnaryWith({
  name: 'elu',
  kernel: (out, x, alpha, scale) => kernels.elu(out, x, alpha, scale),
  gradKernel: (dx, x, dy, alpha, scale) => kernels.eluGrad(dx, x, dy, alpha, scale),
  backward: (x, dy, alpha, scale) => mul(dy, where(gt(x, 0), 1, mul(exp(mul(minimum(x, 0), scale)), alpha * scale))),
});

/**
 * x above 0, else alpha · (e^x − 1) (Clevert et al. 2016); integers give float32.
 * @example
 * elu(tensor([-1, 2])); // [-0.6321, 2]
 */
export function elu(x: Tensor, alpha = 1): Tensor {
  checkNumber('elu', 'alpha', alpha);
  return eluOp(x, alpha, 1);
}

/**
 * x above 0, else alpha · (e^(x / alpha) − 1), whose slope at 0 is 1 (Barron 2017); integers give float32.
 * @throws ERR_ARGUMENT for alpha = 0
 * @example
 * celu(tensor([-1, 2]), 2); // [-0.7869, 2]
 */
export function celu(x: Tensor, alpha = 1): Tensor {
  checkNumber('celu', 'alpha', alpha, (a) => a !== 0, 'other than 0');
  requireTensor('celu', x);
  return eluOp(x, alpha, 1 / alpha);
}

export interface SoftplusOptions {
  /** Sharpness; default 1. */
  readonly beta?: number | undefined;
  /** Where beta · x is above it the result is x; default 20. */
  readonly threshold?: number | undefined;
}

const softplusOp = defineUnaryWith({
  name: 'softplus',
  kernel: (out, x, beta, threshold) => kernels.softplus(out, x, beta, threshold),
  gradKernel: (dx, x, dy, beta, threshold) => kernels.softplusGrad(dx, x, dy, beta, threshold),
  backward: (x, dy, beta, threshold) => {
    const u = mul(x, beta);
    return mul(dy, where(gt(u, threshold), 1, sigmoid(u)));
  },
});

/**
 * log(1 + e^(beta · x)) / beta, a smooth relu; integers give float32.
 * @example
 * softplus(tensor([-1, 0, 1])); // [0.3133, 0.6931, 1.3133]
 */
export function softplus(x: Tensor, options: SoftplusOptions = {}): Tensor {
  checkOptions('softplus', options);
  const { beta = 1, threshold: limit = 20 } = options;
  checkNumber('softplus', 'beta', beta);
  checkNumber('softplus', 'threshold', limit);
  return softplusOp(x, beta, limit);
}
