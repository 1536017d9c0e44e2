import { argumentError, dtypeError } from '../errors.ts';
import { isFloat } from '../core/dtype.ts';
import { tidy } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { checkOptions, formatValue } from '../core/values.ts';
import { kernels } from '../native/kernels.ts';
import { div, mul } from './binary.ts';
import { zerosLike } from './creation.ts';
import { defineUnary } from './elementwise.ts';
import { requireTensor } from './shared.ts';

type Unary = (x: Tensor) => Tensor;

/**
 * The smallest integer ≥ x; its gradient is 0.
 * @example
 * ceil(tensor([1.5, -1.5])); // [2, -1]
 */
export const ceil: Unary = defineUnary({
  name: 'ceil',
  kernel: (out, x) => kernels.ceil(out, x),
  saves: 'input',
  result: 'keep',
  backward: (_x, dy) => zerosLike(dy),
});

/**
 * The integer next to x towards 0; its gradient is 0.
 * @example
 * trunc(tensor([1.5, -1.5])); // [1, -1]
 */
export const trunc: Unary = defineUnary({
  name: 'trunc',
  kernel: (out, x) => kernels.trunc(out, x),
  saves: 'input',
  result: 'keep',
  backward: (_x, dy) => zerosLike(dy),
});

/** `trunc` under its other name. */
export const fix: Unary = trunc;

const roundWhole: Unary = defineUnary({
  name: 'round',
  kernel: (out, x) => kernels.round(out, x),
  saves: 'input',
  result: 'keep',
  backward: (_x, dy) => zerosLike(dy),
});

export interface RoundOptions {
  /** Digits kept after the point; negative ones round to tens, hundreds, … Default 0. */
  readonly decimals?: number | undefined;
}

/**
 * The nearest integer, halves to even; its gradient is 0.
 * @throws ERR_DTYPE for `decimals` of integers
 * @example
 * round(tensor([0.5, 1.5, -1.7])); // [0, 2, -2]
 * round(tensor([3.14159]), { decimals: 2 }); // [3.14]
 */
export function round(x: Tensor, options: RoundOptions = {}): Tensor {
  checkOptions('round', options);
  const { decimals = 0 } = options;
  if (!Number.isSafeInteger(decimals) || Math.abs(decimals) > 300)
    throw argumentError('round', `decimals must be an integer from -300 to 300, got ${formatValue(decimals)}`);
  if (decimals === 0) return roundWhole(x);
  requireTensor('round', x);
  if (!isFloat(x.dtype)) throw dtypeError('round', `decimals need a fractional dtype, got ${x.dtype}`);
  const scale = 10 ** Math.abs(decimals);
  return tidy(() => (decimals > 0 ? div(roundWhole(mul(x, scale)), scale) : mul(roundWhole(div(x, scale)), scale)));
}

const fraction: Unary = defineUnary({
  name: 'frac',
  kernel: (out, x) => kernels.frac(out, x),
  saves: 'input',
  result: 'float',
  backward: (_x, dy) => dy,
});

/**
 * What is left of x without its integer part: x − trunc(x).
 * @throws ERR_DTYPE for integers
 * @example
 * frac(tensor([1.5, -1.25])); // [0.5, -0.25]
 */
export function frac(x: Tensor): Tensor {
  requireTensor('frac', x);
  if (!isFloat(x.dtype)) throw dtypeError('frac', `wants a fractional dtype, got ${x.dtype}`);
  return fraction(x);
}
