// Division with whole quotients, and what it leaves over.
import { kernels } from '../native/kernels.ts';
import { mul } from './binary.ts';
import type { BinaryOp } from './elementwise.ts';
import { defineBinary } from './elementwise.ts';
import { toOperand } from './operands.ts';
import { checkDivisor, floorDivide as divideDown, truncDivide } from './rounded-division.ts';
import { neg } from './unary.ts';

/**
 * ⌊a / b⌋, elementwise with broadcasting. An integer divided by zero is ERR_ARGUMENT: thrown for a number, and when the
 * result is read for a tensor.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * floorDivide(tensor([-7, 7]), 2); // [-4, 3]
 */
export const floorDivide: BinaryOp = divideDown;

/**
 * a − b ⌊a / b⌋, elementwise with broadcasting: it has the sign of b. Integers have none by zero, as for `floorDivide`.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * remainder(tensor([-7, 7]), 3); // [2, 1]
 */
export const remainder: BinaryOp = defineBinary({
  name: 'remainder',
  kernel: (out, a, b) => kernels.remainder(out, a, b),
  result: 'promote',
  saves: [0, 1],
  rejectsBool: true,
  check: (dtype, _a, b) => checkDivisor('remainder', dtype, b),
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [toOperand(a, ctx.needs(0), () => dy), toOperand(b, ctx.needs(1), () => neg(mul(dy, divideDown(a, b))))];
  },
});

/**
 * a − b trunc(a / b), elementwise with broadcasting: it has the sign of a. Integers have none by zero, as for
 * `floorDivide`.
 * @returns the broadcast shape in the operands' common dtype
 * @example
 * fmod(tensor([-7, 7]), 3); // [-1, 1]
 */
export const fmod: BinaryOp = defineBinary({
  name: 'fmod',
  kernel: (out, a, b) => kernels.fmod(out, a, b),
  result: 'promote',
  saves: [0, 1],
  rejectsBool: true,
  check: (dtype, _a, b) => checkDivisor('fmod', dtype, b),
  backward: (ctx, dy) => {
    const [a, b] = ctx.args;
    return [toOperand(a, ctx.needs(0), () => dy), toOperand(b, ctx.needs(1), () => neg(mul(dy, truncDivide(a, b))))];
  },
});
