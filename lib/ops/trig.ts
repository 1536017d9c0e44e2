import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, mul, sub } from './binary.ts';
import { defineUnary } from './elementwise.ts';
import { requireTensor } from './shared.ts';
import { neg, rsqrt, square } from './unary.ts';

type Unary = (x: Tensor) => Tensor;

/**
 * Tangent of x in radians; integers give float32.
 * @example
 * tan(tensor([0, Math.PI / 4])); // [0, 1]
 */
export const tan: Unary = defineUnary({
  name: 'tan',
  kernel: (out, x) => kernels.tan(out, x),
  gradKernel: (dx, saved, dy) => kernels.tanGrad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => mul(dy, add(square(y), 1)),
});

/**
 * Inverse sine in radians, NaN beyond ±1; integers give float32.
 * @example
 * asin(tensor([0, 1])); // [0, 1.5708]
 */
export const asin: Unary = defineUnary({
  name: 'asin',
  kernel: (out, x) => kernels.asin(out, x),
  gradKernel: (dx, saved, dy) => kernels.asinGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, rsqrt(mul(sub(1, x), add(x, 1)))),
});

/**
 * Inverse cosine in radians, NaN beyond ±1; integers give float32.
 * @example
 * acos(tensor([1, 0])); // [0, 1.5708]
 */
export const acos: Unary = defineUnary({
  name: 'acos',
  kernel: (out, x) => kernels.acos(out, x),
  gradKernel: (dx, saved, dy) => kernels.acosGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => neg(mul(dy, rsqrt(mul(sub(1, x), add(x, 1))))),
});

/**
 * Inverse tangent in radians; integers give float32.
 * @example
 * atan(tensor([0, 1])); // [0, 0.7854]
 */
export const atan: Unary = defineUnary({
  name: 'atan',
  kernel: (out, x) => kernels.atan(out, x),
  gradKernel: (dx, saved, dy) => kernels.atanGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => div(dy, add(square(x), 1)),
});

/**
 * Degrees as radians: x · π / 180; integers give float32.
 * @example
 * deg2rad(tensor([180])); // [3.1416]
 */
export function deg2rad(x: Tensor): Tensor {
  requireTensor('deg2rad', x);
  return mul(x, Math.PI / 180);
}

/**
 * Radians as degrees: x · 180 / π; integers give float32.
 * @example
 * rad2deg(tensor([Math.PI])); // [180]
 */
export function rad2deg(x: Tensor): Tensor {
  requireTensor('rad2deg', x);
  return mul(x, 180 / Math.PI);
}
