// Derivatives of activations that several ops need.
import type { Tensor } from '../core/tensor.ts';
import { add, mul, sub } from './binary.ts';
import { erfc } from './special.ts';
import { exp, sigmoid, square } from './unary.ts';

/** The derivative of x Φ(x): Φ(x) + x φ(x). */
export function geluSlope(x: Tensor): Tensor {
  const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return add(mul(erfc(mul(x, -Math.SQRT1_2)), 0.5), mul(x, density));
}

/** The derivative of x σ(x): σ (1 + x (1 − σ)). */
export function siluSlope(x: Tensor): Tensor {
  const s = sigmoid(x);
  return mul(s, add(mul(x, sub(1, s)), 1));
}
