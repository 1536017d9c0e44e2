// Complex numbers as pairs in a last axis of size 2: see fft.ts.
import { shapeError } from '../errors.ts';
import { tidy } from '../core/scope.ts';
import { formatShape } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { add, mul, sub } from './binary.ts';
import { eq } from './compare.ts';
import { stack } from './join.ts';
import { sum } from './reduce.ts';
import { requireTensor } from './shared.ts';
import { neg, sqrt, square } from './unary.ts';
import { select } from './view.ts';
import { where } from './where.ts';

function parts(op: string, x: Tensor, name: string): [Tensor, Tensor] {
  requirePairs(op, x, name);
  return [select(x, -1, 0), select(x, -1, 1)];
}

function requirePairs(op: string, x: Tensor, name: string): void {
  requireTensor(op, x, name);
  if (x.rank === 0 || x.shape.at(-1) !== 2) {
    throw shapeError(op, `${name} must be complex, a last axis of size 2, got ${formatShape(x.shape)}`);
  }
}

/**
 * Complex numbers from real and imaginary parts of one shape.
 * @returns [..., 2]
 * @example
 * complex(tensor([1, 2]), tensor([0, 3])); // [[1, 0], [2, 3]]
 */
export function complex(real: Tensor, imaginary: Tensor): Tensor {
  requireTensor('complex', real, 'real part');
  requireTensor('complex', imaginary, 'imaginary part');
  return stack([real, imaginary], -1);
}

/**
 * Products of complex numbers; the axes before the last broadcast.
 * @param a - [..., 2]
 * @param b - [..., 2]
 * @returns [..., 2]
 * @example
 * complexMul(tensor([0, 1]), tensor([0, 1])); // [-1, 0]
 */
export function complexMul(a: Tensor, b: Tensor): Tensor {
  requirePairs('complexMul', a, 'left');
  requirePairs('complexMul', b, 'right');
  return tidy(() => {
    const [ar, ai] = parts('complexMul', a, 'left');
    const [br, bi] = parts('complexMul', b, 'right');
    return stack([sub(mul(ar, br), mul(ai, bi)), add(mul(ar, bi), mul(ai, br))], -1);
  });
}

/**
 * Magnitudes √(re² + im²) of complex numbers; the gradient at 0 is 0.
 * @param x - [..., 2]
 * @returns the axes before the last
 * @example
 * complexAbs(tensor([3, 4])); // 5
 */
export function complexAbs(x: Tensor): Tensor {
  requirePairs('complexAbs', x, 'input');
  return tidy(() => {
    const total = sum(square(x), { axis: -1 });
    const zero = eq(total, 0);
    return where(zero, 0, sqrt(where(zero, 1, total)));
  });
}

/**
 * Complex conjugates.
 * @param x - [..., 2]
 * @returns [..., 2]
 * @example
 * complexConj(tensor([3, 4])); // [3, -4]
 */
export function complexConj(x: Tensor): Tensor {
  return tidy(() => {
    const [re, im] = parts('complexConj', x, 'input');
    return stack([re, neg(im)], -1);
  });
}
