// Ops on the bits of integers (and, or, xor and not also of bools), and common divisors.
import { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { eq } from './compare.ts';
import type { BinaryOp } from './elementwise.ts';
import { checkOperand, defineBinary } from './elementwise.ts';
import type { Value } from './shared.ts';
import { requireTensor } from './shared.ts';

/**
 * The bits set in both a and b, elementwise with broadcasting; floats are ERR_DTYPE.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * bitwiseAnd(tensor([6, 3], { dtype: 'int32' }), 2); // [2, 2]
 */
export const bitwiseAnd: BinaryOp = defineBinary({
  name: 'bitwiseAnd',
  kernel: (out, a, b) => kernels.bitwiseAnd(out, a, b),
  result: 'promote',
  integersOnly: true,
});

/**
 * The bits set in a or b, elementwise with broadcasting; floats are ERR_DTYPE.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * bitwiseOr(tensor([4, 3], { dtype: 'int32' }), 2); // [6, 3]
 */
export const bitwiseOr: BinaryOp = defineBinary({
  name: 'bitwiseOr',
  kernel: (out, a, b) => kernels.bitwiseOr(out, a, b),
  result: 'promote',
  integersOnly: true,
});

/**
 * The bits set in exactly one of a and b, elementwise with broadcasting; floats are ERR_DTYPE.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * bitwiseXor(tensor([6, 3], { dtype: 'int32' }), 2); // [4, 1]
 */
export const bitwiseXor: BinaryOp = defineBinary({
  name: 'bitwiseXor',
  kernel: (out, a, b) => kernels.bitwiseXor(out, a, b),
  result: 'promote',
  integersOnly: true,
});

/**
 * The bits not set in x, elementwise: −x − 1 for signed integers, not for bool; floats are ERR_DTYPE.
 * @returns shape and dtype of `x`
 * @example
 * bitwiseNot(tensor([0, 5], { dtype: 'int32' })); // [-1, -6]
 */
export function bitwiseNot<T extends Tensor>(x: T): T {
  requireTensor('bitwiseNot', x);
  return (x.dtype === 'bool' ? eq(x, 0) : bitwiseXor(x, -1)) as T;
}

/** A count that a narrow dtype would wrap to a small one stays too large. */
function count(b: Value): Value {
  return b instanceof Tensor || (Number(b) >= 0 && Number(b) < 64) ? b : typeof b === 'number' && b % 1 !== 0 ? b : 64;
}

const shiftLeft = defineBinary({
  name: 'bitwiseLeftShift',
  kernel: (out, a, b) => kernels.bitwiseLeftShift(out, a, b),
  result: 'promote',
  integersOnly: true,
  rejectsBool: true,
});

/**
 * a · 2ᵇ in the bits there are, elementwise with broadcasting: 0 when b is negative or at least the number of bits.
 * @returns the broadcast shape in the operands' common dtype; floats and bools are ERR_DTYPE
 * @example
 * bitwiseLeftShift(tensor([1, 3], { dtype: 'int32' }), 2); // [4, 12]
 */
export function bitwiseLeftShift(a: Value, b: Value): Tensor {
  checkOperand('bitwiseLeftShift', b);
  return shiftLeft(a, count(b));
}

const shiftRight = defineBinary({
  name: 'bitwiseRightShift',
  kernel: (out, a, b) => kernels.bitwiseRightShift(out, a, b),
  result: 'promote',
  integersOnly: true,
  rejectsBool: true,
});

/**
 * ⌊a / 2ᵇ⌋, elementwise with broadcasting: only the sign is left when b is negative or at least the number of bits.
 * @returns the broadcast shape in the operands' common dtype; floats and bools are ERR_DTYPE
 * @example
 * bitwiseRightShift(tensor([4, -3], { dtype: 'int32' }), 1); // [2, -2]
 */
export function bitwiseRightShift(a: Value, b: Value): Tensor {
  checkOperand('bitwiseRightShift', b);
  return shiftRight(a, count(b));
}

/**
 * The greatest common divisor of |a| and |b|, elementwise with broadcasting; gcd(0, b) = |b|.
 * @returns the broadcast shape in the operands' common dtype; floats and bools are ERR_DTYPE
 * @example
 * gcd(tensor([12, 0], { dtype: 'int32' }), 18); // [6, 18]
 */
export const gcd: BinaryOp = defineBinary({
  name: 'gcd',
  kernel: (out, a, b) => kernels.gcd(out, a, b),
  result: 'promote',
  integersOnly: true,
  rejectsBool: true,
});

/**
 * The least common multiple of |a| and |b|, elementwise with broadcasting; lcm(0, b) = 0.
 * @returns the broadcast shape in the operands' common dtype; floats and bools are ERR_DTYPE
 * @example
 * lcm(tensor([4, 0], { dtype: 'int32' }), 6); // [12, 0]
 */
export const lcm: BinaryOp = defineBinary({
  name: 'lcm',
  kernel: (out, a, b) => kernels.lcm(out, a, b),
  result: 'promote',
  integersOnly: true,
  rejectsBool: true,
});
