// Activations that cut: zero gradient on one side of a bound.
import { argumentError } from '../errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkNumber, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { ge, le } from './compare.ts';
import { defineUnaryWith } from './elementwise.ts';
import { requireTensor } from './shared.ts';
import { abs } from './unary.ts';
import { where } from './where.ts';

const softshrinkOp = defineUnaryWith({
  name: 'softshrink',
  kernel: (out, x, lambda, unused) => kernels.softshrink(out, x, lambda, unused),
  gradKernel: (dx, x, dy, lambda, unused) => kernels.softshrinkGrad(dx, x, dy, lambda, unused),
  backward: (x, dy, lambda) => where(le(abs(x), lambda), 0, dy),
});

/**
 * x moved towards 0 by lambda, and 0 within it; integers give float32.
 * @throws ERR_ARGUMENT for a negative lambda
 * @example
 * softshrink(tensor([-1, 0.2, 2])); // [-0.5, 0, 1.5]
 */
export function softshrink(x: Tensor, lambda = 0.5): Tensor {
  checkNumber('softshrink', 'lambda', lambda, (l) => l >= 0, '≥ 0');
  return softshrinkOp(x, lambda, 0);
}

const hardshrinkOp = defineUnaryWith({
  name: 'hardshrink',
  kernel: (out, x, lambda, unused) => kernels.hardshrink(out, x, lambda, unused),
  gradKernel: (dx, x, dy, lambda, unused) => kernels.hardshrinkGrad(dx, x, dy, lambda, unused),
  backward: (x, dy, lambda) => where(le(abs(x), lambda), 0, dy),
});

/**
 * x where |x| > lambda, else 0; integers give float32.
 * @example
 * hardshrink(tensor([-1, 0.2, 2])); // [-1, 0, 2]
 */
export function hardshrink(x: Tensor, lambda = 0.5): Tensor {
  checkNumber('hardshrink', 'lambda', lambda);
  return hardshrinkOp(x, lambda, 0);
}

const hardtanhOp = defineUnaryWith({
  name: 'hardtanh',
  kernel: (out, x, min, max) => kernels.hardtanh(out, x, min, max),
  gradKernel: (dx, x, dy, min, max) => kernels.hardtanhGrad(dx, x, dy, min, max),
  backward: (x, dy, min, max) => where(le(x, min), 0, where(ge(x, max), 0, dy)),
});

/**
 * x cut to [min, max]; the gradient at the bounds is 0; integers give float32.
 * @throws ERR_ARGUMENT when min > max
 * @example
 * hardtanh(tensor([-3, 0.5, 3])); // [-1, 0.5, 1]
 */
export function hardtanh(x: Tensor, min = -1, max = 1): Tensor {
  checkNumber('hardtanh', 'min', min);
  checkNumber('hardtanh', 'max', max);
  if (min > max) throw argumentError('hardtanh', `min must be ≤ max, got ${formatValue(min)} and ${formatValue(max)}`);
  return hardtanhOp(x, min, max);
}

/**
 * x cut to [0, 6] (Krizhevsky 2010); the gradient at the bounds is 0; integers give float32.
 * @example
 * relu6(tensor([-1, 3, 8])); // [0, 3, 6]
 */
export function relu6(x: Tensor): Tensor {
  requireTensor('relu6', x);
  return hardtanhOp(x, 0, 6);
}

const thresholdOp = defineUnaryWith({
  name: 'threshold',
  kernel: (out, x, limit, value) => kernels.threshold(out, x, limit, value),
  gradKernel: (dx, x, dy, limit, value) => kernels.thresholdGrad(dx, x, dy, limit, value),
  backward: (x, dy, limit) => where(le(x, limit), 0, dy),
});

/**
 * x above `limit`, else `value`; integers give float32.
 * @example
 * threshold(tensor([-1, 3]), 0, 9); // [9, 3]
 */
export function threshold(x: Tensor, limit: number, value: number): Tensor {
  checkNumber('threshold', 'limit', limit);
  checkNumber('threshold', 'value', value);
  return thresholdOp(x, limit, value);
}
