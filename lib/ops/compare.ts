import { kernels } from '../native/kernels.ts';
import type { BinaryOp } from './elementwise.ts';
import { defineBinary } from './elementwise.ts';

/**
 * a = b, elementwise with broadcasting.
 * @returns bool of the broadcast shape
 * @example
 * eq(tensor([1, 2]), 2); // [false, true]
 */
export const eq: BinaryOp = defineBinary({
  name: 'eq',
  kernel: (out, a, b) => kernels.eq(out, a, b),
  result: 'bool',
});

/**
 * a ≠ b, elementwise with broadcasting.
 * @returns bool of the broadcast shape
 * @example
 * ne(tensor([1, 2]), 2); // [true, false]
 */
export const ne: BinaryOp = defineBinary({
  name: 'ne',
  kernel: (out, a, b) => kernels.ne(out, a, b),
  result: 'bool',
});

/**
 * a < b, elementwise with broadcasting.
 * @returns bool of the broadcast shape
 * @example
 * lt(tensor([1, 2]), 2); // [true, false]
 */
export const lt: BinaryOp = defineBinary({
  name: 'lt',
  kernel: (out, a, b) => kernels.lt(out, a, b),
  result: 'bool',
});

/**
 * a ≤ b, elementwise with broadcasting.
 * @returns bool of the broadcast shape
 * @example
 * le(tensor([1, 2]), 2); // [true, true]
 */
export const le: BinaryOp = defineBinary({
  name: 'le',
  kernel: (out, a, b) => kernels.le(out, a, b),
  result: 'bool',
});

/**
 * a > b, elementwise with broadcasting.
 * @returns bool of the broadcast shape
 * @example
 * gt(tensor([1, 2]), 2); // [false, false]
 */
export const gt: BinaryOp = defineBinary({
  name: 'gt',
  kernel: (out, a, b) => kernels.gt(out, a, b),
  result: 'bool',
});

/**
 * a ≥ b, elementwise with broadcasting.
 * @returns bool of the broadcast shape
 * @example
 * ge(tensor([1, 2]), 2); // [false, true]
 */
export const ge: BinaryOp = defineBinary({
  name: 'ge',
  kernel: (out, a, b) => kernels.ge(out, a, b),
  result: 'bool',
});
