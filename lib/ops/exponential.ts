import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, mul, sub } from './binary.ts';
import { defineUnary } from './elementwise.ts';
import { rsqrt, sqrt, square } from './unary.ts';

type Unary = (x: Tensor) => Tensor;

/**
 * 2 to the power x; integers give float32.
 * @example
 * exp2(tensor([0, 3])); // [1, 8]
 */
export const exp2: Unary = defineUnary({
  name: 'exp2',
  kernel: (out, x) => kernels.exp2(out, x),
  gradKernel: (dx, saved, dy) => kernels.exp2Grad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => mul(dy, mul(y, Math.LN2)),
});

/**
 * e^x − 1, exact near 0; integers give float32.
 * @example
 * expm1(tensor([0, 1e-6])); // [0, 1.0000e-6]
 */
export const expm1: Unary = defineUnary({
  name: 'expm1',
  kernel: (out, x) => kernels.expm1(out, x),
  gradKernel: (dx, saved, dy) => kernels.expm1Grad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => mul(dy, add(y, 1)),
});

/**
 * Logarithm to base 2; integers give float32.
 * @example
 * log2(tensor([1, 8])); // [0, 3]
 */
export const log2: Unary = defineUnary({
  name: 'log2',
  kernel: (out, x) => kernels.log2(out, x),
  gradKernel: (dx, saved, dy) => kernels.log2Grad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => div(dy, mul(x, Math.LN2)),
});

/**
 * Logarithm to base 10; integers give float32.
 * @example
 * log10(tensor([1, 1000])); // [0, 3]
 */
export const log10: Unary = defineUnary({
  name: 'log10',
  kernel: (out, x) => kernels.log10(out, x),
  gradKernel: (dx, saved, dy) => kernels.log10Grad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => div(dy, mul(x, Math.LN10)),
});

/**
 * log(1 + x), exact near 0; integers give float32.
 * @example
 * log1p(tensor([0, 1e-6])); // [0, 1.0000e-6]
 */
export const log1p: Unary = defineUnary({
  name: 'log1p',
  kernel: (out, x) => kernels.log1p(out, x),
  gradKernel: (dx, saved, dy) => kernels.log1pGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => div(dy, add(x, 1)),
});

/**
 * Hyperbolic sine; integers give float32.
 * @example
 * sinh(tensor([0, 1])); // [0, 1.1752]
 */
export const sinh: Unary = defineUnary({
  name: 'sinh',
  kernel: (out, x) => kernels.sinh(out, x),
  gradKernel: (dx, saved, dy) => kernels.sinhGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, cosh(x)),
});

/**
 * Hyperbolic cosine; integers give float32.
 * @example
 * cosh(tensor([0, 1])); // [1, 1.5431]
 */
export const cosh: Unary = defineUnary({
  name: 'cosh',
  kernel: (out, x) => kernels.cosh(out, x),
  gradKernel: (dx, saved, dy) => kernels.coshGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, sinh(x)),
});

/**
 * Inverse hyperbolic sine; integers give float32.
 * @example
 * asinh(tensor([0, 1])); // [0, 0.8814]
 */
export const asinh: Unary = defineUnary({
  name: 'asinh',
  kernel: (out, x) => kernels.asinh(out, x),
  gradKernel: (dx, saved, dy) => kernels.asinhGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, rsqrt(add(square(x), 1))),
});

/**
 * Inverse hyperbolic cosine, NaN below 1; integers give float32.
 * @example
 * acosh(tensor([1, 2])); // [0, 1.3170]
 */
export const acosh: Unary = defineUnary({
  name: 'acosh',
  kernel: (out, x) => kernels.acosh(out, x),
  gradKernel: (dx, saved, dy) => kernels.acoshGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => div(dy, mul(sqrt(sub(x, 1)), sqrt(add(x, 1)))),
});

/**
 * Inverse hyperbolic tangent, NaN beyond ±1; integers give float32.
 * @example
 * atanh(tensor([0, 0.5])); // [0, 0.5493]
 */
export const atanh: Unary = defineUnary({
  name: 'atanh',
  kernel: (out, x) => kernels.atanh(out, x),
  gradKernel: (dx, saved, dy) => kernels.atanhGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => div(dy, mul(sub(1, x), add(x, 1))),
});
