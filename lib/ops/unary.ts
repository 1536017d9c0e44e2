import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul, sub } from './binary.ts';
import { gt } from './compare.ts';
import { zerosLike } from './creation.ts';
import { defineUnary } from './elementwise.ts';
import { where } from './where.ts';

type Unary = (x: Tensor) => Tensor;

/**
 * −x, elementwise.
 * @example
 * neg(tensor([1, -2])); // [-1, 2]
 */
export const neg: Unary = defineUnary({
  name: 'neg',
  kernel: (out, x) => kernels.neg(out, x),
  gradKernel: (dx, saved, dy) => kernels.negGrad(dx, saved, dy),
  saves: 'input',
  result: 'keep',
  backward: (_x, dy) => neg(dy),
});

/**
 * |x|, elementwise.
 * @example
 * abs(tensor([1, -2])); // [1, 2]
 */
export const abs: Unary = defineUnary({
  name: 'abs',
  kernel: (out, x) => kernels.abs(out, x),
  gradKernel: (dx, saved, dy) => kernels.absGrad(dx, saved, dy),
  saves: 'input',
  result: 'keep',
  backward: (x, dy) => mul(dy, sign(x)),
});

/**
 * −1, 0 or 1 by the sign of x; its gradient is 0.
 * @example
 * sign(tensor([3, 0, -2])); // [1, 0, -1]
 */
export const sign: Unary = defineUnary({
  name: 'sign',
  kernel: (out, x) => kernels.sign(out, x),
  gradKernel: (dx, saved, dy) => kernels.signGrad(dx, saved, dy),
  saves: 'input',
  result: 'keep',
  backward: (_x, dy) => zerosLike(dy),
});

/** `sign` under its other name. */
export const sgn: Unary = sign;

/**
 * e to the power x; integers give float32.
 * @example
 * exp(tensor([0, 1])); // [1, 2.7183]
 */
export const exp: Unary = defineUnary({
  name: 'exp',
  kernel: (out, x) => kernels.exp(out, x),
  gradKernel: (dx, saved, dy) => kernels.expGrad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => mul(dy, y),
});

/**
 * Natural logarithm; integers give float32.
 * @example
 * log(tensor([1, 10])); // [0, 2.3026]
 */
export const log: Unary = defineUnary({
  name: 'log',
  kernel: (out, x) => kernels.log(out, x),
  gradKernel: (dx, saved, dy) => kernels.logGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => div(dy, x),
});

/**
 * Square root; integers give float32.
 * @example
 * sqrt(tensor([4, 9])); // [2, 3]
 */
export const sqrt: Unary = defineUnary({
  name: 'sqrt',
  kernel: (out, x) => kernels.sqrt(out, x),
  gradKernel: (dx, saved, dy) => kernels.sqrtGrad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => div(dy, mul(y, 2)),
});

/**
 * x², elementwise.
 * @example
 * square(tensor([2, -3])); // [4, 9]
 */
export const square: Unary = defineUnary({
  name: 'square',
  kernel: (out, x) => kernels.square(out, x),
  gradKernel: (dx, saved, dy) => kernels.squareGrad(dx, saved, dy),
  saves: 'input',
  result: 'keep',
  backward: (x, dy) => mul(dy, mul(x, 2)),
});

/**
 * 1 / x; integers give float32.
 * @example
 * reciprocal(tensor([2, 4])); // [0.5, 0.25]
 */
export const reciprocal: Unary = defineUnary({
  name: 'reciprocal',
  kernel: (out, x) => kernels.reciprocal(out, x),
  gradKernel: (dx, saved, dy) => kernels.reciprocalGrad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => neg(mul(dy, square(y))),
});

/**
 * 1/√x, elementwise; integers give float32.
 * @example
 * rsqrt(tensor([1, 4])); // [1, 0.5]
 */
export const rsqrt: Unary = defineUnary({
  name: 'rsqrt',
  kernel: (out, x) => kernels.rsqrt(out, x),
  gradKernel: (dx, saved, dy) => kernels.rsqrtGrad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => mul(mul(dy, mul(y, square(y))), -0.5),
});

/**
 * Sine of x in radians; integers give float32.
 * @example
 * sin(tensor([0, Math.PI / 2])); // [0, 1]
 */
export const sin: Unary = defineUnary({
  name: 'sin',
  kernel: (out, x) => kernels.sin(out, x),
  gradKernel: (dx, saved, dy) => kernels.sinGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(dy, cos(x)),
});

/**
 * Cosine of x in radians; integers give float32.
 * @example
 * cos(tensor([0, Math.PI])); // [1, -1]
 */
export const cos: Unary = defineUnary({
  name: 'cos',
  kernel: (out, x) => kernels.cos(out, x),
  gradKernel: (dx, saved, dy) => kernels.cosGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => neg(mul(dy, sin(x))),
});

/**
 * Hyperbolic tangent; integers give float32.
 * @example
 * tanh(tensor([0, 1])); // [0, 0.7616]
 */
export const tanh: Unary = defineUnary({
  name: 'tanh',
  kernel: (out, x) => kernels.tanh(out, x),
  gradKernel: (dx, saved, dy) => kernels.tanhGrad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => mul(dy, sub(1, square(y))),
});

/**
 * 1 / (1 + e^−x); integers give float32.
 * @example
 * sigmoid(tensor([0])); // [0.5]
 */
export const sigmoid: Unary = defineUnary({
  name: 'sigmoid',
  kernel: (out, x) => kernels.sigmoid(out, x),
  gradKernel: (dx, saved, dy) => kernels.sigmoidGrad(dx, saved, dy),
  saves: 'output',
  result: 'float',
  backward: (y, dy) => mul(dy, mul(y, sub(1, y))),
});

/**
 * max(x, 0); the gradient at 0 is 0.
 * @example
 * relu(tensor([-1, 2])); // [0, 2]
 */
export const relu: Unary = defineUnary({
  name: 'relu',
  kernel: (out, x) => kernels.relu(out, x),
  gradKernel: (dx, saved, dy) => kernels.reluGrad(dx, saved, dy),
  saves: 'output',
  result: 'keep',
  backward: (y, dy) => where(gt(y, 0), dy, 0),
});

/**
 * The error function; integers give float32.
 * @example
 * erf(tensor([0, 1])); // [0, 0.8427]
 */
export const erf: Unary = defineUnary({
  name: 'erf',
  kernel: (out, x) => kernels.erf(out, x),
  gradKernel: (dx, saved, dy) => kernels.erfGrad(dx, saved, dy),
  saves: 'input',
  result: 'float',
  backward: (x, dy) => mul(mul(dy, exp(neg(square(x)))), 2 / Math.sqrt(Math.PI)),
});

/**
 * The largest integer ≤ x; its gradient is 0.
 * @example
 * floor(tensor([1.5, -1.5])); // [1, -2]
 */
export const floor: Unary = defineUnary({
  name: 'floor',
  kernel: (out, x) => kernels.floor(out, x),
  gradKernel: (dx, saved, dy) => kernels.floorGrad(dx, saved, dy),
  saves: 'input',
  result: 'keep',
  backward: (_x, dy) => zerosLike(dy),
});
