// Connectives: anything but 0 is true, NaN included.
import type { Tensor } from '../core/tensor.ts';
import { kernels } from '../native/kernels.ts';
import { eq } from './compare.ts';
import type { BinaryOp } from './elementwise.ts';
import { defineBinary } from './elementwise.ts';
import { requireTensor } from './shared.ts';

/**
 * Whether a and b are both other than 0, elementwise with broadcasting.
 * @returns bool of the broadcast shape
 * @example
 * logicalAnd(tensor([0, 2]), tensor([1, 3])); // [false, true]
 */
export const logicalAnd: BinaryOp = defineBinary({
  name: 'logicalAnd',
  kernel: (out, a, b) => kernels.logicalAnd(out, a, b),
  result: 'bool',
});

/**
 * Whether a or b is other than 0, elementwise with broadcasting.
 * @returns bool of the broadcast shape
 * @example
 * logicalOr(tensor([0, 2]), tensor([0, 3])); // [false, true]
 */
export const logicalOr: BinaryOp = defineBinary({
  name: 'logicalOr',
  kernel: (out, a, b) => kernels.logicalOr(out, a, b),
  result: 'bool',
});

/**
 * Whether exactly one of a and b is other than 0, elementwise with broadcasting.
 * @returns bool of the broadcast shape
 * @example
 * logicalXor(tensor([0, 2]), tensor([1, 3])); // [true, false]
 */
export const logicalXor: BinaryOp = defineBinary({
  name: 'logicalXor',
  kernel: (out, a, b) => kernels.logicalXor(out, a, b),
  result: 'bool',
});

/**
 * Whether x is 0, elementwise.
 * @returns bool, shape of `x`
 * @example
 * logicalNot(tensor([0, 2])); // [true, false]
 */
export function logicalNot(x: Tensor): Tensor<'bool'> {
  requireTensor('logicalNot', x);
  return eq(x, 0) as Tensor<'bool'>;
}
