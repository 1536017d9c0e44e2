import { argumentError } from '../errors.ts';
import { tidy } from '../core/scope.ts';
import { requireTensor, type Tensor } from '../core/tensor.ts';
import { formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { add, mul, sub } from './binary.ts';
import { defineUnary, defineUnaryWith } from './elementwise.ts';

type Unary = (x: Tensor) => Tensor;

/**
 * log|Γ(x)|, ∞ at 0, −1, −2, …; integers give float32.
 * @example
 * lgamma(tensor([1, 4])); // [0, 1.7918]
 */
export const lgamma: Unary = defineUnary({
  name: 'lgamma',
  kernel: (out, x) => kernels.lgamma(out, x),
  gradKernel: (dx, saved, dy) => kernels.lgammaGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, digamma(x)),
});

/**
 * The derivative of log Γ(x): ∓∞ at ±0, NaN at −1, −2, …; integers give float32.
 * @example
 * digamma(tensor([1, 2])); // [-0.5772, 0.4228]
 */
export const digamma: Unary = defineUnary({
  name: 'digamma',
  kernel: (out, x) => kernels.digamma(out, x),
  gradKernel: (dx, saved, dy) => kernels.digammaGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, derivative(x, 1, 1)),
});

/** With n ≥ 1 and n!. */
const derivative = defineUnaryWith({
  name: 'polygamma',
  kernel: (out, x, n, factorial) => kernels.polygamma(out, x, n, factorial),
  gradKernel: (dx, x, dy, n, factorial) => kernels.polygammaGrad(dx, x, dy, n, factorial),
  backward: (x, dy, n, factorial) => mul(dy, derivative(x, n + 1, factorial * (n + 1))),
});

/**
 * The n-th derivative of digamma: (−1)^(n+1) n! ζ(n + 1, x) with Hurwitz's ζ; integers give float32.
 * @param n - an integer ≥ 0; 0 is digamma itself
 * @throws ERR_ARGUMENT for another n
 * @example
 * polygamma(1, tensor([1, 2])); // [1.6449, 0.6449]
 */
export function polygamma(n: number, x: Tensor): Tensor {
  if (!Number.isSafeInteger(n) || n < 0 || n > 1e6)
    throw argumentError('polygamma', `n must be an integer from 0 to 1000000, got ${formatValue(n)}`);
  if (n === 0) return digamma(x);
  let factorial = 1;
  for (let i = 2; i <= Math.min(n, 171); i++) factorial *= i;
  return derivative(x, n, factorial);
}

/**
 * The logarithm of the multivariate gamma function of dimension p: p (p − 1) / 4 log π + Σ log Γ(x − j / 2) for j below p;
 * integers give float32.
 * @param x - above (p − 1) / 2, else the logarithms are those of magnitudes
 * @param p - an integer ≥ 1
 * @example
 * mvlgamma(tensor([2]), 2); // [0.4516]
 */
export function mvlgamma(x: Tensor, p: number): Tensor {
  requireTensor('mvlgamma', x);
  if (!Number.isSafeInteger(p) || p < 1 || p > 10_000)
    throw argumentError('mvlgamma', `p must be an integer from 1 to 10000, got ${formatValue(p)}`);
  return tidy(() => {
    let total = lgamma(x);
    for (let j = 1; j < p; j++) total = add(total, lgamma(sub(x, j / 2)));
    return add(total, ((p * (p - 1)) / 4) * Math.log(Math.PI));
  });
}
