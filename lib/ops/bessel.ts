// Modified Bessel functions of the first kind.
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { add, div, mul, sub } from './binary.ts';
import { eq } from './compare.ts';
import { defineUnary } from './elementwise.ts';
import { sign } from './unary.ts';
import { where } from './where.ts';

type Unary = (x: Tensor) => Tensor;

/**
 * I₀(x), the modified Bessel function of order 0; integers give float32.
 * @example
 * i0(tensor([0, 1])); // [1, 1.2661]
 */
export const i0: Unary = defineUnary({
  name: 'i0',
  kernel: (out, x) => kernels.i0(out, x),
  gradKernel: (dx, saved, dy) => kernels.i0Grad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, i1(x)),
});

/**
 * e^(−|x|) I₀(x), which does not overflow; integers give float32.
 * @example
 * i0e(tensor([0, 1000])); // [1, 0.0126]
 */
export const i0e: Unary = defineUnary({
  name: 'i0e',
  kernel: (out, x) => kernels.i0e(out, x),
  gradKernel: (dx, saved, dy) => kernels.i0eGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => tidy(() => mul(dy, sub(i1e(x), mul(sign(x), i0e(x))))),
});

/** y / x, ½ at 0: what both functions of order 1 divided by their argument tend to. */
function overArgument(y: Tensor, x: Tensor): Tensor {
  const origin = eq(x, 0);
  return where(origin, 0.5, div(y, where(origin, 1, x)));
}

/**
 * I₁(x), the modified Bessel function of order 1; integers give float32.
 * @example
 * i1(tensor([0, 1])); // [0, 0.5652]
 */
export const i1: Unary = defineUnary({
  name: 'i1',
  kernel: (out, x) => kernels.i1(out, x),
  gradKernel: (dx, saved, dy) => kernels.i1Grad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => tidy(() => mul(dy, sub(i0(x), overArgument(i1(x), x)))),
});

/**
 * e^(−|x|) I₁(x), which does not overflow; integers give float32.
 * @example
 * i1e(tensor([0, 1000])); // [0, 0.0126]
 */
export const i1e: Unary = defineUnary({
  name: 'i1e',
  kernel: (out, x) => kernels.i1e(out, x),
  gradKernel: (dx, saved, dy) => kernels.i1eGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) =>
    tidy(() => {
      const y = i1e(x);
      return mul(dy, sub(i0e(x), add(overArgument(y, x), mul(sign(x), y))));
    }),
});
